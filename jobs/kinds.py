"""The kinds of long tasks: what a worker does batch by batch. Each app registers its own when it is ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crm.core.access import Scope


class TaskCancelled(Exception):
    """Somebody asked for the end of the task in the middle of a batch: what the batch did is rolled back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a step is told: the task's parameters, the place where the batch before ended (None at the beginning), and the
    `result` that the batches before have left.

    `tell(done, total)` shows in a step that takes long how far it is; raises TaskCancelled where its end was asked for.
    """

    task_id: int
    parameters: Mapping[str, Any]
    change_set_id: int | None
    cursor: Any
    result: Mapping[str, Any]
    tell: Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one batch did: rows done and refused, and the place where the next begins.

    `total` where it is known by now, `result` figures and codes to keep. `wait`: seconds before the next batch.
    """

    cursor: Any = None
    done: int = 0
    refused: int = 0
    finished: bool = False
    total: int | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    wait: float = 0.0


StepFunction = Callable[["Scope", Batch], Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """One kind. `unit` names what is counted, `errors` says of kinds of error what to do, `figures` names those of results,
    `reasons` the codes of rows that were left alone.

    `right` is asked at the start and before each batch ("": the services that start it have asked). `as_system`: the
    steps run under the product's own scope, not under the maker's. `by_hand`: the page of tasks offers to start it.
    """

    key: str
    label: Any
    description: Any
    unit: Any
    step: StepFunction
    right: str
    as_system: bool
    by_hand: bool
    figures: Mapping[str, Any]
    errors: Mapping[str, Any]
    reasons: Mapping[str, Any]


_kinds: dict[str, TaskKind] = {}


def task_kind(
    key: str,
    *,
    label: Any,
    description: Any,
    unit: Any,
    right: str = "",
    as_system: bool = False,
    by_hand: bool = False,
    figures: Mapping[str, Any] | None = None,
    errors: Mapping[str, Any] | None = None,
    reasons: Mapping[str, Any] | None = None,
) -> Callable[[StepFunction], StepFunction]:
    """Register a function `(scope, batch) -> Step` that does one batch, in one transaction with the task's place.

    A batch whose worker died is done again from the place before it. Raises ValueError for a taken key.
    """

    def register(call: StepFunction) -> StepFunction:
        if key in _kinds:
            raise ValueError(f"The kind {key!r} is taken.")
        _kinds[key] = TaskKind(
            key=key,
            label=label,
            description=description,
            unit=unit,
            step=call,
            right=right,
            as_system=as_system,
            by_hand=by_hand,
            figures=figures or {},
            errors=errors or {},
            reasons=reasons or {},
        )
        return call

    return register


def kind_named(key: str) -> TaskKind | None:
    """The kind with that key, or None where this release has it no longer."""
    return _kinds.get(key)


def kinds_by_hand() -> list[TaskKind]:
    """The kinds that people start from the page of tasks."""
    return [kind for kind in _kinds.values() if kind.by_hand]
