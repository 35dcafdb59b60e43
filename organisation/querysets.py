"""Reads of people and teams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.contrib.auth.models import BaseUserManager
from django.db.models import Q

from crm.core.access import OrganisationQuerySet, Scope, ScopedQuerySet

if TYPE_CHECKING:
    from organisation.models import OneTimeLink, Organisation, Team, User


class OrganisationsQuerySet(ScopedQuerySet["Organisation"]):
    """Organisations: each scope sees its own alone."""

    def visible_to(self, scope: Scope) -> Self:
        """The scope's own organisation."""
        return self.filter(pk=scope.organisation_id)


class TeamQuerySet(OrganisationQuerySet["Team"]):
    """Teams: everybody in the organisation sees them."""


class UserQuerySet(OrganisationQuerySet["User"]):
    """Users: colleagues see each other."""

    def active(self) -> Self:
        """Those who may sign in."""
        return self.filter(is_active=True)

    def assignable_by(self, scope: Scope) -> Self:
        """Those whom the scope may make owner of a customer: everyone, or its own visible owners."""
        users = self.visible_to(scope).active()
        return users if scope.owner_ids is None else users.filter(pk__in=scope.owner_ids)


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Users by mail; the log-in mail is unique over all organisations."""

    def get_by_natural_key(self, username: str | None) -> User:
        """The user who signs in with `username`, whatever its case."""
        return self.get(email__iexact=username)  # type: ignore[no-any-return]


class OneTimeLinkQuerySet(OrganisationQuerySet["OneTimeLink"]):
    """Links that work once."""

    def readable_by(self, scope: Scope) -> Q:
        """Only who manages people reads them."""
        return Q() if scope.allows("people.manage") else Q(pk__in=[])
