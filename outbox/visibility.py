"""Whether a person may know of what an event is about. The apps above say so: who people are, and who sees which rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from crm.core.access import Scope, activate

SubjectCheck = Callable[[Scope, Collection[int]], Collection[int]]
PersonScope = Callable[[int], Scope | None]


@dataclass(slots=True)
class _Registry:
    person: PersonScope = field(default=lambda _user_id: None)
    checks: dict[str, SubjectCheck] = field(default_factory=dict)


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


def scope_of_person(user_id: int) -> Scope | None:
    """The scope of that user as he is now, or None where he is not active; needs an active system scope."""
    return _registry.person(user_id)


def seen_subjects(scope: Scope, subjects: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of the subjects, as (type, id), that `scope` may know of; in the open transaction."""
    wanted = set(subjects)
    if scope.sees_all:
        return wanted
    by_kind: dict[str, set[int]] = defaultdict(set)
    for kind, pk in wanted:
        by_kind[kind].add(pk)
    with activate(scope):
        return {
            (kind, pk)
            for kind, ids in by_kind.items()
            if (check := _registry.checks.get(kind)) is not None
            for pk in ids.intersection(check(scope, ids))
        }
