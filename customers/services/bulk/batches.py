"""One batch: lock, check each row as the single service does, write set-based."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from crm.core.access import Scope
from crm.core.errors import DomainError
from customers.choices import Refused
from customers.models import Customer
from customers.services.bulk.changes import Change
from customers.services.bulk.selection import Selection
from customers.services.locking import lock_customers, require_changeable

SIZE: Final = 1_000
"""Customers a transaction: half a second of work, so that writers of the same rows never wait long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the walk stands: the round (see `Change.rounds`) and the id of the last customer."""

    round: int = 0
    last: int = 0


@dataclass(slots=True, kw_only=True)
class Done:
    """What a batch did. `next` is None where all is done; `refused` pairs ids with codes."""

    changed: int = 0
    unchanged: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    next: Place | None = None


def change_batch(scope: Scope, change: Change, selection: Selection, place: Place) -> Done:
    """Change the next customers behind `place`, under the active `scope` of the person who asked, in his change set.

    The walk goes by id, so that a change that takes a row out of the filter makes it miss nobody. Raises what
    `Change.prepare` raises, and Forbidden where the person has the right no longer.
    """
    scope.require(change.right)
    change.prepare(scope)
    types = change.rounds[place.round]
    ids = selection.next_ids(scope, after=place.last, types=types, most=SIZE)
    done = Done(next=_after(change, place, ids))
    if not ids:
        return done
    rows, changeable = lock_customers(scope, ids)
    if selection.ids is not None and place.round == 0:
        done.refused += [(pk, Refused.NOT_THERE.value) for pk in sorted(set(ids) - {row.pk for row in rows})]
    meant = selection.still_matching(scope, ids)
    due = [row for row in rows if row.pk in meant and row.account_type in types]
    allowed = _allowed(scope, change, due, changeable, done)
    if allowed:
        done.changed = change.write(scope, allowed)
        done.unchanged = len(allowed) - done.changed
    return done


def _after(change: Change, place: Place, ids: Sequence[int]) -> Place | None:
    if len(ids) == SIZE:
        return Place(round=place.round, last=ids[-1])
    return Place(round=place.round + 1) if place.round + 1 < len(change.rounds) else None


def _allowed(
    scope: Scope, change: Change, rows: Sequence[Customer], changeable: frozenset[int], done: Done
) -> list[Customer]:
    """Those on whom no rule falls; the others are noted with the rule's code."""
    change.look(scope, rows)
    allowed = []
    for row in rows:
        try:
            require_changeable(row, changeable)
            change.refuse(scope, row)
        except DomainError as error:
            done.refused.append((row.pk, str(error.extra["rule"])))
        else:
            allowed.append(row)
    return allowed
