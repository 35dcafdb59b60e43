"""From a signed-in user to his scope: role, rights, visible owners, grants. Resolved once per request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from django.db import connection
from django.utils import timezone

from crm.core.access import READS_ALL, Scope
from organisation.choices import Role
from organisation.models import Team, User
from organisation.rights import rights_of


@dataclass(frozen=True, slots=True)
class Grants:
    """Accounts shared with a user, to see and to change; a CHAIN stands for its LOCATIONs too."""

    granted_ids: frozenset[int] = frozenset()
    changeable_ids: frozenset[int] = frozenset()


@dataclass(slots=True)
class _Registry:
    resolve: Callable[[int], Grants] = field(default=lambda _user_id: Grants())


_registry = _Registry()


def register_grants(resolver: Callable[[int], Grants]) -> None:
    """Name the one function that tells a user's grants; the app that owns the granted rows calls this when it is ready."""
    _registry.resolve = resolver


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
        owner_ids=None if user.role in READS_ALL else _visible_owners(user),
        now=timezone.now(),
        zone=user.organisation.zone,
        source=source,
        request_id=request_id,
    )
    if scope.sees_all:
        return scope
    grants = _registry.resolve(user.pk)
    return replace(scope, granted_ids=grants.granted_ids, changeable_ids=grants.changeable_ids)


def _visible_owners(user: User) -> frozenset[int]:
    """Himself; a team lead also everybody in the teams he leads."""
    if user.role != Role.TEAM_LEAD:
        return frozenset({user.pk})
    enter_organisation(user.organisation_id)
    members = User.objects.filter(team__in=Team.objects.filter(leads=user)).values_list("pk", flat=True)
    return frozenset({user.pk, *members})


def person_scope(user_id: int) -> Scope | None:
    """The scope of an active user of the open scope's organisation, for what is done in his name without him; else None."""
    user = User.objects.select_related("organisation").filter(pk=user_id, is_active=True).first()
    return scope_for(user, source="webhook") if user is not None else None
