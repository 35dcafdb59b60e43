"""When the owner of a token was told of its end."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A column that older code leaves empty."""

    dependencies = [("organisation", "0005_options")]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="warned_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="its end was told"),
        ),
    ]
