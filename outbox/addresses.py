"""Where calls out may go: never into our own network by an address that somebody typed (`reliability.md` §9).

A name is resolved by us and refused when any of its addresses is not reachable by everybody; the transport then connects
to exactly what was checked here. An operator lists what he wants reached inside in FRESHPLAN_PRIVATE_HOSTS.
"""

from __future__ import annotations

import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

import httpx2
from django.conf import settings
from django.utils.translation import gettext as _

MAX_URL: Final = 2_000  # characters
RESOLVE_SECONDS: Final = 5.0
MOST_AT_ONCE: Final = 100  # exchanges of one process, and names being resolved for them
PORTS: Final = frozenset({443, 8443})  # of subscribers; hosts that the operator listed may have any

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Beside what Python calls not global, whose list differs between its releases: 6to4 relays, Azure's metadata address.
_REFUSED_V4: Final = tuple(ipaddress.IPv4Network(net) for net in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32",
    "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
    "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
))  # fmt: skip
# Only global unicast at all, and of it not what carries IPv4 inside (Teredo, 6to4) or is for documents.
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6: Final = tuple(
    ipaddress.IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)


class AddressRefused(Exception):
    """Nothing of ours may connect there. The text is the same whether a name is unknown or points inside."""

    def __init__(self) -> None:
        super().__init__(_("This address cannot be used: its name must lead to public addresses alone."))


def is_public(address: str) -> bool:
    """Whether everybody can reach this address: no loopback, private, shared, mapped, translated or metadata one."""
    try:
        found: _Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if not found.is_global or found.is_multicast:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return not any(found in net for net in _REFUSED_V4)
    return found in _GLOBAL_V6 and not any(found in net for net in _REFUSED_V6)


def is_listed(host: str, port: int) -> bool:
    """Whether the operator allows this host inside: `name` (any port) or `name:port` in FRESHPLAN_PRIVATE_HOSTS."""
    name = f"[{host}]" if ":" in host else host
    return not {name.lower(), f"{name.lower()}:{port}"}.isdisjoint(settings.PRIVATE_HOSTS)


def checked_addresses(host: str, port: int, *, timeout: float = RESOLVE_SECONDS) -> tuple[str, ...]:
    """The addresses of `host` to connect to, in the resolver's order, each once.

    Raises AddressRefused when the name is unknown, the resolver silent for `timeout` seconds, or one address not public.
    """
    try:
        found = (host,) if _is_literal(host) else _resolver().submit(_resolve, host, port).result(timeout=timeout)
    except (OSError, UnicodeError, TimeoutError):
        raise AddressRefused from None
    if not found or not (is_listed(host, port) or all(is_public(address) for address in found)):
        raise AddressRefused
    return found


def checked_url(url: str) -> httpx2.URL:
    """A subscriber's URL after the rules that need no resolver: https, port 443 or 8443, no credentials, no fragment.

    A listed host may have http and any port. Raises AddressRefused; ValueError for what is no URL, with its reason.
    """
    if len(url) > MAX_URL:
        raise ValueError(_("At most 2,000 characters."))
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        raise ValueError(_("This is no web address.")) from None
    if parsed.scheme not in {"http", "https"} or not parsed.host or not url.isascii() or not url.isprintable():
        raise ValueError(_("This is no web address."))
    if parsed.userinfo or parsed.fragment or "#" in url:
        raise ValueError(_("No user name, password or fragment may stand in it."))
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    if not is_listed(parsed.host, port):
        if parsed.scheme != "https":
            raise ValueError(_("It must begin with https://."))
        if port not in PORTS:
            raise ValueError(_("Only ports 443 and 8443 can be used."))
    return parsed


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _resolve(host: str, port: int) -> tuple[str, ...]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_kind, sockaddr in found))


@cache
def _resolver() -> ThreadPoolExecutor:
    """Made at the first use, so after a worker's fork.

    A silent name server holds a thread for longer than anybody waits: names of a few dead subscribers must not leave the
    others' unresolved.
    """
    return ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="resolve")
