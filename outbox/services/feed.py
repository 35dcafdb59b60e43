"""The feed: every placed event in the order of positions, for who asks instead of being told."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Invalid
from outbox.envelope import PING, envelope
from outbox.matching import of_types
from outbox.models import Event
from outbox.visibility import seen_subjects

MOST: Final = 1_000  # events on one page
LONGEST_WAIT: Final = 25.0  # seconds
LOOKED_AT: Final = 5_000  # events read at most for one page; whoever sees few of them goes on from `next`
# Positions walked at most for one page by who asks for types: there may be none of them for long.
WALKED: Final = 100_000
PAUSE: Final = 0.25  # seconds between two looks while waiting

# A waiting reader keeps a thread of the web process: two of these at once, others are answered without waiting.
_waiting = threading.BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Envelopes, the position to go on from, and whether there is more right now."""

    items: list[dict[str, Any]]
    next: int
    more: bool


def read_feed(
    *,
    scope: Scope,
    after: int = 0,
    types: Sequence[str] = (),
    subject: str = "",
    limit: int = 100,
    wait: float = 0.0,
) -> FeedPage:
    """The events behind position `after` that `scope` may know of, oldest first.

    `types` exact or `area.*`; `subject` as in the envelope; `wait` seconds (at most 25) until something comes.
    A page may be empty though there is `more`: then nothing of these types lies before `next`.
    Positions are given in the order of commits, so nothing ever appears behind a reader. Raises Invalid.
    """
    if not 1 <= limit <= MOST or not 0 <= wait <= LONGEST_WAIT or after < 0:
        raise Invalid(_("limit from 1 to 1,000, wait from 0 to 25 seconds, after a position."))
    page = _page(scope, after, types, subject, limit)
    if page.items or page.more or not wait or not _waiting.acquire(blocking=False):
        return page
    try:
        end = time.monotonic() + wait
        while not page.items and not page.more and time.monotonic() < end:
            time.sleep(PAUSE)
            page = _page(scope, page.next, types, subject, limit)
    finally:
        _waiting.release()
    return page


def _end_of_walk(scope: Scope, after: int) -> int | None:
    """The position at which a page ends though it found little, or None where the feed ends before."""
    end = after + WALKED
    feed_end = Event.objects.filter(organisation_id=scope.organisation_id).last_position()
    return end if end < feed_end else None


def _page(scope: Scope, after: int, types: Sequence[str], subject: str, limit: int) -> FeedPage:
    rows = Event.objects.filter(organisation_id=scope.organisation_id).after(after).filter(of_types(types))
    rows = rows.exclude(type=PING)
    if subject:
        kind, _slash, number = subject.partition("/")
        if not (number.isascii() and number.isdigit() and len(number) <= 18):
            raise Invalid(_("A subject looks like customer/123."), field="subject")
        rows = rows.filter(subject_type=kind, subject_id=int(number))
    most = limit if scope.sees_all else LOOKED_AT
    # The log is closed to who does not see every row; what he may know of is asked for below, subject by subject.
    with activate(scope.widened("feed")):
        end = _end_of_walk(scope, after) if types and not subject else None
        found = list((rows if end is None else rows.filter(position__lte=end))[: most + 1])
    more = len(found) > most
    found = found[:most]
    seen = seen_subjects(scope, [(event.subject_type, event.subject_id) for event in found])
    shown = [event for event in found if (event.subject_type, event.subject_id) in seen]
    if len(shown) > limit:
        shown, more = shown[:limit], True
        last = shown[-1].position
    elif end is not None and not more:
        last, more = end, True  # nothing of theirs up to here, and the feed goes on
    else:
        last = found[-1].position if found else after
    return FeedPage([envelope(event) for event in shown], last or after, more)
