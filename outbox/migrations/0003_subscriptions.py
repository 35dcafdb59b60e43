"""Subscribers of events, their secrets and messages, and who may see them."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from crm.core.schema import keep_history, protect, sql_file, touch

ROLE = "(SELECT current_setting('app.role', true))"
LOOKS_AFTER = f"{ROLE} IN ('MANAGER', 'ADMINISTRATOR', 'SYSTEM')"
OWN = f"{LOOKS_AFTER} OR owner_id = (SELECT crm_user())"
OF_VISIBLE = f"{LOOKS_AFTER} OR subscription_id IN (SELECT s.id FROM outbox_subscription s)"


class Migration(migrations.Migration):
    """Integrations are looked after by managers and administrators; everybody else sees his own subscriptions."""

    dependencies = [
        ("organisation", "0003_accounts"),
        ("outbox", "0002_policies"),
    ]

    operations = [
        migrations.CreateModel(
            name="Subscription",
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
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("url", models.CharField(max_length=2000, verbose_name="address")),
                ("description", models.CharField(blank=True, max_length=500, verbose_name="description")),
                (
                    "types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80), size=None, verbose_name="events"
                    ),
                ),
                (
                    "subject_kinds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="kinds of records",
                    ),
                ),
                (
                    "max_per_second",
                    models.PositiveSmallIntegerField(default=20, verbose_name="messages a second at most"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ACTIVE", "Active"),
                            ("FAILING", "Failing"),
                            ("PAUSED", "Paused"),
                            ("DISABLED", "Switched off"),
                        ],
                        default="PAUSED",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("UNPROVEN", "No test message was accepted yet"),
                            ("BY_HAND", "Paused by hand"),
                            ("GONE", "The address answered 410"),
                            ("TOO_LONG", "Five days without a success"),
                            ("ACTS_AS", "The account it acts as is not active"),
                        ],
                        default="UNPROVEN",
                        max_length=8,
                        verbose_name="reason",
                    ),
                ),
                (
                    "state_since",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="state since"
                    ),
                ),
                ("proven_at", models.DateTimeField(null=True, verbose_name="test message accepted")),
                ("stopped_at", models.BigIntegerField(null=True, verbose_name="position where it stopped")),
                (
                    "acts_as",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="acts as",
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
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="to be told",
                    ),
                ),
            ],
            options={
                "verbose_name": "subscription",
                "verbose_name_plural": "subscriptions",
            },
        ),
        migrations.CreateModel(
            name="HistoricalSubscription",
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
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("url", models.CharField(max_length=2000, verbose_name="address")),
                ("description", models.CharField(blank=True, max_length=500, verbose_name="description")),
                (
                    "types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80), size=None, verbose_name="events"
                    ),
                ),
                (
                    "subject_kinds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="kinds of records",
                    ),
                ),
                (
                    "max_per_second",
                    models.PositiveSmallIntegerField(default=20, verbose_name="messages a second at most"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ACTIVE", "Active"),
                            ("FAILING", "Failing"),
                            ("PAUSED", "Paused"),
                            ("DISABLED", "Switched off"),
                        ],
                        default="PAUSED",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("UNPROVEN", "No test message was accepted yet"),
                            ("BY_HAND", "Paused by hand"),
                            ("GONE", "The address answered 410"),
                            ("TOO_LONG", "Five days without a success"),
                            ("ACTS_AS", "The account it acts as is not active"),
                        ],
                        default="UNPROVEN",
                        max_length=8,
                        verbose_name="reason",
                    ),
                ),
                (
                    "state_since",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="state since"
                    ),
                ),
                ("proven_at", models.DateTimeField(null=True, verbose_name="test message accepted")),
                ("stopped_at", models.BigIntegerField(null=True, verbose_name="position where it stopped")),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.CharField(max_length=100, null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "acts_as",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="acts as",
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
                "verbose_name": "historical subscription",
                "verbose_name_plural": "historical subscriptions",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="Replay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("actor", models.CharField(max_length=80, verbose_name="actor")),
                ("filters", models.JSONField(default=dict, verbose_name="chosen by")),
                ("count", models.PositiveIntegerField(verbose_name="events")),
                (
                    "state",
                    models.CharField(
                        choices=[("RUNNING", "Running"), ("DONE", "Done"), ("STOPPED", "Stopped")],
                        default="RUNNING",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
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
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="replays",
                        to="outbox.subscription",
                        verbose_name="subscription",
                    ),
                ),
            ],
            options={
                "verbose_name": "replay",
                "verbose_name_plural": "replays",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="SubscriptionPace",
            fields=[
                (
                    "subscription",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="pace",
                        serialize=False,
                        to="outbox.subscription",
                        verbose_name="subscription",
                    ),
                ),
                (
                    "next_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="next message not before"
                    ),
                ),
                ("failures", models.PositiveIntegerField(default=0, verbose_name="failures in a row")),
                ("failing_since", models.DateTimeField(null=True, verbose_name="failing since")),
                ("told_hours", models.PositiveSmallIntegerField(default=0, verbose_name="told after so many hours")),
                ("success_at", models.DateTimeField(null=True, verbose_name="last success")),
            ],
            options={
                "verbose_name": "pace of a subscription",
                "verbose_name_plural": "paces of subscriptions",
            },
        ),
        migrations.CreateModel(
            name="Dispatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("type", models.CharField(max_length=80, verbose_name="type")),
                ("subject_type", models.CharField(max_length=40, verbose_name="subject type")),
                ("subject_id", models.BigIntegerField(verbose_name="subject")),
                ("position", models.BigIntegerField(verbose_name="position")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("WAITING", "Waiting"),
                            ("DONE", "Delivered"),
                            ("DEAD", "Given up"),
                            ("HIDDEN", "Not to be seen"),
                            ("SKIPPED", "Left out"),
                        ],
                        default="WAITING",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "run_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="due"),
                ),
                ("locked_until", models.DateTimeField(null=True, verbose_name="held by a worker until")),
                ("done_at", models.DateTimeField(null=True, verbose_name="finished")),
                (
                    "error",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("STATUS", "Refused by its status"),
                            ("REDIRECT", "Redirect, which is not followed"),
                            ("TIMEOUT", "No answer in time"),
                            ("CONNECT", "No connection"),
                            ("BROKEN", "Connection broken off"),
                            ("ADDRESS", "Address refused"),
                            ("LOST", "Broken off on our side"),
                            ("EXPIRED", "Waited too long"),
                        ],
                        max_length=8,
                        verbose_name="error",
                    ),
                ),
                ("gap", models.BooleanField(null=True, verbose_name="gap before it")),
                ("gap_told", models.BooleanField(default=False, verbose_name="the reader knows that it is missing")),
                ("body", models.BinaryField(null=True, verbose_name="message")),
                (
                    "before",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("WAITING", "Waiting"),
                            ("DONE", "Delivered"),
                            ("DEAD", "Given up"),
                            ("HIDDEN", "Not to be seen"),
                            ("SKIPPED", "Left out"),
                        ],
                        max_length=8,
                        verbose_name="state before the replay",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="outbox.event",
                        verbose_name="event",
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
                    "replay",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="dispatches",
                        to="outbox.replay",
                        verbose_name="replay",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="dispatches",
                        to="outbox.subscription",
                        verbose_name="subscription",
                    ),
                ),
            ],
            options={
                "verbose_name": "message to a subscriber",
                "verbose_name_plural": "messages to subscribers",
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(verbose_name="attempt")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="time")),
                ("status", models.PositiveSmallIntegerField(null=True, verbose_name="status")),
                (
                    "error",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("STATUS", "Refused by its status"),
                            ("REDIRECT", "Redirect, which is not followed"),
                            ("TIMEOUT", "No answer in time"),
                            ("CONNECT", "No connection"),
                            ("BROKEN", "Connection broken off"),
                            ("ADDRESS", "Address refused"),
                            ("LOST", "Broken off on our side"),
                            ("EXPIRED", "Waited too long"),
                        ],
                        max_length=8,
                        verbose_name="error",
                    ),
                ),
                ("milliseconds", models.PositiveIntegerField(verbose_name="milliseconds")),
                ("answer", models.BinaryField(default=b"", verbose_name="beginning of the answer")),
                ("replay_id", models.BigIntegerField(null=True, verbose_name="replay")),
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
                    "dispatch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tries",
                        to="outbox.dispatch",
                        verbose_name="message",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="outbox.subscription",
                        verbose_name="subscription",
                    ),
                ),
            ],
            options={
                "verbose_name": "attempt",
                "verbose_name_plural": "attempts",
            },
        ),
        migrations.CreateModel(
            name="SubscriptionSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("CURRENT", "Current"), ("PREVIOUS", "Running out")],
                        default="CURRENT",
                        max_length=8,
                        verbose_name="role",
                    ),
                ),
                ("sealed", models.BinaryField(verbose_name="sealed secret")),
                ("tail", models.CharField(max_length=4, verbose_name="last four characters")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                ("ends_at", models.DateTimeField(null=True, verbose_name="signs until")),
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
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="secrets",
                        to="outbox.subscription",
                        verbose_name="subscription",
                    ),
                ),
            ],
            options={
                "verbose_name": "secret of a subscription",
                "verbose_name_plural": "secrets of subscriptions",
            },
        ),
        migrations.AddField(
            model_name="subscriptionpace",
            name="organisation",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organisation.organisation",
                verbose_name="organisation",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.UniqueConstraint(fields=("organisation", "name"), name="subscription_name_once"),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["ACTIVE", "FAILING", "PAUSED", "DISABLED"])),
                name="subscription_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason__in", ["", "UNPROVEN", "BY_HAND", "GONE", "TOO_LONG", "ACTS_AS"])),
                name="subscription_reason_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(("max_per_second__gte", 1), ("max_per_second__lte", 100)),
                name="subscription_pace_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(("types", []), _negated=True), name="subscription_hears_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="replay",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["RUNNING", "DONE", "STOPPED"])), name="replay_state_known"
            ),
        ),
        migrations.AddIndex(
            model_name="dispatch",
            index=models.Index(
                condition=models.Q(("state", "WAITING")), fields=["subscription", "position"], name="dispatch_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="dispatch",
            index=models.Index(
                condition=models.Q(("state", "WAITING")),
                fields=["subscription", "subject_type", "subject_id", "position"],
                name="dispatch_order",
            ),
        ),
        migrations.AddIndex(
            model_name="dispatch",
            index=models.Index(
                condition=models.Q(("state", "DEAD")),
                fields=["subscription", "subject_type", "subject_id", "position"],
                name="dispatch_dead",
            ),
        ),
        migrations.AddIndex(
            model_name="dispatch",
            index=models.Index(
                condition=models.Q(("locked_until__isnull", False), ("state", "WAITING")),
                fields=["subscription", "locked_until"],
                name="dispatch_held",
            ),
        ),
        migrations.AddIndex(
            model_name="dispatch",
            index=models.Index(fields=["subscription", "-position"], name="dispatch_list"),
        ),
        migrations.AddIndex(
            model_name="dispatch",
            index=models.Index(fields=["organisation", "done_at"], name="dispatch_finished"),
        ),
        migrations.AddIndex(
            model_name="dispatch",
            index=models.Index(
                condition=models.Q(("replay__isnull", False)), fields=["replay"], name="dispatch_replay"
            ),
        ),
        migrations.AddConstraint(
            model_name="dispatch",
            constraint=models.UniqueConstraint(fields=("subscription", "event"), name="dispatch_once"),
        ),
        migrations.AddConstraint(
            model_name="dispatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["WAITING", "DONE", "DEAD", "HIDDEN", "SKIPPED"])),
                name="dispatch_state_known",
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(fields=["subscription", "-at"], name="attempt_of_subscription"),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(fields=["organisation", "at"], name="attempt_trim"),
        ),
        migrations.AddConstraint(
            model_name="subscriptionsecret",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["CURRENT", "PREVIOUS"])), name="subscription_secret_role_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="subscriptionsecret",
            constraint=models.UniqueConstraint(fields=("subscription", "role"), name="subscription_secret_once"),
        ),
        *protect("outbox_subscription", OWN),
        *keep_history("outbox_subscription", "outbox_historicalsubscription", OWN),
        *touch("outbox_subscription"),
        *protect("outbox_subscriptionsecret", OF_VISIBLE),
        *protect("outbox_subscriptionpace", OF_VISIBLE),
        *protect("outbox_replay", OF_VISIBLE),
        *protect("outbox_dispatch", OF_VISIBLE),
        *protect("outbox_attempt", OF_VISIBLE),
        sql_file(
            __file__,
            "subscriptions",
            reverse="DROP FUNCTION outbox_due_subscriptions(); DROP FUNCTION outbox_failing_subscriptions();"
            " DROP FUNCTION outbox_hears(varchar[], varchar[], text, text); DROP FUNCTION outbox_uuid7(timestamptz)",
        ),
    ]
