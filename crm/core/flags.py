"""Feature flags: what is on for whom while it is rolled out. Declared here in code; how far each is, a reader tells.

    PLANNER = flag("planner", label=…, owner="sales", ends_on=date(2027, 3, 31), needs=("samples",))
    if flag_is_on(PLANNER, scope): …

The order of activation is that of `Step`. A flag is on only where all that it needs is on too. After `ends_on` the code
behind it should have lost its flag: the page says so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, cast

from django.utils.functional import Promise

from crm.core.access import Scope

KEY: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_MEMO: Final = "flags"


class Step(StrEnum):
    """How far a flag is, in the order of activation."""

    OFF = "OFF"
    ADMINISTRATORS = "ADMINISTRATORS"
    PILOT = "PILOT"
    QUARTER = "QUARTER"
    ALL = "ALL"

    def reaches(self, other: Step) -> bool:
        """Whether this step is `other` or a later one."""
        order = list(Step)
        return order.index(self) >= order.index(other)

    def next(self) -> Step | None:
        """The step after this one, or None at the end."""
        order = list(Step)
        place = order.index(self) + 1
        return order[place] if place < len(order) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag: whose it is, until when it is meant to be there, and which flags must be on everywhere before it."""

    key: str
    label: str | Promise
    owner: str
    ends_on: date
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """How far a flag is in an organisation; `picked` tells whether the scope's user is named or in a pilot team."""

    step: Step = Step.OFF
    is_named: bool = False
    is_pilot: bool = False


Reader = Callable[[Scope], Mapping[str, State]]


@dataclass(slots=True)
class _Registry:
    flags: dict[str, Flag] = field(default_factory=dict)
    read: Reader = field(default=lambda _scope: {})


_registry = _Registry()


def flag(key: str, *, label: str | Promise, owner: str, ends_on: date, needs: Sequence[str] = ()) -> Flag:
    """Declare a flag. `owner` is who answers for its end. Raises ValueError for a malformed or taken key, or an unknown need."""
    missing = [name for name in needs if name not in _registry.flags]
    if not KEY.fullmatch(key) or key in _registry.flags or missing:
        raise ValueError(f"The flag {key!r} is malformed, declared twice, or needs one declared after it: {missing}.")
    made = Flag(key=key, label=label, owner=owner, ends_on=ends_on, needs=tuple(needs))
    _registry.flags[key] = made
    return made


def forget_flag(key: str) -> None:
    """Take a declaration back: for tests that declare their own."""
    _registry.flags.pop(key, None)


def all_flags() -> list[Flag]:
    """Every declared flag, in the order of declaration: what is needed stands before what needs it."""
    return list(_registry.flags.values())


def flag_named(key: str) -> Flag | None:
    """The flag with that key, or None where this release declares none."""
    return _registry.flags.get(key)


def register_reader(read: Reader) -> None:
    """Name the one function that reads the states for a scope; the app that owns the rows calls this when it is ready."""
    _registry.read = read


def flag_is_on(flag: Flag, scope: Scope) -> bool:
    """Whether the flag is on for this scope: its step reaches him, and all that it needs is on for him. A job has no user."""
    state = _states(scope).get(flag.key, State())
    return _reaches(flag, state, scope) and all(flag_is_on(_registry.flags[name], scope) for name in flag.needs)


def flags_changed(scope: Scope) -> None:
    """Let the scope read anew: a state was written under it."""
    scope.memo.pop(_MEMO, None)


def in_quarter(key: str, user_id: int) -> bool:
    """Whether a user belongs to the flag's 25 %: by a digest of both, so it stays the same and differs from flag to flag."""
    return hashlib.sha256(f"{key}:{user_id}".encode()).digest()[0] < 64


def _reaches(flag: Flag, state: State, scope: Scope) -> bool:
    if state.step in {Step.OFF, Step.ALL}:
        return state.step is Step.ALL
    if scope.user_id is None:
        return False
    return (
        state.is_named
        or scope.role == "ADMINISTRATOR"
        or (state.step.reaches(Step.PILOT) and state.is_pilot)
        or (state.step.reaches(Step.QUARTER) and in_quarter(flag.key, scope.user_id))
    )


def _states(scope: Scope) -> Mapping[str, State]:
    if _MEMO not in scope.memo:
        scope.memo[_MEMO] = _registry.read(scope)
    return cast("Mapping[str, State]", scope.memo[_MEMO])
