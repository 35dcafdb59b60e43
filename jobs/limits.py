"""Ending what takes too long."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from django.db import connection

GRACE = 1.0  # seconds that the database has to end a statement by itself, which leaves the connection whole


class TimeLimitReached(BaseException):
    """The time is up. No Exception, so that work which goes on after errors of its parts is ended too."""


@contextlib.contextmanager
def ended_after(seconds: int) -> Iterator[None]:
    """Raise TimeLimitReached in the body after `seconds`, whatever it is doing.

    By the process' alarm, so in its main thread alone, where workers run their tasks; elsewhere nothing is limited.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise TimeLimitReached

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds + GRACE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def limit_statements(seconds: int) -> None:
    """Let the database end each statement of the open transaction that takes longer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])
