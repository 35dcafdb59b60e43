"""The settings of notices and mails."""

from __future__ import annotations

from datetime import time
from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.core.options import Level, Nature, option

DIGEST_AT: Final = option(
    "notices.digestAt",
    time(7),  # operations.md, Notices and mail
    label=_("Time of the digest"),
    help=_("At this time of day one mail tells what came since, to whoever has notices gathered in the digest."),
    area=_("Notices"),
    nature=Nature.BUSINESS,
    levels=(Level.ORGANISATION, Level.GLOBAL),
)
