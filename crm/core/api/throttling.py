"""How many requests a caller may send: counted in Redis per minute, told in headers.

While Redis is away everything passes, and the log says so (`crm.core.cache`): a throttle is no wall.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.exceptions import Throttled

from crm.core.requests import client_ip

WINDOW: Final = 60  # seconds
REFUSALS: Final = 60  # requests with a wrong token, or none, that an address may send in a window


@dataclass(frozen=True, slots=True)
class Spent:
    """What a caller has used up of its window."""

    limit: int
    used: int
    reset: int

    @property
    def is_over(self) -> bool:
        """Whether this request is one too many."""
        return self.used > self.limit

    @property
    def headers(self) -> dict[str, str]:
        """For the answer: the limit, what is left, and the seconds until the window ends."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "RateLimit-Reset": str(self.reset),
        }


def spend(who: str, limit: int) -> Spent:
    """Count one request of `who`."""
    now = int(time.time())
    window = now - now % WINDOW
    name = f"api-rate:{who}:{window}"
    try:
        used = 1 if cache.add(name, 1, 2 * WINDOW) else cache.incr(name)
    except ValueError:  # emptied or evicted between the two
        used = 1
    return Spent(limit, used, window + WINDOW - now)


def spend_caller(key: str) -> Spent:
    """Count one request of a known caller; `settings.API_RATE` a minute are open to each."""
    return spend(key, settings.API_RATE)


def count_refusal(request: HttpRequest) -> None:
    """Count a request by nobody known. Raises Throttled where its address sends too many of them."""
    spent = spend(f"address:{client_ip(request)}", REFUSALS)
    if spent.is_over:
        raise Throttled(spent.reset)
