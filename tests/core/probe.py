"""Models over the tables that tests/core/conftest.py makes. Their app is not installed: no migration sees them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import models

from crm.core.filters import FieldType, FilterField, FilterRegistry, Operator, column, through

NOW = datetime(2026, 3, 28, 11, tzinfo=UTC)


class ProbeRow(models.Model):
    """A row with a column of every type that lists compare."""

    id = models.BigIntegerField(primary_key=True)
    organisation_id = models.BigIntegerField(default=1)
    name = models.TextField(null=True, db_collation="C")  # noqa: DJ001 - NULL is a case of its own
    kind = models.TextField(db_collation="C", default="A")
    amount = models.BigIntegerField(null=True)
    cents = models.BigIntegerField(null=True)
    day = models.DateField(null=True)
    moment = models.DateTimeField(null=True)
    flag = models.BooleanField(null=True)
    owner_id = models.BigIntegerField(null=True)

    class Meta:
        app_label = "probe"
        db_table = "probe_row"
        managed = False

    def __str__(self) -> str:
        return str(self.pk)


class ProbeValue(models.Model):
    """One of several choices of a row."""

    row_id = models.BigIntegerField()
    choice = models.TextField(db_collation="C")

    class Meta:
        app_label = "probe"
        db_table = "probe_value"
        managed = False

    def __str__(self) -> str:
        return self.choice


T = FieldType
KINDS = [("A", "Alpha"), ("B", "Beta"), ("C", "Gamma")]


def names(_scope: Any, ids: Any) -> dict[int, str]:
    """Names of users."""
    return {pk: f"User {pk}" for pk in ids if pk < 100}


def catalogue(scope: Any) -> list[FilterField]:
    """Fields that the catalogue adds, one of them RESTRICTED."""
    tags = through(lambda _scope: ProbeValue.objects.all(), "choice", link="row_id")
    return [
        FilterField(key="fields.tags", label="Tags", type=T.MULTI_CHOICE, choices=KINDS, build=tags),
        FilterField(
            key="fields.secret", label="Secret", type=T.NUMBER, sensitivity="RESTRICTED", build=column("amount")
        ),
    ]


PROBE = FilterRegistry(
    "probe",
    [
        FilterField(key="name", label="Name", type=T.TEXT, folded=True, build=column("name")),
        FilterField(key="kind", label="Kind", type=T.CHOICE, choices=KINDS, nullable=False, build=column("kind")),
        FilterField(
            key="dish",
            label="Dish",
            type=T.CHOICE,
            folded=True,
            choices=[(text, text) for text in ("MÜLLER", "Straße", "Z")],
            build=column("name"),
        ),
        FilterField(key="amount", label="Amount", type=T.NUMBER, build=column("amount")),
        FilterField(key="tenths", label="Tenths", type=T.NUMBER, scale=10, build=column("amount")),
        FilterField(key="price", label="Price", type=T.MONEY, build=column("cents"), right="money.read"),
        FilterField(key="day", label="Day", type=T.DATE, build=column("day")),
        FilterField(key="moment", label="Moment", type=T.DATETIME, build=column("moment")),
        FilterField(key="flag", label="Flag", type=T.BOOLEAN, build=column("flag")),
        FilterField(key="owner", label="Owner", type=T.USER, names=names, build=column("owner_id")),
        FilterField(
            key="number",
            label="Number",
            type=T.REFERENCE,
            operators=(Operator.EQ, Operator.IN),
            nullable=False,
            build=column("id"),
        ),
    ],
    provider=catalogue,
)
