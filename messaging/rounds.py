"""One round of the worker: resets asked for, digests that are due, mails. Beat asks for one every few seconds."""

from __future__ import annotations

import time
import uuid
from typing import Final

import structlog
from django.core.cache import cache
from django.db import connection

from messaging.digest import send_digests
from messaging.sending import busy_organisations, send_due
from messaging.services.accounts import answer_resets

log = structlog.get_logger(__name__)

TURN: Final = 25.0  # seconds that a round begins new mails for
HELD: Final = 120  # seconds: longer than a turn and its last mail take; then a round whose worker died keeps nobody out


def go_round() -> None:
    """Do what is due. A second round beside it ends at once: a mail server that hangs holds one worker, not all.

    While Redis is away nothing keeps two apart; they do not send a mail twice, for rows are claimed in the database.
    """
    key, own = f"messaging:round:{connection.settings_dict['NAME']}", uuid.uuid4().hex
    if not cache.add(key, own, timeout=HELD):
        return
    try:
        answer_resets()
        until = time.monotonic() + TURN
        for organisation_id in busy_organisations():
            if not _serve(organisation_id, until):
                break
    finally:
        if cache.get(key) == own:  # not the mark of a round that came when this one took too long
            cache.delete(key)


def _serve(organisation_id: int, until: float) -> bool:
    """One organisation; False where the mail server is away, for all then."""
    try:
        send_digests(organisation_id)
        return send_due(organisation_id, until=until).is_server_there
    except Exception as error:  # noqa: BLE001 - one organisation's trouble is not the others'
        log.error("mails left for the next round", organisation=organisation_id, error=type(error).__name__)
        return True
