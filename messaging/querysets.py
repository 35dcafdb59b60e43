"""Reads of notices and mails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db.models import Q

from crm.core.access import OrganisationQuerySet, Scope, ScopedQuerySet

if TYPE_CHECKING:
    from messaging.models import Message, Notice, TemplateVersion


class OwnQuerySet(ScopedQuerySet[Any]):
    """Rows of one user: his alone, whatever his role; jobs see all."""

    def readable_by(self, scope: Scope) -> Q:
        """One's own."""
        return Q() if scope.role == "SYSTEM" else Q(user_id=scope.user_id)


class NoticeQuerySet(OwnQuerySet):
    """Notices of a user."""

    def unread(self) -> Self:
        """Those nobody has opened or waved off."""
        return self.filter(read_at__isnull=True)

    def newest(self) -> list[Notice]:
        """What the bell's list shows."""
        return list(self.order_by("-created_at", "-pk")[:8])


class MessageQuerySet(ScopedQuerySet["Message"]):
    """Outgoing mails: jobs alone read them; administrators those that failed, and all of a demo, where mails go nowhere."""

    def readable_by(self, scope: Scope) -> Q:
        """What failed for good, and the demo's mailbox."""
        if scope.role == "SYSTEM":
            return Q()
        shown = Q(state="FAILED") | Q(organisation__is_demo=True)
        return shown if scope.role == "ADMINISTRATOR" else Q(pk__in=[])


class TemplateQuerySet(OrganisationQuerySet["TemplateVersion"]):
    """Versions of mail templates."""

    def of(self, key: str, language: str) -> Self:
        """Those of one template, newest first."""
        return self.filter(key=key, language=language).order_by("-number")
