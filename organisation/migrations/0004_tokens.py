"""Tokens of programs, and kept answers to Idempotency-Keys."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from crm.core.schema import protect, sql_file

OWN_TOKENS = "user_id = (SELECT crm_user()) OR current_setting('app.role', true) IN ('ADMINISTRATOR', 'SYSTEM')"
OWN_ANSWERS = "user_id = (SELECT crm_user()) OR current_setting('app.role', true) = 'SYSTEM'"


def _id():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def _organisation():
    return models.ForeignKey(
        editable=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="organisation.organisation",
        verbose_name="organisation",
    )


def _user():
    return models.ForeignKey(
        on_delete=django.db.models.deletion.CASCADE,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
        verbose_name="user",
    )


class Migration(migrations.Migration):
    """A token is read before any scope exists, by one narrow function; else each user sees his own."""

    dependencies = [("organisation", "0003_accounts")]

    operations = [
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", _id()),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("prefix", models.CharField(max_length=12, verbose_name="beginning")),
                ("digest", models.BinaryField(max_length=32, unique=True, verbose_name="digest")),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), size=None, verbose_name="scopes"
                    ),
                ),
                ("created_at", models.DateTimeField(editable=False, verbose_name="created")),
                ("expires_at", models.DateTimeField(verbose_name="valid until")),
                ("last_used_at", models.DateTimeField(blank=True, null=True, verbose_name="last used")),
                ("revoked_at", models.DateTimeField(blank=True, null=True, verbose_name="revoked")),
                ("organisation", _organisation()),
                ("user", _user()),
            ],
            options={
                "verbose_name": "API token",
                "verbose_name_plural": "API tokens",
                "ordering": ["-created_at", "-pk"],
                "indexes": [models.Index(fields=["user", "-created_at"], name="api_token_by_user")],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", _id()),
                ("key", models.CharField(max_length=200, verbose_name="key")),
                ("fingerprint", models.BinaryField(max_length=32, verbose_name="fingerprint")),
                ("status", models.PositiveSmallIntegerField(verbose_name="status")),
                ("headers", models.JSONField(default=dict, verbose_name="headers")),
                ("body", models.TextField(verbose_name="answer")),
                ("created_at", models.DateTimeField(editable=False, verbose_name="created")),
                ("organisation", _organisation()),
                ("user", _user()),
            ],
            options={
                "verbose_name": "kept answer",
                "verbose_name_plural": "kept answers",
                "indexes": [models.Index(fields=["organisation", "created_at"], name="idempotency_by_age")],
                "constraints": [
                    models.UniqueConstraint(fields=["organisation", "user", "key"], name="idempotency_key_once"),
                    models.CheckConstraint(
                        condition=models.Q(("status__range", (200, 499))), name="idempotency_status_is_an_answer"
                    ),
                ],
            },
        ),
        *protect("organisation_apitoken", OWN_TOKENS),
        *protect("organisation_idempotencykey", OWN_ANSWERS),
        sql_file(__file__, "tokens", reverse="DROP FUNCTION organisation_open_token(bytea)"),
    ]
