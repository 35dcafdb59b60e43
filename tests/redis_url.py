"""Redis for tests that run beside each other."""

from __future__ import annotations

import os
from urllib.parse import urlsplit


def own_redis(url: str) -> str:
    """A database of its own for each of xdist's workers: a test that clears the cache clears no other one's."""
    parts = urlsplit(url)
    number = int(parts.path.lstrip("/") or 0) + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return parts._replace(path=f"/{number % 16}").geturl()
