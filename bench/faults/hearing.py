"""Who hears of the load: a simulated subscriber, and the product itself through its own door, where its worker takes each
message in. Both are set up on the pages, as an administrator does it."""

from __future__ import annotations

import re
from collections.abc import Callable

from bench.faults import truth
from bench.faults.installation import Installation
from bench.faults.load import FIRST, Browser
from bench.simulated import Simulator

WEBHOOKS, CONNECTIONS = "/settings/webhooks/", "/settings/connections/"
OURSELVES = "Ourselves"


def set_up(product: Installation, receiver: Simulator, until: Callable[[Callable[[], bool]], None]) -> None:
    """Add both, and wait by `until` for their test messages: nobody gets anything before. Raises RuntimeError."""
    administrator = Browser(product.port, FIRST)
    administrator.sign_in("Administrator")
    _subscribe(administrator, truth.SUBSCRIBER, f"{receiver.address}/")
    connection = _submit(administrator, f"{CONNECTIONS}new/", {"label": OURSELVES, "option_types": "*"})
    path = _shown(administrator, connection, r'value="[^"]*(/webhooks/freshplan/wk_[a-z2-7]+/)"')
    webhook = _subscribe(administrator, OURSELVES, f"{product.address}{path}")
    secret = _shown(administrator, webhook, r"(whsec_[A-Za-z0-9+/=]+)")
    _submit(administrator, f"{connection}secrets/signing_secret/", {"signing_secret-value": secret})
    _submit(administrator, f"{connection}activate/", {})
    # The first test message came before the door had its secret; it may be given up already.
    _submit(administrator, f"{webhook}test/", {})
    until(lambda: truth.are_subscribed(product.owner_url, 2))


def _subscribe(administrator: Browser, name: str, url: str) -> str:
    values = {"name": name, "url": url, "types": "customer.*", "max_per_second": "100"}
    return _submit(administrator, f"{WEBHOOKS}new/", values)


def _submit(administrator: Browser, path: str, values: dict[str, str]) -> str:
    """The address that a form leads to once it was taken."""
    status, where, page = administrator.ask("POST", path, values)
    if status != 302:
        raise RuntimeError(f"{path} was not taken ({status}): {page[:2000]}")
    return where


def _shown(administrator: Browser, path: str, pattern: str) -> str:
    """What a page shows; `pattern` has one group."""
    _status, _where, page = administrator.ask("GET", path)
    found = re.search(pattern, page)
    if found is None:
        raise RuntimeError(f"{path} does not show {pattern}")
    return found[1]
