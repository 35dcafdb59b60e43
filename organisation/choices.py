"""Enumerations of people and teams."""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    """What a user is in his organisation; what each may do stands in `rights.py`."""

    REP = "REP", _("Sales rep")
    TEAM_LEAD = "TEAM_LEAD", _("Team lead")
    CHAIN_MANAGER = "CHAIN_MANAGER", _("Chain manager")
    MANAGER = "MANAGER", _("Sales manager")
    ADMINISTRATOR = "ADMINISTRATOR", _("Administrator")
    DPO = "DPO", _("Data-protection officer")
    AUDITOR = "AUDITOR", _("Auditor")


class Language(TextChoices):
    """Languages of the pages."""

    DE = "de", _("German")
    EN = "en", _("English")


class LinkPurpose(TextChoices):
    """What a one-time link is for; a link is good for its own purpose alone."""

    SET_UP = "SET_UP", _("Set up the account")


class Audience(TextChoices):
    """Who sees a saved view beside its owner."""

    PRIVATE = "PRIVATE", _("Only me")
    TEAM = "TEAM", _("A team")
    ORGANISATION = "ORGANISATION", _("Everybody")


class FlagStep(TextChoices):
    """How far a feature flag is, in the order of activation; the twin of `crm.core.flags.Step`."""

    OFF = "OFF", _("Off")
    ADMINISTRATORS = "ADMINISTRATORS", _("Administrators")
    PILOT = "PILOT", _("Pilot teams")
    QUARTER = "QUARTER", _("25 % of people")
    ALL = "ALL", _("Everybody")


# These share saved views with everybody, and see what is shared with any team.
SHARES_WITH_ALL: Final = frozenset({Role.MANAGER, Role.ADMINISTRATOR})

# Not a user's role: the scope of the operator's command, who alone writes what holds for all organisations.
OPERATOR: Final = "OPERATOR"
