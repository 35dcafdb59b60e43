"""What hangs on an account moves to another one. Every foreign key to Customer is named here; a test holds that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from django.db.models import Model

from customers.models import (
    Address,
    Contact,
    Customer,
    CustomerFieldValue,
    CustomerTag,
    CustomerUserPermission,
    DeliveredOrder,
    ExternalKey,
    LifeMark,
)
from customers.services.grants import CODENAMES
from customers.services.merging.choosing import LOSER, suggest_value, values_of

Sides = Mapping[int, str]
Mover = Callable[[Customer, Customer, Sides], int]


def move_rows(winner: Customer, loser: Customer, sides: Sides) -> int:
    """Move all that hangs on `loser` to `winner`; how many rows were written.

    `sides` maps catalogue fields (ids of definitions) to the side that the value is taken from, where somebody chose. What
    both have (a tag, an order, a stage) is there once afterwards; history keeps what the other one was.
    """
    return sum(move(winner, loser, sides) for move in MOVERS.values())


def _all(model: type[Model], name: str = "customer") -> Mover:
    """Row by row as they are."""

    def move(winner: Customer, loser: Customer, _sides: Sides) -> int:
        return int(model._default_manager.filter(**{name: loser}).update(**{name: winner}))

    return move


def _once(model: type[Model], *key: str) -> Mover:
    """Those that the other account has by the same key go; an empty key is nobody's."""

    def move(winner: Customer, loser: Customer, _sides: Sides) -> int:
        rows = model._default_manager
        there = set(rows.filter(customer=winner).values_list(*key))
        mine = rows.filter(customer=loser).values_list("pk", *key)
        doubled = [pk for pk, *values in mine if all(values) and tuple(values) in there]
        if doubled:
            rows.filter(pk__in=doubled).delete()
        return len(doubled) + rows.filter(customer=loser).update(customer=winner)

    return move


def _addresses(winner: Customer, loser: Customer, _sides: Sides) -> int:
    """The kept account's primary address of a kind stays the primary one."""
    kinds = Address.objects.filter(customer=winner, is_primary=True).values_list("kind", flat=True)
    rows = Address.objects.filter(customer=loser)
    yielding = rows.filter(is_primary=True, kind__in=list(kinds))
    return yielding.update(customer=winner, is_primary=False) + rows.update(customer=winner)


def _values(winner: Customer, loser: Customer, sides: Sides) -> int:
    """One value a field. The kept account's row takes the other's value, so that the way back meets no second row."""
    gone: list[int] = []
    moved: list[int] = []
    written: list[CustomerFieldValue] = []
    for definition_id, (mine, other) in values_of(winner, loser).items():
        side = sides.get(definition_id) or suggest_value(winner, loser, (mine, other))
        if mine is None and other is not None:
            (moved if side == LOSER else gone).append(other.pk)
            continue
        if other is not None:
            gone.append(other.pk)
        if mine is not None and side == LOSER:
            if other is None:
                gone.append(mine.pk)
            elif mine.value != other.value:
                mine.value = other.value
                written.append(mine)
    if gone:
        CustomerFieldValue.objects.filter(pk__in=gone).delete()
    if moved:
        CustomerFieldValue.objects.filter(pk__in=moved).update(customer=winner)
    if written:
        CustomerFieldValue.objects.bulk_update(written, ["value"])
    return len(gone) + len(moved) + len(written)


def _grants(winner: Customer, loser: Customer, _sides: Sides) -> int:
    """Who shares both keeps the narrower of the two grants; who shares one, his."""
    rows = CustomerUserPermission.objects.filter(content_object__in=[winner, loser])
    by_user: dict[int, dict[int, list[CustomerUserPermission]]] = {}
    for row in rows.select_related("permission").order_by("pk"):
        by_user.setdefault(row.user_id, {}).setdefault(row.content_object_id, []).append(row)
    gone, moved = [], []
    for grants in by_user.values():
        mine, others = grants.get(winner.pk, []), grants.get(loser.pk, [])
        if not mine:
            moved += [row.pk for row in others]
            continue
        if others and _changes(mine) and not _changes(others):
            reading = [row for row in mine if not _changes([row])]
            gone += [row.pk for row in mine if row not in reading]
            (gone if reading else moved).extend(row.pk for row in others)
        else:
            gone += [row.pk for row in others]
    if gone:
        CustomerUserPermission.objects.filter(pk__in=gone).delete()
    if moved:
        CustomerUserPermission.objects.filter(pk__in=moved).update(content_object=winner)
    return len(gone) + len(moved)


def _changes(rows: list[CustomerUserPermission]) -> bool:
    return any(row.permission.codename == CODENAMES["change"] for row in rows)


MOVERS: Final[dict[tuple[type[Model], str], Mover]] = {
    (Address, "customer"): _addresses,
    (Contact, "customer"): _all(Contact),
    (CustomerFieldValue, "customer"): _values,
    (CustomerTag, "customer"): _once(CustomerTag, "tag_id"),
    (CustomerUserPermission, "content_object"): _grants,
    (DeliveredOrder, "customer"): _once(DeliveredOrder, "number"),
    (ExternalKey, "customer"): _all(ExternalKey),
    (LifeMark, "customer"): _once(LifeMark, "stage", "day"),
    (Customer, "chain"): _all(Customer, "chain"),
    (Customer, "merged_into"): _all(Customer, "merged_into"),
}
"""By model and foreign key."""
