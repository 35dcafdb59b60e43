"""From a signed-in user to his scope: role, rights, visible owners, grants. Resolved once per request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db import connection
from django.db.models import CharField, QuerySet, Value
from django.utils import timezone

from crm.core.access import READS_ALL, Scope
from organisation.choices import Role
from organisation.models import Team, User
from organisation.rights import rights_of

CHANGE: Final = "change_customer"
_MEMBER: Final = "member"


@dataclass(slots=True)
class _Registry:
    rows: Callable[[int], QuerySet[Any, tuple[str, int]]] | None = None


_registry = _Registry()


def register_grants(rows: Callable[[int], QuerySet[Any, tuple[str, int]]]) -> None:
    """Name the one function that tells a user's grants: the query of (permission, account) of the app that owns the accounts.

    A right to change an account (`CHANGE`) is also one to see it; a CHAIN stands for its LOCATIONs too.
    """
    _registry.rows = rows


def enter_organisation(organisation_id: int) -> None:
    """Let the open transaction read this organisation's people, so that a scope can be made of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.organisation', %s, true)", [str(organisation_id)])


def enter_sign_in(identifier: str) -> None:
    """Let the open transaction read the one user with this id or mail, before any scope exists."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.login', %s, true)", [identifier])


def person_signing_in(user_id: int) -> User:
    """The one user whom the sign-in is about, opened to the transaction. Raises User.DoesNotExist."""
    from organisation.models import User as People  # noqa: PLC0415 - the models import the querysets, these the kernel

    enter_sign_in(str(user_id))
    person: User = People.objects.select_related("organisation").get(pk=user_id)
    return person


def name_actor(user: User) -> None:
    """Let the open transaction write this one person's own row, in his name: he has proved who he is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.login', %s, true), set_config('app.actor', %s, true),"
            " set_config('app.source', 'page', true)",
            [str(user.pk), f"user:{user.pk}"],
        )


def scope_for(user: User, *, source: str = "page", request_id: str = "") -> Scope:
    """The scope of `user` now, loaded with his organisation; a team lead's members are read after entering it.

    The transaction has named him by `enter_sign_in` with his id, or has a scope: else his grants are not there to be read.
    """
    scope = Scope(
        organisation_id=user.organisation_id,
        actor=f"user:{user.pk}",
        role=user.role,
        user_id=user.pk,
        rights=rights_of(user.role, user.added_rights, user.withdrawn_rights),
        owner_ids=None,
        now=timezone.now(),
        zone=user.organisation.zone,
        source=source,
        request_id=request_id,
    )
    if user.role in READS_ALL:
        return scope
    reach: dict[str, set[int]] = defaultdict(set)
    for kind, pk in _reach(user):
        reach[kind].add(pk)
    members = reach.pop(_MEMBER, set())
    return replace(
        scope,
        owner_ids=frozenset({user.pk, *members}),
        granted_ids=frozenset().union(*reach.values()),
        changeable_ids=frozenset(reach.get(CHANGE, ())),
    )


def _reach(user: User) -> Iterable[tuple[str, int]]:
    """His grants; for a team lead also, in the same query, everybody in the teams he leads."""
    grants = _registry.rows(user.pk) if _registry.rows is not None else None
    if user.role != Role.TEAM_LEAD:
        return grants if grants is not None else ()
    enter_organisation(user.organisation_id)
    led = User.objects.filter(team__in=Team.objects.filter(leads=user)).order_by()
    reach: Iterable[tuple[str, int]] = led.values_list(Value(_MEMBER, output_field=CharField()), "pk")
    if grants is not None:
        reach = reach.union(grants, all=True)  # type: ignore[attr-defined]
    return reach


def person_scope(user_id: int) -> Scope | None:
    """The scope of an active user of the open scope's organisation, for what is done in his name without him; else None."""
    user = User.objects.select_related("organisation").filter(pk=user_id, is_active=True).first()
    return scope_for(user, source="webhook") if user is not None else None
