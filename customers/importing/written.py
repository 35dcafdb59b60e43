"""The cells of customers as exports write them, set-based. Imports compare with them what comes back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from crm.core.access import Scope
from customers.choices import FieldEntity
from customers.importing.chains import CHAIN_KEY
from customers.importing.columns import ADDRESS_FIELDS, CUSTOMER_COLUMNS
from customers.importing.mapping import CATALOGUE, NUMBER
from customers.models import (
    Address,
    Customer,
    CustomerFieldValue,
    CustomerHot,
    CustomerTag,
    ExternalKey,
    FieldDefinition,
)
from customers.sheets import number_text

Cells = dict[str, str]

YES, NO = "ja", "nein"
LISTED: Final = {
    "actual_volume": True,
    "open_opportunity": True,
    **dict.fromkeys(
        (
            "account_type",
            "season_now",
            "last_contact_at",
            "last_order_at",
            "created_at",
            "sample_status",
            "roi_bucket",
            "next_appointment_at",
        ),
        False,
    ),
}
"""Columns of the list that no import takes, and whether they are numbers."""
_CENTS: Final = {"actual_volume": "actual_volume_cents", "open_opportunity": "open_opportunity_cents"}
_ADDRESS: Final = [name.removeprefix("address.") for name in ADDRESS_FIELDS if name != "address.text"]


def cells_of(scope: Scope, ids: Collection[int], *, listed: bool = False) -> dict[int, Cells]:
    """The cells of these customers by field, without empty ones; those out of sight are left out.

    Fields of the catalogue that the scope may not read are not there; the caller leaves out columns of the account. `listed`:
    with what the list alone shows. Seven queries, whatever their number, and one more for `listed`.
    """
    customers = Customer.objects.visible_to(scope).filter(pk__in=ids).select_related("owner")
    found = {one.pk: _of_account(one) for one in customers}
    chain_of = {one.pk: one.chain_id for one in customers if one.chain_id}
    _add_addresses(scope, found)
    _add_tags(scope, found)
    _add_keys(scope, found)
    _add_chains(scope, found, chain_of)
    _add_values(scope, found)
    if listed:
        for row in CustomerHot.objects.visible_to(scope).filter(pk__in=found):
            found[row.pk] |= _of_list(row, scope)
    return {pk: {key: text for key, text in cells.items() if text} for pk, cells in found.items()}


def text_of(value: Any, zone: ZoneInfo | None = None) -> str:
    """A stored value as a cell."""
    text = "" if value is None else str(value)
    if isinstance(value, bool):
        text = YES if value else NO
    elif isinstance(value, int | float | Decimal):
        text = number_text(value)
    elif isinstance(value, datetime):
        text = value.astimezone(zone).replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")
    elif isinstance(value, list | tuple):
        text = "; ".join(str(item) for item in value)
    return text


def _of_account(one: Customer) -> Cells:
    cells = {name: text_of(getattr(one, name)) for name in CUSTOMER_COLUMNS}
    return cells | {
        NUMBER: one.customer_number,
        "status": one.status,
        "owner": one.owner.email if one.owner else "",
    }


def _of_list(row: CustomerHot, scope: Scope) -> Cells:
    zone = ZoneInfo(scope.zone)
    cents = {key: getattr(row, column) for key, column in _CENTS.items()}
    return {key: text_of(getattr(row, key), zone) for key in LISTED if key not in _CENTS} | {
        key: "" if value is None else number_text(Decimal(value) / 100) for key, value in cents.items()
    }


def _add_addresses(scope: Scope, found: dict[int, Cells]) -> None:
    """The first primary address of each; an import updates it by its kind."""
    rows = Address.objects.visible_to(scope).filter(customer_id__in=found, is_primary=True)
    for row in rows.order_by("customer_id", "pk").distinct("customer_id"):
        found[row.customer_id] |= {f"address.{name}": text_of(getattr(row, name)) for name in _ADDRESS}


def _add_tags(scope: Scope, found: dict[int, Cells]) -> None:
    names: dict[int, list[str]] = {}
    rows = CustomerTag.objects.visible_to(scope).filter(customer_id__in=found)
    for pk, name in rows.order_by("tag__name").values_list("customer_id", "tag__name"):
        names.setdefault(pk, []).append(name)
    for pk, tags in names.items():
        found[pk]["tags"] = text_of(tags)


def _keys(scope: Scope, ids: Iterable[int]) -> list[tuple[int, str, str]]:
    rows = ExternalKey.objects.visible_to(scope).filter(customer_id__in=list(ids))
    return list(rows.order_by("-pk").values_list("customer_id", "source", "key"))


def _add_keys(scope: Scope, found: dict[int, Cells]) -> None:
    """The oldest key of each; a chain's own is another column's."""
    for pk, source, key in _keys(scope, found):
        if not key.startswith(CHAIN_KEY):
            found[pk] |= {"external_key": key, "external_key.source": source}


def _add_chains(scope: Scope, found: dict[int, Cells], chain_of: Mapping[int, int]) -> None:
    """Key and name of a location's chain, where one sees the chain; one without a key goes by its number."""
    ids = set(chain_of.values())
    heads = Customer.objects.visible_to(scope).filter(pk__in=ids)
    chains = {pk: (number, name) for pk, number, name in heads.values_list("pk", "customer_number", "company_name")}
    keys = {pk: key.removeprefix(CHAIN_KEY) for pk, _source, key in _keys(scope, chains) if key.startswith(CHAIN_KEY)}
    for pk, chain_id in chain_of.items():
        if chain_id in chains:
            number, name = chains[chain_id]
            found[pk] |= {"chain.key": keys.get(chain_id, number), "chain.name": name}


def _add_values(scope: Scope, found: dict[int, Cells]) -> None:
    catalogue = {one.pk: one.key for one in FieldDefinition.objects.catalogue(scope, FieldEntity.CUSTOMER)}
    rows = CustomerFieldValue.objects.visible_to(scope).filter(customer_id__in=found, definition_id__in=catalogue)
    for pk, definition_id, value in rows.values_list("customer_id", "definition_id", "value"):
        found[pk][f"{CATALOGUE}{catalogue[definition_id]}"] = text_of(value)
