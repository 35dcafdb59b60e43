"""Reads of people and teams."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.contrib.auth.models import BaseUserManager
from django.db.models import OuterRef, Q, Subquery

from crm.core.access import OrganisationQuerySet, Scope, ScopedQuerySet
from organisation.choices import SHARES_WITH_ALL, Audience

if TYPE_CHECKING:
    from organisation.models import (
        ApiToken,
        FeatureFlag,
        IdempotencyKey,
        ListDefault,
        OneTimeLink,
        OperationCount,
        Organisation,
        SavedView,
        SettingValue,
        Team,
        User,
        ViewPin,
    )


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


class SettingValueQuerySet(ScopedQuerySet["SettingValue"]):
    """Values of settings: global ones, the organisation's, one's own; jobs read everybody's."""

    def readable_by(self, scope: Scope) -> Q:
        """Within the organisation: its own, and of the users' one's own."""
        return Q() if scope.role == "SYSTEM" else Q(user=None) | Q(user_id=scope.user_id)

    def visible_to(self, scope: Scope) -> Self:
        """Global ones have no organisation, and are everybody's to read."""
        own = Q(organisation_id=scope.organisation_id) & self.readable_by(scope)
        return self.filter(own | Q(organisation=None))


class FeatureFlagQuerySet(OrganisationQuerySet["FeatureFlag"]):
    """States of feature flags: everybody's pages ask them."""


class OperationCountQuerySet(OrganisationQuerySet["OperationCount"]):
    """Counts of critical operations."""


class ApiTokenQuerySet(OrganisationQuerySet["ApiToken"]):
    """Tokens of programs."""

    def readable_by(self, scope: Scope) -> Q:
        """One's own; who manages people ends those of others."""
        return Q() if scope.allows("people.manage") else Q(user_id=scope.user_id)

    def live(self, now: datetime) -> Self:
        """Neither expired nor revoked."""
        return self.filter(revoked_at=None, expires_at__gt=now)


class IdempotencyKeyQuerySet(OrganisationQuerySet["IdempotencyKey"]):
    """Kept answers of the API."""

    def readable_by(self, scope: Scope) -> Q:
        """One's own; the job that forgets them sees all."""
        return Q() if scope.role == "SYSTEM" else Q(user_id=scope.user_id)


class SavedViewQuerySet(ScopedQuerySet["SavedView"]):
    """Saved views of lists."""

    def readable_by(self, scope: Scope) -> Q:
        """One's own, those shared with all or with one's teams; who shares with all sees what is shared with any team."""
        if scope.role == "SYSTEM":
            return Q()
        shared = Q(audience=Audience.ORGANISATION)
        if scope.role in SHARES_WITH_ALL:
            return Q(owner_id=scope.user_id) | ~Q(audience=Audience.PRIVATE)
        return Q(owner_id=scope.user_id) | shared | Q(audience=Audience.TEAM, team__in=_teams_of(scope))

    def with_pin_of(self, scope: Scope) -> Self:
        """Each with `pin_position`, its place among the tabs of the scope's user; None where it is none."""
        pins = apps.get_model("organisation", "ViewPin")._default_manager.filter(user_id=scope.user_id or 0)
        return self.annotate(pin_position=Subquery(pins.filter(view=OuterRef("pk")).values("position")[:1]))


def _teams_of(scope: Scope) -> Any:
    """The teams that the scope's user is in or leads, as a subquery."""
    teams = apps.get_model("organisation", "Team")._default_manager.order_by()
    return teams.filter(Q(members=scope.user_id) | Q(leads=scope.user_id)).values("pk")


class ViewPinQuerySet(ScopedQuerySet["ViewPin"]):
    """Pinned views."""

    def readable_by(self, scope: Scope) -> Q:
        """One's own."""
        return Q() if scope.role == "SYSTEM" else Q(user_id=scope.user_id)


class ListDefaultQuerySet(ScopedQuerySet["ListDefault"]):
    """With what lists open."""

    def readable_by(self, scope: Scope) -> Q:
        """One's own, and those of the roles."""
        return Q() if scope.role == "SYSTEM" else Q(user=None) | Q(user_id=scope.user_id)
