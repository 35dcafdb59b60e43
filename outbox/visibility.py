"""Whether a person may know of what an event is about. The apps above say so: who people are, and who sees which rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from crm.core import filters
from crm.core.access import Scope, activate
from crm.core.errors import Invalid
from crm.core.filters import FilterRegistry, compile, parse

SubjectCheck = Callable[[Scope, Collection[int]], Collection[int]]
PersonScope = Callable[[int], Scope | None]
Where = Mapping[str, Any]  # a tree of the filter language


@dataclass(frozen=True, slots=True)
class _Condition:
    """What subjects of one type can be told apart by, and the rows behind them that a scope may know of."""

    fields: FilterRegistry
    rows: Callable[[Scope], QuerySet[Any]]

    def meeting(self, scope: Scope, where: Where, ids: Collection[int]) -> Collection[int]:
        """Those of the ids that meet the condition."""
        met = compile(parse(where, self.fields, scope), scope)
        return list(self.rows(scope).filter(met, pk__in=ids).values_list("pk", flat=True))


@dataclass(slots=True)
class _Registry:
    person: PersonScope = field(default=lambda _user_id: None)
    checks: dict[str, SubjectCheck] = field(default_factory=dict)
    conditions: dict[str, _Condition] = field(default_factory=dict)


_registry = _Registry()


def register_people(source: PersonScope) -> None:
    """Name the one function that makes the scope of an active user from his id, or None; called under a system scope."""
    _registry.person = source


def register_subject(kind: str, check: SubjectCheck) -> None:
    """Name the function that tells which rows of a subject type a scope sees: `(scope, ids)` to ids, in its transaction.

    What lies in the trash is still seen by who saw it before, else nobody would hear that it was deleted.
    A type that nobody names is seen by those who see everything. Raises ValueError for a type that is named already.
    """
    if kind in _registry.checks:
        raise ValueError(f"The subject type {kind!r} is named already.")
    _registry.checks[kind] = check


def register_condition(kind: str, fields: FilterRegistry, rows: Callable[[Scope], QuerySet[Any]]) -> None:
    """Name what subjects of a type can be told apart by in a subscription's `where`, and their rows.

    The fields are those of the account that the subject belongs to, the same for every type: owner and team.
    Raises ValueError for a type that is named already.
    """
    if kind in _registry.conditions:
        raise ValueError(f"The subject type {kind!r} is named already.")
    _registry.conditions[kind] = _Condition(fields, rows)


def checked_condition(scope: Scope, where: Where) -> dict[str, Any]:
    """A condition as it is kept. Raises Invalid (field where) for what the filter language or the fields do not know."""
    try:
        for condition in _registry.conditions.values():
            parse(where, condition.fields, scope)
    except Invalid as fault:
        raise Invalid(fault.message, field="where") from None
    return dict(where)


def in_words(scope: Scope, where: Where) -> str:
    """A kept condition as people say it; empty without one."""
    if not where:
        return ""
    (first, *_others) = _registry.conditions.values()
    return filters.in_words(parse(where, first.fields, scope), scope)


def scope_of_person(user_id: int) -> Scope | None:
    """The scope of that user as he is now, or None where he is not active; needs an active system scope."""
    return _registry.person(user_id)


def seen_subjects(
    scope: Scope, subjects: Iterable[tuple[str, int]], *, where: Where | None = None
) -> set[tuple[str, int]]:
    """Those of the subjects, as (type, id), that `scope` may know of and that meet `where`; in the open transaction.

    What belongs to no account meets no condition.
    """
    wanted = set(subjects)
    if scope.sees_all and not where:
        return wanted
    by_kind: dict[str, set[int]] = defaultdict(set)
    for kind, pk in wanted:
        by_kind[kind].add(pk)
    with activate(scope):
        return {(kind, pk) for kind, ids in by_kind.items() for pk in _seen(scope, kind, ids, where)}


def _seen(scope: Scope, kind: str, ids: set[int], where: Where | None) -> set[int]:
    if not scope.sees_all:
        check = _registry.checks.get(kind)
        ids = ids.intersection(check(scope, ids)) if check is not None else set()
    if where and ids:
        condition = _registry.conditions.get(kind)
        ids = ids.intersection(condition.meeting(scope, where, ids)) if condition is not None else set()
    return ids
