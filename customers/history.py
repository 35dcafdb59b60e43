"""Reading the history of an account: who changed what and when, and what it was on a day."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Field, Model, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.core.access import Scope
from customers.chains import chain_heads
from customers.choices import LifeStage
from customers.models import (
    Address,
    Contact,
    Customer,
    CustomerFieldValue,
    CustomerTag,
    CustomerUserPermission,
    DeliveredOrder,
    ExternalKey,
    FieldDefinition,
    LifeMark,
    Tag,
)
from customers.shown import MONEY_COLUMNS, column_text, plain_text, upper_first, value_text
from organisation.models import User

PAGE: Final = 50
MOST_ROWS: Final = 400
SKIPPED: Final = {
    "id",
    "organisation",
    "version",
    "created_at",
    "updated_at",
    "name_key",
    "customer",
    "deleted_by",
    "content_object",
}
SOURCES: Final = {
    "page": gettext_lazy("Page"),
    "api": gettext_lazy("API"),
    "admin": gettext_lazy("Administration"),
    "job": gettext_lazy("Job"),
    "command": gettext_lazy("Command"),
    "import": gettext_lazy("Import"),
    "system": gettext_lazy("System"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One changed field. `what` names its row, "" for the account itself; `old` or `new` is "" where nothing was."""

    when: datetime
    actor: str
    is_person: bool
    what: str
    field: str
    old: str
    new: str
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class AsOf:
    """The account at an instant: `facts` and `differences` as (label, then, today)."""

    at: datetime
    existed: bool
    facts: list[tuple[str, str, str]]
    addresses: list[str]
    contacts: list[str]

    @property
    def differences(self) -> list[tuple[str, str, str]]:
        """The facts that are different today."""
        return [fact for fact in self.facts if fact[1] != fact[2]]


class HistoryReader:
    """Reads the history of one visible customer for one scope. People, tags and fields are looked up once."""

    def __init__(self, scope: Scope, customer: Customer) -> None:
        self.scope, self.customer = scope, customer
        self.people: dict[int, str] = dict(User.objects.visible_to(scope).values_list("pk", "name"))
        self.tags: dict[int, str] = dict(Tag.objects.visible_to(scope).values_list("pk", "name"))
        definitions = FieldDefinition.objects.visible_to(scope).readable_in(scope)
        self.fields: dict[int, FieldDefinition] = {field.pk: field for field in definitions}
        merged = Customer.objects.known_to(scope).filter(merged_into=customer)
        self.ids: list[int] = [customer.pk, *merged.values_list("pk", flat=True)]

    def changes(self, before: datetime | None = None, most: int = PAGE) -> tuple[list[Change], datetime | None]:
        """The newest changes before an instant, and the instant behind which older ones lie (None: there are none).

        With those of the accounts that were merged into this one, as far as the scope reads them.
        """
        hanging = Q(customer_id__in=self.ids)
        readers = (
            self._rows(Customer, Q(id__in=self.ids), before),
            self._rows(Address, hanging, before),
            self._rows(Contact, hanging, before),
            self._rows(CustomerFieldValue, hanging & Q(definition_id__in=self.fields), before),
            self._rows(CustomerTag, hanging, before),
            self._rows(ExternalKey, hanging, before),
            self._rows(DeliveredOrder, hanging, before),
            self._rows(LifeMark, hanging, before),
            self._rows(CustomerUserPermission, Q(content_object_id__in=self.ids), before),
        )
        found: list[Change] = []
        reach: datetime | None = None
        for model, rows, border in readers:
            reach = max(filter(None, (reach, border)), default=None)
            found += self._differences(model, rows)
        found.sort(key=lambda change: change.when, reverse=True)
        if reach is not None:  # further back one table was not read to its end
            found = [change for change in found if change.when >= reach]
        if len(found) <= most:
            return found, reach
        last = found[most - 1].when
        page = [change for change in found if change.when >= last]  # one statement's changes stay together
        return page, last if len(page) < len(found) or reach else None

    def as_of(self, at: datetime) -> AsOf:
        """The account as it was at an instant; `existed` is False before its first row."""
        (then,) = self._state(Customer, Q(id=self.customer.pk), at) or (None,)
        if then is None:
            return AsOf(at=at, existed=False, facts=[], addresses=[], contacts=[])
        facts = []
        for field in self._columns(Customer):
            before, today = then[field.attname], getattr(self.customer, field.attname)
            if not before and not today:
                continue
            old, new = self._show(field, before), self._show(field, today)
            facts.append((upper_first(str(field.verbose_name)), old, new))
        facts += self._values_as_of(at)
        return AsOf(
            at=at,
            existed=True,
            facts=facts,
            addresses=[_address(row) for row in self._state(Address, Q(customer_id=self.customer.pk), at)],
            contacts=[_person(row) for row in self._state(Contact, Q(customer_id=self.customer.pk), at)],
        )

    def _values_as_of(self, at: datetime) -> list[tuple[str, str, str]]:
        rule = Q(customer_id=self.customer.pk, definition_id__in=self.fields)
        then = {row["definition_id"]: row["value"] for row in self._state(CustomerFieldValue, rule, at)}
        today = dict(CustomerFieldValue.objects.filter(rule).values_list("definition_id", "value"))
        return [
            (field.label, self.show_value(field, then.get(pk)), self.show_value(field, today.get(pk)))
            for pk, field in self.fields.items()
            if pk in then or pk in today
        ]

    @staticmethod
    def _state(model: type[Model], rule: Q, at: datetime) -> list[dict[str, Any]]:
        """The rows of a table that stood at an instant."""
        rows = model.history.filter(rule, history_date__lte=at)  # type: ignore[attr-defined]
        newest = rows.order_by("id", "-history_date", "-history_id").distinct("id").values()
        return [row for row in newest if row["history_type"] != "-"]

    @staticmethod
    def _rows(
        model: type[Model], rule: Q, before: datetime | None
    ) -> tuple[type[Model], list[dict[str, Any]], datetime | None]:
        """The newest versions before an instant, and the instant of the oldest where older ones are left (None: none are).

        An instant is read whole or not at all. Behind the oldest comes the predecessor of each record that changed.
        """
        history = model.history.filter(rule)  # type: ignore[attr-defined]
        rows = history if before is None else history.filter(history_date__lt=before)
        newest = list(rows.order_by("-history_date", "-history_id").values()[: MOST_ROWS + 1])
        if len(newest) <= MOST_ROWS:
            return model, newest, None
        cut = newest[-1]["history_date"]
        whole = [row for row in newest if row["history_date"] > cut]
        if not whole:  # more versions of one instant than are read at once
            whole = list(history.filter(history_date=cut).order_by("-history_id").values())
        border: datetime = whole[-1]["history_date"]
        oldest = {row["id"]: row["history_type"] for row in whole}
        orphans = [pk for pk, kind in oldest.items() if kind == "~"]
        older = history.filter(id__in=orphans, history_date__lt=border)
        predecessors = older.order_by("id", "-history_date", "-history_id").distinct("id").values()
        return model, [*whole, *predecessors], border

    def _differences(self, model: type[Model], rows: list[dict[str, Any]]) -> Iterator[Change]:
        by_row = sorted(rows, key=lambda row: (row["id"], row["history_date"], row["history_id"]))
        for _pk, versions in itertools.groupby(by_row, key=lambda row: row["id"]):
            previous: dict[str, Any] | None = None
            for row in versions:
                if row["history_type"] == "~" and previous is not None:
                    yield from self._compare(model, previous, row)
                elif row["history_type"] != "~":
                    yield self._whole(model, row, gone=row["history_type"] == "-")
                previous = row

    def _compare(self, model: type[Model], old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        for field in self._columns(model):
            if old[field.attname] != new[field.attname]:
                label, what = str(field.verbose_name), self._what(model, new)
                before, after = self._show(field, old[field.attname]), self._show(field, new[field.attname])
                if model is CustomerFieldValue:
                    definition = self.fields[new["definition_id"]]
                    label, what = definition.label, ""
                    before, after = self.show_value(definition, old["value"]), self.show_value(definition, new["value"])
                yield self._change(new, what, label, before, after)

    def _whole(self, model: type[Model], row: Mapping[str, Any], *, gone: bool) -> Change:
        """A row that came or went, in one line."""
        label, text = self._line(model, row)
        return self._change(row, "", label, text if gone else "", "" if gone else text)

    def _line(self, model: type[Model], row: Mapping[str, Any]) -> tuple[str, str]:  # noqa: PLR0911 - one answer a table
        if model is Customer:
            return _("Customer"), row["company_name"]
        if model is Address:
            return self._what(model, row), _address(row)
        if model is Contact:
            return _("Contact"), _person(row)
        if model is CustomerFieldValue:
            definition = self.fields[row["definition_id"]]
            return definition.label, self.show_value(definition, row["value"])
        if model is CustomerTag:
            return _("Tag"), self.tags.get(row["tag_id"], "")
        if model is ExternalKey:
            return _("External key"), f"{row['source']}: {row['key']}"
        if model is DeliveredOrder:
            return _("Delivered order"), row["number"] or _("without a number")
        if model is LifeMark:
            return str(LifeStage(row["stage"]).label), plain_text(row["day"])
        return _("Shared with"), self.people.get(row["user_id"], _("unknown"))

    def _what(self, model: type[Model], row: Mapping[str, Any]) -> str:
        if model is Address:
            kinds = dict(Address._meta.get_field("kind").flatchoices)
            return _("Address, %(kind)s") % {"kind": kinds.get(row["kind"], row["kind"])}
        if model is Customer and row["id"] != self.customer.pk:
            return str(row["company_name"])
        return _person(row) if model is Contact else ""

    def _change(self, row: Mapping[str, Any], what: str, label: str, old: str, new: str) -> Change:
        actor = row["history_actor"]
        return Change(
            when=row["history_date"],
            actor=actor_label(actor, self.people),
            is_person=actor.startswith("user:"),
            what=what,
            field=upper_first(label),
            old=old,
            new=new,
            source=str(SOURCES.get(row["history_source"], row["history_source"])),
            reason=row["history_change_reason"] or "",
        )

    def _columns(self, model: type[Model]) -> Iterable[Field[Any, Any]]:
        hidden = SKIPPED if self.scope.allows("money.read") else SKIPPED | MONEY_COLUMNS
        fields = (field for field in model._meta.fields if field.name not in hidden and not field.generated)
        return [field for field in fields if field.name not in {"text_key", "number_key"}]

    def _show(self, field: Field[Any, Any], value: Any) -> str:
        if value in (None, "", []):
            return ""
        if field.name in {"owner", "activated_by", "user"}:
            return self.people.get(value, _("unknown"))
        if field.name in {"chain", "merged_into"}:
            return self.customer.company_name if value == self.customer.pk else chain_text(value)
        if field.model is Customer:
            return column_text(field.name, value)
        if field.flatchoices:
            return str(dict(field.flatchoices).get(value, value))
        return plain_text(value)

    def show_value(self, definition: FieldDefinition, value: Any) -> str:
        """A catalogue value as people read it."""
        return value_text(definition, value, self.people)


def actor_label(actor: str, people: Mapping[int, str]) -> str:
    """`user:5` by name, a job or system by its own."""
    kind, _colon, name = actor.partition(":")
    if kind == "user" and name.isdigit():
        return people.get(int(name), _("Former user"))
    if kind == "job":
        return _("Job %(name)s") % {"name": name}
    return name or actor


def chain_text(chain_id: int) -> str:
    """A chain by its name, where the scope sees it or one of its locations."""
    head = chain_heads([chain_id]).get(chain_id)
    return f"{head.company_name} ({head.customer_number})" if head else _("unknown")


def _address(row: Mapping[str, Any]) -> str:
    street = f"{row['street']} {row['house_number']}".strip()
    town = f"{row['postcode']} {row['city']}".strip()
    return ", ".join(filter(None, (street, town)))


def _person(row: Mapping[str, Any]) -> str:
    return f"{row['first_name']} {row['last_name']}".strip()
