"""From which addresses messages of a connection may come: narrows what the signature proves, and never replaces it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.utils.translation import gettext as _

from crm.core.errors import Invalid

KEY: Final = "senders"  # among a connection's settings
MOST: Final = 50


def clean_networks(text: str) -> list[str]:
    """The networks and single addresses that `text` names, each as a network. Raises Invalid (field senders)."""
    named = text.replace(",", " ").split()
    if len(named) > MOST:
        raise Invalid(_("At most %(count)d.") % {"count": MOST}, field=KEY)
    found = []
    for one in named:
        try:
            found.append(str(ipaddress.ip_network(one)))
        except ValueError:
            message = _("%(text)s is no network such as 203.0.113.0/24 or 2001:db8::/32, and no single address.")
            raise Invalid(message % {"text": one[:50]}, field=KEY) from None
    return list(dict.fromkeys(found))


def may_send(address: str, options: Mapping[str, Any]) -> bool:
    """Whether messages may come from `address`; from anywhere where nothing is listed."""
    networks: Sequence[str] = options.get(KEY) or ()
    if not networks:
        return True
    try:
        sender = ipaddress.ip_address(address)
    except ValueError:
        return False
    plain = getattr(sender, "ipv4_mapped", None) or sender
    return any(plain in ipaddress.ip_network(network) for network in networks)
