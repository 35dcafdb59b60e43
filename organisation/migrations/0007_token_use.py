"""The use of a token is noted at the request's end, so that revoking it waits for nobody."""

from django.db import migrations

from crm.core.schema import sql_file


class Migration(migrations.Migration):
    """Two functions in the place of one; on the way back the first one stays until its own migration drops it."""

    dependencies = [("organisation", "0006_token_warnings")]

    operations = [sql_file(__file__, "token_use", reverse="DROP FUNCTION organisation_note_token(bytea)")]
