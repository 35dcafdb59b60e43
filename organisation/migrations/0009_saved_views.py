"""Saved views of lists, what people pin, with what lists open; with their policies, history and versions."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from crm.core.schema import keep_history, protect, touch

SYSTEM = "current_setting('app.role', true) = 'SYSTEM'"
SHARES_WITH_ALL = "current_setting('app.role', true) IN ('MANAGER', 'ADMINISTRATOR', 'SYSTEM')"
MINE = "owner_id = (SELECT crm_user())"
OF_MY_TEAM = """
team_id = (SELECT u.team_id FROM organisation_user u WHERE u.id = (SELECT crm_user()))
OR team_id IN (SELECT l.team_id FROM organisation_team_leads l WHERE l.user_id = (SELECT crm_user()))
"""
READ = f"""
{SYSTEM} OR {MINE} OR audience = 'ORGANISATION' OR (audience = 'TEAM' AND ({SHARES_WITH_ALL} OR {OF_MY_TEAM}))
"""
WRITE = f"{MINE} OR {SYSTEM}"
OWN = f"user_id = (SELECT crm_user()) OR {SYSTEM}"
OWN_OR_OF_A_ROLE = f"user_id IS NULL OR {OWN}"
DECIDES = f"{OWN} OR (user_id IS NULL AND {SHARES_WITH_ALL})"


def _goes_with_its_view(table):
    name = f"{table}_view"
    forward = (
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (view_id) REFERENCES organisation_savedview (id)"
        " ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED"
    )
    return migrations.RunSQL(forward, reverse_sql=f"ALTER TABLE {table} DROP CONSTRAINT {name}")


class Migration(migrations.Migration):
    """Fails closed. A view is written by its owner alone; what others pinned of it, unseen by him, goes with it."""

    dependencies = [
        ("organisation", "0008_history_by_row"),
    ]

    operations = [
        migrations.CreateModel(
            name="HistoricalSavedView",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("version", models.PositiveIntegerField(db_default=1, editable=False, verbose_name="version")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="changed"
                    ),
                ),
                ("history_actor", models.TextField(editable=False, verbose_name="actor")),
                ("history_source", models.TextField(editable=False, verbose_name="source")),
                ("history_request_id", models.TextField(editable=False, verbose_name="request")),
                ("history_change_set_id", models.BigIntegerField(editable=False, null=True, verbose_name="change set")),
                ("list_key", models.CharField(max_length=40, verbose_name="list")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                (
                    "audience",
                    models.CharField(
                        choices=[("PRIVATE", "Only me"), ("TEAM", "A team"), ("ORGANISATION", "Everybody")],
                        default="PRIVATE",
                        max_length=12,
                        verbose_name="who sees it",
                    ),
                ),
                ("state", models.JSONField(verbose_name="state")),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.CharField(max_length=100, null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="organisation.organisation",
                        verbose_name="organisation",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="organisation.team",
                        verbose_name="team",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical saved view",
                "verbose_name_plural": "historical saved views",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(db_default=1, editable=False, verbose_name="version")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="changed"
                    ),
                ),
                ("list_key", models.CharField(max_length=40, verbose_name="list")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                (
                    "audience",
                    models.CharField(
                        choices=[("PRIVATE", "Only me"), ("TEAM", "A team"), ("ORGANISATION", "Everybody")],
                        default="PRIVATE",
                        max_length=12,
                        verbose_name="who sees it",
                    ),
                ),
                ("state", models.JSONField(verbose_name="state")),
                (
                    "organisation",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organisation.organisation",
                        verbose_name="organisation",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organisation.team",
                        verbose_name="team",
                    ),
                ),
            ],
            options={
                "verbose_name": "saved view",
                "verbose_name_plural": "saved views",
                "ordering": ["name", "pk"],
            },
        ),
        migrations.CreateModel(
            name="ListDefault",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("list_key", models.CharField(max_length=40, verbose_name="list")),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("REP", "Sales rep"),
                            ("TEAM_LEAD", "Team lead"),
                            ("CHAIN_MANAGER", "Chain manager"),
                            ("MANAGER", "Sales manager"),
                            ("ADMINISTRATOR", "Administrator"),
                            ("DPO", "Data-protection officer"),
                            ("AUDITOR", "Auditor"),
                        ],
                        default="",
                        max_length=20,
                        verbose_name="role",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organisation.organisation",
                        verbose_name="organisation",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
                (
                    "view",
                    models.ForeignKey(
                        null=True,
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="organisation.savedview",
                        verbose_name="view",
                    ),
                ),
            ],
            options={
                "verbose_name": "default of a list",
                "verbose_name_plural": "defaults of lists",
            },
        ),
        migrations.CreateModel(
            name="HistoricalListDefault",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("history_actor", models.TextField(editable=False, verbose_name="actor")),
                ("history_source", models.TextField(editable=False, verbose_name="source")),
                ("history_request_id", models.TextField(editable=False, verbose_name="request")),
                ("history_change_set_id", models.BigIntegerField(editable=False, null=True, verbose_name="change set")),
                ("list_key", models.CharField(max_length=40, verbose_name="list")),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("REP", "Sales rep"),
                            ("TEAM_LEAD", "Team lead"),
                            ("CHAIN_MANAGER", "Chain manager"),
                            ("MANAGER", "Sales manager"),
                            ("ADMINISTRATOR", "Administrator"),
                            ("DPO", "Data-protection officer"),
                            ("AUDITOR", "Auditor"),
                        ],
                        default="",
                        max_length=20,
                        verbose_name="role",
                    ),
                ),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.CharField(max_length=100, null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="organisation.organisation",
                        verbose_name="organisation",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
                (
                    "view",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="organisation.savedview",
                        verbose_name="view",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical default of a list",
                "verbose_name_plural": "historical defaults of lists",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="ViewPin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField(verbose_name="position")),
                (
                    "organisation",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organisation.organisation",
                        verbose_name="organisation",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
                (
                    "view",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="organisation.savedview",
                        verbose_name="view",
                    ),
                ),
            ],
            options={
                "verbose_name": "pinned view",
                "verbose_name_plural": "pinned views",
                "ordering": ["position", "pk"],
            },
        ),
        migrations.AddIndex(
            model_name="savedview",
            index=models.Index(fields=["organisation", "list_key"], name="saved_view_by_list"),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                models.F("owner"),
                models.F("list_key"),
                django.db.models.functions.text.Lower("name"),
                name="saved_view_name_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.CheckConstraint(
                condition=models.Q(("audience__in", ["PRIVATE", "TEAM", "ORGANISATION"])),
                name="saved_view_audience_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("audience", "TEAM"), ("team__isnull", False)),
                    models.Q(models.Q(("audience", "TEAM"), _negated=True), ("team__isnull", True)),
                    _connector="OR",
                ),
                name="saved_view_team_where_shared_with_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="listdefault",
            constraint=models.UniqueConstraint(
                fields=("organisation", "list_key", "user", "role"), name="list_default_once", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="listdefault",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("role", ""), ("user__isnull", False)),
                    models.Q(
                        (
                            "role__in",
                            ["REP", "TEAM_LEAD", "CHAIN_MANAGER", "MANAGER", "ADMINISTRATOR", "DPO", "AUDITOR"],
                        ),
                        ("user__isnull", True),
                        ("view__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="list_default_of_user_or_role",
            ),
        ),
        migrations.AddConstraint(
            model_name="viewpin",
            constraint=models.UniqueConstraint(fields=("user", "view"), name="view_pin_once"),
        ),
        _goes_with_its_view("organisation_viewpin"),
        _goes_with_its_view("organisation_listdefault"),
        *protect("organisation_savedview", READ, WRITE),
        *keep_history("organisation_savedview", "organisation_historicalsavedview", READ),
        *touch("organisation_savedview"),
        *protect("organisation_viewpin", OWN),
        *protect("organisation_listdefault", OWN_OR_OF_A_ROLE, DECIDES),
        *keep_history("organisation_listdefault", "organisation_historicallistdefault", OWN_OR_OF_A_ROLE),
    ]
