"""Reads of change sets and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db.models import Q

from crm.core.access import Scope, ScopedQuerySet

if TYPE_CHECKING:
    from jobs.models import ChangeSet, JobRun, LongTask


class ChangeSetQuerySet(ScopedQuerySet["ChangeSet"]):
    """Batches of changes."""

    def readable_by(self, scope: Scope) -> Q:
        """One's own; who sees every row sees all."""
        return Q() if scope.sees_all else Q(actor=scope.actor)

    def changeable_by(self, scope: Scope) -> Self:
        """One's own may be undone; who writes every row may undo all."""
        return self if scope.writes_all else self.filter(actor=scope.actor)


class JobRunQuerySet(ScopedQuerySet["JobRun"]):
    """Runs of periodic jobs."""

    def readable_by(self, scope: Scope) -> Q:
        """Only who sees every row of the organisation."""
        return Q() if scope.sees_all else Q(pk__in=[])

    def visible_to(self, scope: Scope) -> Self:
        """His organisation's, and those of the whole installation, which say nothing of anybody."""
        own = Q(organisation_id=scope.organisation_id) | Q(organisation_id=None)
        return self.filter(own, self.readable_by(scope))


class LongTaskQuerySet(ScopedQuerySet["LongTask"]):
    """Work that goes on in the background."""

    def readable_by(self, scope: Scope) -> Q:
        """One's own; who sees every row sees all."""
        return Q() if scope.sees_all else Q(actor=scope.actor)

    def changeable_by(self, scope: Scope) -> Self:
        """One's own may be cancelled and resumed; who manages jobs may do it with all."""
        return self if scope.allows("jobs.manage") else self.filter(actor=scope.actor)
