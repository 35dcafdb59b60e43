"""Who is asking. One `Scope` a request, task or message, used twice with one meaning: by `visible_to()` in Python, and as
`SET LOCAL` values that PostgreSQL's row-level security reads. Without an active scope the database returns nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self, TypeVar
from zoneinfo import ZoneInfo

from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from crm.core.errors import Forbidden, NotFound

M = TypeVar("M", bound=Model)

READS_ALL = frozenset({"MANAGER", "ADMINISTRATOR", "DPO", "AUDITOR", "SYSTEM"})
WRITES_ALL = frozenset({"MANAGER", "ADMINISTRATOR", "SYSTEM"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one actor may see and do at one instant.

    `owner_ids` None means every owner and unowned rows too. `granted_ids` are accounts shared with the actor, `changeable_ids`
    those shared to change; a CHAIN among them stands for its LOCATIONs as well.
    `now` is the instant of the request, job or message: rules read it, instants that rules read are written from it.
    """

    organisation_id: int
    actor: str
    role: str
    user_id: int | None = None
    rights: frozenset[str] = frozenset()
    owner_ids: frozenset[int] | None = frozenset()
    granted_ids: frozenset[int] = frozenset()
    changeable_ids: frozenset[int] = frozenset()
    now: datetime = dataclasses.field(default_factory=timezone.now)
    zone: str = "Europe/Berlin"
    source: str = "system"
    request_id: str = ""
    reason: str = ""
    change_set_id: int | None = None
    cause: str = ""
    # What was read once for this request, job or message (settings, flags); scopes made from this one share it.
    memo: dict[str, Any] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    @property
    def sees_all(self) -> bool:
        """Whether every row of the organisation is visible, owned or not."""
        return self.owner_ids is None

    @property
    def writes_all(self) -> bool:
        """Whether every visible row may be changed, as far as rights allow."""
        return self.role in WRITES_ALL

    @property
    def today(self) -> date:
        """The date of `now` on the organisation's wall clock."""
        return self.now.astimezone(ZoneInfo(self.zone)).date()

    def allows(self, right: str) -> bool:
        """Whether the actor has `right`, by role or single right."""
        return self.role == "SYSTEM" or right in self.rights

    def require(self, right: str) -> None:
        """Raise Forbidden unless the actor has `right`."""
        if not self.allows(right):
            raise Forbidden(_("This role may not do this."), right=right)

    def with_reason(self, reason: str) -> Self:
        """The same scope; history rows written under it carry `reason`."""
        return dataclasses.replace(self, reason=reason)

    def with_change_set(self, change_set_id: int) -> Self:
        """The same scope; history rows and events written under it belong to that change set."""
        return dataclasses.replace(self, change_set_id=change_set_id)

    def widened(self, why: str) -> Self:
        """A wider scope for a service that moves rows out of its actor's sight; `why` goes into the history's reason.

        The actor stays named. Only services use it, for the one statement that needs it.
        """
        return dataclasses.replace(self, owner_ids=None, reason=self.reason or why)


def system_scope_for(
    organisation_id: int, *, job: str, now: datetime | None = None, zone: str = "Europe/Berlin"
) -> Scope:
    """The scope of a job of one organisation: sees and does all there, named `job:<name>`."""
    return Scope(
        organisation_id=organisation_id,
        actor=f"job:{job}",
        role="SYSTEM",
        owner_ids=None,
        source="job",
        now=now or timezone.now(),
        zone=zone,
    )


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current_scope() -> Scope:
    """The active scope; raises RuntimeError where none is: a programming error, never a user's."""
    scope = _current.get()
    if scope is None:
        raise RuntimeError("No scope is active: open one with activate() or system_scope().")
    return scope


def active_scope() -> Scope | None:
    """The active scope, or None outside of any (sign-in pages, start-up)."""
    return _current.get()


def _array(ids: Iterable[int]) -> str:
    return "{" + ",".join(str(i) for i in sorted(ids)) + "}"


SETTINGS = (
    "app.organisation",
    "app.user",
    "app.role",
    "app.owners",
    "app.granted",
    "app.actor",
    "app.reason",
    "app.source",
    "app.request_id",
    "app.change_set",
    "app.now",
)


def _values(scope: Scope | None) -> list[str]:
    if scope is None:
        return [""] * len(SETTINGS)
    return [
        str(scope.organisation_id),
        str(scope.user_id or ""),
        scope.role,
        "*" if scope.owner_ids is None else _array(scope.owner_ids),
        _array(scope.granted_ids),
        scope.actor,
        scope.reason,
        scope.source,
        scope.request_id,
        str(scope.change_set_id or ""),
        scope.now.isoformat(),
    ]


_SET_ALL = "SELECT " + ", ".join(f"set_config('{name}', %s, true)" for name in SETTINGS)


def _write(scope: Scope | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SET_ALL, _values(scope))


@contextlib.contextmanager
def activate(scope: Scope, *, to_the_end: bool = False) -> Iterator[Scope]:
    """Make `scope` the active one, in Python and in the open transaction; the one before comes back at the end.

    `to_the_end` leaves the transaction's values to end with it, for who knows that it ends next: a statement less.
    Raises RuntimeError outside a transaction, where SET LOCAL would do nothing.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("activate() needs an open transaction.")
    previous = _current.get()
    _write(scope)
    token = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(token)
        if (
            not to_the_end
            and connection.in_atomic_block
            and not connection.needs_rollback
            and not connection.closed_in_transaction
        ):
            _write(previous)


@contextlib.contextmanager
def system_scope(
    organisation_id: int, *, job: str, now: datetime | None = None, zone: str = "Europe/Berlin"
) -> Iterator[Scope]:
    """A transaction under the scope of a job: `with system_scope(7, job="churn") as scope: …`."""
    with transaction.atomic(), activate(system_scope_for(organisation_id, job=job, now=now, zone=zone)) as scope:
        yield scope


def organisation_ids() -> list[int]:
    """The ids of all organisations, readable without a scope: for what then opens a scope in each."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organisation_ids()")
        return [row[0] for row in cursor.fetchall()]


class ScopedQuerySet(QuerySet[M]):
    """A queryset that can be narrowed to what a scope may read. Subclasses say the rule once, in `readable_by`."""

    def readable_by(self, scope: Scope) -> Q:
        """The rule of reading within the organisation, as subqueries, never as joins (joins double rows)."""
        raise NotImplementedError

    def changeable_by(self, scope: Scope) -> Self:
        """Of the rows in this queryset those the scope may change. Narrower than reading where a model says so."""
        return self if scope.writes_all else self.none()

    def visible_to(self, scope: Scope) -> Self:
        """Only the rows that `scope` may read. Row-level security says the same in SQL."""
        return self.filter(self.readable_by(scope), organisation_id=scope.organisation_id)

    def get_or_not_found(self, **lookup: Any) -> M:
        """The one row, or NotFound; hidden and missing rows look the same."""
        try:
            return self.get(**lookup)
        except ObjectDoesNotExist:
            raise NotFound(_("Not found.")) from None


class OrganisationQuerySet(ScopedQuerySet[M]):
    """Rows that everybody in the organisation may read."""

    def readable_by(self, scope: Scope) -> Q:
        """No rule beyond the organisation itself."""
        return Q()


class CrmRequest(HttpRequest):
    """The request as views get it: with the scope of its user and the details of htmx."""

    scope: Scope
    htmx: HtmxDetails
    request_id: str
