"""How the launcher talks: one line of progress or one line of refusal, both on stderr."""

import os
import sys
import time
from contextlib import suppress

# The launcher goes on in another Python; the clock goes on with it.
BEGIN = float(os.environ.pop("CRM_BEGIN", "") or time.monotonic())


class Problem(Exception):
    """Something the person at the keyboard has to change; the text is one line that says what to do."""


def say(text: str, source: str = "freshplan") -> None:
    """One line of progress on stderr, with the seconds since the start."""
    with suppress(BrokenPipeError, ValueError):  # nobody reads any more; what runs must still be stopped in order
        print(f"{time.monotonic() - BEGIN:7.1f}s {source:<9}| {text}", file=sys.stderr, flush=True)


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
