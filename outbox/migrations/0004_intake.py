"""Connections, their secrets, what came in through the webhook door, calls out; with their row-level security."""

import django.db.models.deletion
import django.db.models.functions.datetime
import simple_history.models
from django.conf import settings
from django.db import migrations, models

import outbox.models.connections
from crm.core.schema import keep_history, protect, sql_file, touch

# By role, as the Python wall says (`outbox/querysets.py`).
READERS = "(SELECT current_setting('app.role', true)) IN ('MANAGER', 'ADMINISTRATOR', 'SYSTEM')"
KEEPERS = "(SELECT current_setting('app.role', true)) IN ('ADMINISTRATOR', 'SYSTEM')"
TABLES = ("connectioncheck", "calllog", "inboxrequest", "inboxevent", "inboxrefusal", "remoteevent")
REVERSE = """
DROP TRIGGER keep_body ON outbox_inboxrequest; DROP FUNCTION outbox_keep_body(); DROP FUNCTION outbox_connection_at(text, text)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("organisation", "0003_accounts"),
        ("outbox", "0003_subscriptions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Connection",
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
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="deleted")),
                ("provider", models.CharField(editable=False, max_length=40, verbose_name="provider")),
                ("label", models.CharField(max_length=80, verbose_name="name")),
                ("base_url", models.CharField(blank=True, max_length=500, verbose_name="address")),
                ("options", models.JSONField(default=dict, verbose_name="settings")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("DRAFT", "Being set up"),
                            ("ACTIVE", "Active"),
                            ("PAUSED", "Paused"),
                            ("BROKEN", "Credentials refused"),
                        ],
                        default="DRAFT",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("state_reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                (
                    "key",
                    models.CharField(
                        default=outbox.models.connections.new_key,
                        max_length=27,
                        unique=True,
                        verbose_name="key of the webhook address",
                    ),
                ),
                (
                    "deleted_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="deleted by",
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
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="to be told",
                    ),
                ),
            ],
            options={
                "verbose_name": "connection",
                "verbose_name_plural": "connections",
            },
        ),
        migrations.CreateModel(
            name="CallLog",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="time")),
                ("operation", models.CharField(max_length=40, verbose_name="operation")),
                ("method", models.CharField(max_length=7, verbose_name="method")),
                ("path", models.CharField(max_length=200, verbose_name="path")),
                ("status", models.PositiveSmallIntegerField(null=True, verbose_name="status")),
                ("milliseconds", models.PositiveIntegerField(verbose_name="milliseconds")),
                ("attempt", models.PositiveSmallIntegerField(verbose_name="attempt")),
                ("breaker", models.CharField(max_length=9, verbose_name="breaker")),
                ("error", models.CharField(blank=True, max_length=80, verbose_name="kind of error")),
                ("request_id", models.CharField(max_length=64, verbose_name="request")),
                ("sent_bytes", models.PositiveIntegerField(verbose_name="bytes sent")),
                ("received_bytes", models.PositiveIntegerField(verbose_name="bytes received")),
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
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="calls",
                        to="outbox.connection",
                        verbose_name="connection",
                    ),
                ),
            ],
            options={
                "verbose_name": "call",
                "verbose_name_plural": "calls",
            },
        ),
        migrations.CreateModel(
            name="ConnectionCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("queued_until", models.DateTimeField(null=True, verbose_name="in the queue until")),
                ("due_at", models.DateTimeField(null=True, verbose_name="due")),
                ("locked_until", models.DateTimeField(null=True, verbose_name="held by a worker until")),
                ("checked_at", models.DateTimeField(null=True, verbose_name="last asked")),
                (
                    "result",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("OK", "Answers"),
                            ("REFUSED", "Refuses the credentials"),
                            ("WRONG", "Answers wrongly"),
                            ("AWAY", "Does not answer"),
                        ],
                        max_length=12,
                        verbose_name="result",
                    ),
                ),
                ("status", models.PositiveSmallIntegerField(null=True, verbose_name="status")),
                ("milliseconds", models.PositiveIntegerField(null=True, verbose_name="milliseconds")),
                ("succeeded_at", models.DateTimeField(null=True, verbose_name="last success")),
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="check_row",
                        to="outbox.connection",
                        verbose_name="connection",
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
            ],
            options={
                "verbose_name": "connection check",
                "verbose_name_plural": "connection checks",
            },
        ),
        migrations.CreateModel(
            name="Credential",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=30, verbose_name="kind")),
                (
                    "role",
                    models.CharField(
                        choices=[("CURRENT", "In use"), ("NEXT", "To come"), ("PREVIOUS", "Running out")],
                        max_length=8,
                        verbose_name="role",
                    ),
                ),
                ("sealed", models.BinaryField(verbose_name="sealed value")),
                ("ending", models.CharField(max_length=4, verbose_name="last characters")),
                ("valid_until", models.DateTimeField(null=True, verbose_name="valid until")),
                ("set_at", models.DateTimeField(verbose_name="set")),
                ("last_used_at", models.DateTimeField(null=True, verbose_name="last used")),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="credentials",
                        to="outbox.connection",
                        verbose_name="connection",
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
                    "set_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="set by",
                    ),
                ),
            ],
            options={
                "verbose_name": "credential",
                "verbose_name_plural": "credentials",
            },
        ),
        migrations.CreateModel(
            name="HistoricalConnection",
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
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="deleted")),
                ("history_actor", models.TextField(editable=False, verbose_name="actor")),
                ("history_source", models.TextField(editable=False, verbose_name="source")),
                ("history_request_id", models.TextField(editable=False, verbose_name="request")),
                ("history_change_set_id", models.BigIntegerField(editable=False, null=True, verbose_name="change set")),
                ("provider", models.CharField(editable=False, max_length=40, verbose_name="provider")),
                ("label", models.CharField(max_length=80, verbose_name="name")),
                ("base_url", models.CharField(blank=True, max_length=500, verbose_name="address")),
                ("options", models.JSONField(default=dict, verbose_name="settings")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("DRAFT", "Being set up"),
                            ("ACTIVE", "Active"),
                            ("PAUSED", "Paused"),
                            ("BROKEN", "Credentials refused"),
                        ],
                        default="DRAFT",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("state_reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                (
                    "key",
                    models.CharField(
                        db_index=True,
                        default=outbox.models.connections.new_key,
                        max_length=27,
                        verbose_name="key of the webhook address",
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
                    "deleted_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="deleted by",
                    ),
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
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="to be told",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical connection",
                "verbose_name_plural": "historical connections",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="InboxRefusal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("BAD_SIGNATURE", "Wrong signature"),
                            ("STALE", "Timestamp too far off"),
                            ("TOO_LARGE", "Too large"),
                        ],
                        max_length=13,
                        verbose_name="kind",
                    ),
                ),
                ("minute", models.DateTimeField(verbose_name="minute")),
                ("count", models.PositiveIntegerField(default=1, verbose_name="count")),
                ("digest", models.CharField(blank=True, max_length=64, verbose_name="digest of the body")),
                ("size", models.PositiveBigIntegerField(null=True, verbose_name="size in bytes")),
                ("header_names", models.JSONField(default=list, verbose_name="names of the headers")),
                ("network", models.CharField(blank=True, max_length=43, verbose_name="shortened address")),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="refusals",
                        to="outbox.connection",
                        verbose_name="connection",
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
            ],
            options={
                "verbose_name": "refused request",
                "verbose_name_plural": "refused requests",
            },
        ),
        migrations.CreateModel(
            name="InboxRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dedupe_key", models.CharField(max_length=200, verbose_name="key against repeats")),
                ("body", models.BinaryField(null=True, verbose_name="body")),
                ("size", models.PositiveIntegerField(verbose_name="size in bytes")),
                ("headers", models.JSONField(default=dict, verbose_name="headers")),
                ("address", models.GenericIPAddressField(null=True, verbose_name="address")),
                ("received_at", models.DateTimeField(verbose_name="received")),
                ("seen", models.PositiveIntegerField(default=1, verbose_name="seen")),
                ("last_seen_at", models.DateTimeField(verbose_name="last seen")),
                (
                    "credential_role",
                    models.CharField(
                        choices=[("CURRENT", "In use"), ("NEXT", "To come"), ("PREVIOUS", "Running out")],
                        max_length=8,
                        verbose_name="role then",
                    ),
                ),
                ("split_at", models.DateTimeField(null=True, verbose_name="taken apart")),
                ("known_parts", models.PositiveIntegerField(default=0, verbose_name="parts known before")),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requests",
                        to="outbox.connection",
                        verbose_name="connection",
                    ),
                ),
                (
                    "credential",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="outbox.credential",
                        verbose_name="verified by",
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
            ],
            options={
                "verbose_name": "inbox request",
                "verbose_name_plural": "inbox requests",
            },
        ),
        migrations.CreateModel(
            name="InboxEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("n", models.PositiveIntegerField(verbose_name="part")),
                ("external_key", models.CharField(max_length=200, verbose_name="external key")),
                ("type", models.CharField(blank=True, max_length=80, verbose_name="type")),
                ("subject", models.CharField(blank=True, max_length=200, verbose_name="subject")),
                ("occurred_at", models.DateTimeField(null=True, verbose_name="occurred")),
                ("received_at", models.DateTimeField(verbose_name="received")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("NEW", "New"),
                            ("RUNNING", "In work"),
                            ("DONE", "Done"),
                            ("IGNORED", "Not used"),
                            ("SUPERSEDED", "Overtaken"),
                            ("WAITING", "Waits for its object"),
                            ("RETRY", "To be tried again"),
                            ("DEAD", "Given up"),
                        ],
                        default="NEW",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("BAD_JSON", "No JSON"),
                            ("BAD_SHAPE", "Unknown shape"),
                            ("UNKNOWN_OBJECT", "Its object never came"),
                            ("REFUSED_BY_RULE", "Refused by a rule"),
                            ("GONE_THERE", "Gone at the provider"),
                            ("TOO_MANY_ATTEMPTS", "Too many attempts"),
                            ("BUG", "Error of ours"),
                            ("TYPE_NOT_USED", "Type not used"),
                            ("DISMISSED", "Dismissed"),
                        ],
                        max_length=20,
                        verbose_name="reason",
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="note")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "run_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="due"),
                ),
                ("locked_until", models.DateTimeField(null=True, verbose_name="held by a worker until")),
                ("waits_until", models.DateTimeField(null=True, verbose_name="waits until")),
                ("done_at", models.DateTimeField(null=True, verbose_name="finished")),
                ("error", models.CharField(blank=True, max_length=80, verbose_name="kind of error")),
                ("replays", models.PositiveSmallIntegerField(default=0, verbose_name="replays")),
                ("acted_by", models.CharField(blank=True, max_length=80, verbose_name="replayed or dismissed by")),
                ("acted_at", models.DateTimeField(null=True, verbose_name="replayed or dismissed")),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="outbox.connection",
                        verbose_name="connection",
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
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="outbox.inboxrequest",
                        verbose_name="request",
                    ),
                ),
            ],
            options={
                "verbose_name": "inbox event",
                "verbose_name_plural": "inbox events",
            },
        ),
        migrations.CreateModel(
            name="RemoteEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event_id", models.CharField(max_length=200, verbose_name="event id")),
                ("source", models.CharField(max_length=200, verbose_name="source")),
                ("type", models.CharField(max_length=80, verbose_name="type")),
                ("subject", models.CharField(blank=True, max_length=200, verbose_name="subject")),
                ("occurred_at", models.DateTimeField(verbose_name="occurred")),
                ("position", models.BigIntegerField(null=True, verbose_name="position in their feed")),
                ("version", models.PositiveIntegerField(null=True, verbose_name="version")),
                ("gap", models.BooleanField(default=False, verbose_name="an earlier one is missing")),
                ("data", models.JSONField(default=dict, verbose_name="data")),
                ("kept_at", models.DateTimeField(verbose_name="kept")),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="remote_events",
                        to="outbox.connection",
                        verbose_name="connection",
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
            ],
            options={
                "verbose_name": "event of another installation",
                "verbose_name_plural": "events of other installations",
            },
        ),
        migrations.AddIndex(
            model_name="connection",
            index=models.Index(fields=["organisation", "label"], name="connection_list"),
        ),
        migrations.AddConstraint(
            model_name="connection",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["DRAFT", "ACTIVE", "PAUSED", "BROKEN"])),
                name="connection_state_known",
            ),
        ),
        migrations.AddIndex(
            model_name="calllog",
            index=models.Index(fields=["connection", "-id"], name="call_by_connection"),
        ),
        migrations.AddIndex(
            model_name="calllog",
            index=models.Index(fields=["organisation", "at"], name="call_by_time"),
        ),
        migrations.AddIndex(
            model_name="connectioncheck",
            index=models.Index(condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="check_due"),
        ),
        migrations.AddConstraint(
            model_name="connectioncheck",
            constraint=models.CheckConstraint(
                condition=models.Q(("result__in", ["", "OK", "REFUSED", "WRONG", "AWAY"])), name="check_result_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["CURRENT", "NEXT", "PREVIOUS"])), name="credential_role_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="inboxrefusal",
            constraint=models.UniqueConstraint(fields=("connection", "kind", "minute"), name="inbox_refusal_once"),
        ),
        migrations.AddConstraint(
            model_name="inboxrefusal",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["BAD_SIGNATURE", "STALE", "TOO_LARGE"])), name="inbox_refusal_known"
            ),
        ),
        migrations.AddIndex(
            model_name="inboxrequest",
            index=models.Index(
                condition=models.Q(("split_at__isnull", True)), fields=["connection", "id"], name="inbox_request_whole"
            ),
        ),
        migrations.AddIndex(
            model_name="inboxrequest",
            index=models.Index(fields=["organisation", "received_at"], name="inbox_request_by_time"),
        ),
        migrations.AddIndex(
            model_name="inboxrequest",
            index=models.Index(fields=["connection", "address"], name="inbox_request_by_address"),
        ),
        migrations.AddConstraint(
            model_name="inboxrequest",
            constraint=models.UniqueConstraint(fields=("connection", "dedupe_key"), name="inbox_request_once"),
        ),
        migrations.AddIndex(
            model_name="inboxevent",
            index=models.Index(
                condition=models.Q(("state__in", ("NEW", "RUNNING", "WAITING", "RETRY"))),
                fields=["connection", "id"],
                name="inbox_event_open",
            ),
        ),
        migrations.AddIndex(
            model_name="inboxevent",
            index=models.Index(
                condition=models.Q(("state__in", ("NEW", "RUNNING", "RETRY"))),
                fields=["connection", "subject", "id"],
                name="inbox_event_order",
            ),
        ),
        migrations.AddIndex(
            model_name="inboxevent",
            index=models.Index(fields=["organisation", "-received_at", "-id"], name="inbox_event_list"),
        ),
        migrations.AddIndex(
            model_name="inboxevent",
            index=models.Index(fields=["organisation", "state", "-id"], name="inbox_event_by_state"),
        ),
        migrations.AddIndex(
            model_name="inboxevent",
            index=models.Index(fields=["connection", "subject", "-id"], name="inbox_event_by_subject"),
        ),
        migrations.AddIndex(
            model_name="inboxevent",
            index=models.Index(fields=["request", "n"], name="inbox_event_by_request"),
        ),
        migrations.AddConstraint(
            model_name="inboxevent",
            constraint=models.UniqueConstraint(fields=("connection", "external_key"), name="inbox_event_once"),
        ),
        migrations.AddConstraint(
            model_name="inboxevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["NEW", "RUNNING", "DONE", "IGNORED", "SUPERSEDED", "WAITING", "RETRY", "DEAD"])
                ),
                name="inbox_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="inboxevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "reason__in",
                        [
                            "",
                            "BAD_JSON",
                            "BAD_SHAPE",
                            "UNKNOWN_OBJECT",
                            "REFUSED_BY_RULE",
                            "GONE_THERE",
                            "TOO_MANY_ATTEMPTS",
                            "BUG",
                            "TYPE_NOT_USED",
                            "DISMISSED",
                        ],
                    )
                ),
                name="inbox_reason_known",
            ),
        ),
        migrations.AddIndex(
            model_name="remoteevent",
            index=models.Index(fields=["connection", "-position", "-id"], name="remote_event_feed"),
        ),
        migrations.AddIndex(
            model_name="remoteevent",
            index=models.Index(fields=["connection", "subject", "-position"], name="remote_event_by_subject"),
        ),
        migrations.AddConstraint(
            model_name="remoteevent",
            constraint=models.UniqueConstraint(fields=("connection", "event_id"), name="remote_event_once"),
        ),
        *protect("outbox_connection", READERS),
        *keep_history("outbox_connection", "outbox_historicalconnection", READERS),
        *touch("outbox_connection"),
        *protect("outbox_credential", KEEPERS),
        *(operation for table in TABLES for operation in protect(f"outbox_{table}", READERS)),
        sql_file(__file__, "intake", reverse=REVERSE),
    ]
