"""EMAIL_URL, read strictly: plain connections only to a machine of one's own (contracts/email.md, Mailbox)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SCHEMES = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed over. `starts_tls`: STARTTLS on a plain port; `is_tls`: TLS from the first byte."""

    host: str
    port: int
    user: str
    password: str
    starts_tls: bool
    is_tls: bool


def mail_settings(url: str) -> MailServer:
    """The server that the address names. Raises ImproperlyConfigured for another scheme, no host, or plain text to outside."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ImproperlyConfigured("EMAIL_URL is no address.") from None
    if parts.scheme not in SCHEMES or not host:
        raise ImproperlyConfigured("EMAIL_URL begins with smtp+tls://, smtp+ssl:// or smtp:// and names a host.")
    if parts.scheme == "smtp" and not _is_own(host):
        raise ImproperlyConfigured(
            "EMAIL_URL: plain smtp:// goes to a private host alone; take smtp+tls:// or smtp+ssl://."
        )
    return MailServer(
        host=host,
        port=port or SCHEMES[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starts_tls=parts.scheme == "smtp+tls",
        is_tls=parts.scheme == "smtp+ssl",
    )


def _is_own(host: str) -> bool:
    """A private address, or a name without a dot: this machine, a container beside it."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host
