"""Critical operations: counted one by one, done or failed, as the base of the error budget (operations.md, Metrics).

    WRITE_FIELD = critical_operation("customers.write_field", _("Change of a field"))

    @WRITE_FIELD.counted
    def write_fields(*, scope: Scope, …): …

A refusal by a rule (`DomainError`) is no failure: the product did what it should. A success counts after its commit.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, ParamSpec, TypeVar

from django.db import transaction
from django.utils.functional import Promise

from crm.core.access import Scope
from crm.core.errors import DomainError

P = ParamSpec("P")
R = TypeVar("R")

BUDGET: Final = 0.005  # share of failures that 7 days may have (operations.md, Metrics)
BUDGET_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of critical operation."""

    key: str
    label: str | Promise

    @contextlib.contextmanager
    def counting(self, organisation_id: int) -> Iterator[None]:
        """Count what happens inside, for that organisation: done when the transaction is committed, failed by an exception."""
        try:
            yield
        except DomainError:
            raise
        except Exception:
            _registry.count(self.key, organisation_id, True)
            raise
        transaction.on_commit(lambda: _registry.count(self.key, organisation_id, False), robust=True)

    def counted(self, service: Callable[P, R]) -> Callable[P, R]:
        """A service whose calls are counted, for the organisation of its keyword argument `scope`."""

        @functools.wraps(service)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            scope = kwargs["scope"]
            assert isinstance(scope, Scope)  # noqa: S101 - narrows the type; every service takes its scope by name
            with self.counting(scope.organisation_id):
                return service(*args, **kwargs)

        return run


Counter = Callable[[str, int, bool], None]


@dataclass(slots=True)
class _Registry:
    operations: dict[str, Operation] = field(default_factory=dict)
    count: Counter = field(default=lambda _key, _organisation_id, _failed: None)


_registry = _Registry()


def critical_operation(key: str, label: str | Promise) -> Operation:
    """Declare a kind of critical operation. Raises ValueError for a taken key."""
    if key in _registry.operations:
        raise ValueError(f"The operation {key!r} is declared twice.")
    made = Operation(key, label)
    _registry.operations[key] = made
    return made


def all_operations() -> list[Operation]:
    """Every declared kind, by key."""
    return [_registry.operations[key] for key in sorted(_registry.operations)]


def register_counter(count: Counter) -> None:
    """Name the one function that keeps the counts: (key, organisation's id, whether it failed).

    It is called outside the operation's transaction: after the commit of a success, and while a failed one is rolled back.
    """
    _registry.count = count
