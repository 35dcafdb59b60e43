"""What the webhook door keeps: requests whose signature was right, whole; of all others a count and a sample."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from psycopg.types.json import Jsonb

from crm.core.access import Scope
from outbox.choices import OPEN, CredentialRole, Refusal
from outbox.encryption import SealBroken, open_sealed
from outbox.models import CallLog, Credential, InboxEvent, InboxRefusal, InboxRequest
from outbox.operations import WEBHOOK_INTAKE
from outbox.providers import Message, Provider
from outbox.services.connections import promote_credential
from outbox.wakeup import wake_relay

log = structlog.get_logger(__name__)

MOST_HEADER_NAMES: Final = 40
BODIES_KEPT: Final = timedelta(days=30)
SAMPLES_KEPT: Final = timedelta(days=7)
KEYS_KEPT: Final = timedelta(days=400)
_NOTE_USE_AFTER: Final = timedelta(minutes=1)  # between two notes of "last used": a row is not written at each message

_AT: Final = "SELECT connection_id, organisation_id FROM outbox_connection_at(%s, %s)"
# A repeat is seen once more and changes nothing else.
_STORE: Final = """
INSERT INTO outbox_inboxrequest (organisation_id, connection_id, dedupe_key, body, size, headers, address, received_at,
                                 seen, last_seen_at, credential_id, credential_role, known_parts)
VALUES (%(organisation)s, %(connection)s, %(key)s, %(body)s, %(size)s, %(headers)s, %(address)s, %(at)s, 1, %(at)s,
        %(credential)s, %(role)s, 0)
ON CONFLICT (connection_id, dedupe_key)
DO UPDATE SET seen = outbox_inboxrequest.seen + 1, last_seen_at = excluded.last_seen_at
RETURNING xmax = 0
"""
_REFUSE: Final = """
INSERT INTO outbox_inboxrefusal (organisation_id, connection_id, kind, minute, count, digest, size, header_names, network)
VALUES (%(organisation)s, %(connection)s, %(kind)s, %(minute)s, 1, %(digest)s, %(size)s, %(names)s, %(network)s)
ON CONFLICT (connection_id, kind, minute) DO UPDATE SET count = outbox_inboxrefusal.count + 1
"""


@dataclass(frozen=True, slots=True)
class Secret:
    """A live secret of a connection, opened, beside the connection's settings."""

    credential_id: int
    role: CredentialRole
    value: str
    options: Mapping[str, Any]


def connection_at(provider: str, key: str) -> tuple[int, int] | None:
    """Ids of connection and organisation behind the key of a webhook address; before any scope, in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_AT, [provider, key])
        row = cursor.fetchone()
    return (row[0], row[1]) if row else None


def provider_scope(provider: Provider, organisation_id: int, request_id: str = "") -> Scope:
    """Who acts when a message of this provider is received or applied."""
    return Scope(
        organisation_id=organisation_id,
        actor=f"provider:{provider.key}",
        role="SYSTEM",
        owner_ids=None,
        source="provider",
        request_id=request_id,
    )


def live_secrets(*, scope: Scope, connection_id: int, kinds: Iterable[str]) -> tuple[list[Secret], bool]:
    """The secrets that may verify a message now, and whether all of them opened.

    The one to come is first, so that it is promoted by its first use.
    """
    order = [CredentialRole.NEXT, CredentialRole.CURRENT, CredentialRole.PREVIOUS]
    rows = Credential.objects.visible_to(scope).filter(connection_id=connection_id, kind__in=list(kinds))
    live = list(rows.filter(Q(valid_until=None) | Q(valid_until__gt=scope.now)).select_related("connection"))
    found = []
    for row in live:
        try:
            value = open_sealed(row.sealed, associated=row.place)
        except SealBroken:
            log.error("a secret does not open: its key is gone", credential=row.pk, connection=connection_id)
            continue
        found.append(Secret(row.pk, CredentialRole(row.role), value, row.connection.options))
    return sorted(found, key=lambda one: order.index(one.role)), len(found) == len(live)


@WEBHOOK_INTAKE.counted
@transaction.atomic
def store_request(
    *,
    scope: Scope,
    connection_id: int,
    provider: Provider,
    message: Message,
    secret: Secret,
    address: str | None,
) -> bool:
    """Keep a proven request as it came; whether it is new. A repeat is counted and changes nothing."""
    values: dict[str, Any] = {
        "organisation": scope.organisation_id,
        "connection": connection_id,
        "key": provider.dedupe_key(message),
        "body": message.body,
        "size": len(message.body),
        "headers": Jsonb({name: message.headers[name] for name in provider.kept_headers if name in message.headers}),
        "address": _address(address),
        "at": message.received_at,
        "credential": secret.credential_id,
        "role": secret.role,
    }
    with connection.cursor() as cursor:
        cursor.execute(_STORE, values)
        (is_new,) = cursor.fetchone()
    if secret.role == CredentialRole.NEXT:  # first, for it locks all secrets of the connection in their order
        promote_credential(scope=scope, credential_id=secret.credential_id)
    late = Q(last_used_at=None) | Q(last_used_at__lt=scope.now - _NOTE_USE_AFTER)
    Credential.objects.visible_to(scope).filter(late, pk=secret.credential_id).update(last_used_at=scope.now)
    if is_new:
        transaction.on_commit(wake_relay, robust=True)
    return bool(is_new)


@transaction.atomic
def count_refusal(
    *,
    scope: Scope,
    connection_id: int,
    kind: Refusal,
    body: bytes | None,
    size: int | None,
    headers: Mapping[str, str],
    address: str,
) -> None:
    """Count a refused request; the first of a minute leaves a sample: digest, size, names of headers, network."""
    values: dict[str, Any] = {
        "organisation": scope.organisation_id,
        "connection": connection_id,
        "kind": kind,
        "minute": scope.now.replace(second=0, microsecond=0),
        "digest": "" if body is None else hashlib.sha256(body).hexdigest(),
        "size": size,
        "names": Jsonb(sorted(name[:80] for name in headers)[:MOST_HEADER_NAMES]),
        "network": _network(address),
    }
    with connection.cursor() as cursor:
        cursor.execute(_REFUSE, values)


def has_signed_rightly(*, scope: Scope, connection_id: int, address: str) -> bool:
    """Whether a proven request ever came from this address to this connection."""
    rows = InboxRequest.objects.visible_to(scope).filter(connection_id=connection_id)
    return rows.filter(address=_address(address)).exists()


@transaction.atomic
def forget_old(*, scope: Scope) -> int:
    """Forget what has had its time: bodies, headers and calls after 30 days, samples of refusals after 7, rows after 400.

    Keys stay against late repeats; what is not at its end keeps its body, unless its connection is gone. Secrets that ran
    out are erased. The number of bodies forgotten.
    """
    requests = InboxRequest.objects.visible_to(scope)
    old = requests.filter(received_at__lt=scope.now - BODIES_KEPT, body__isnull=False)
    waits = InboxEvent.objects.visible_to(scope).filter(request=OuterRef("pk"), state__in=OPEN)
    is_at_an_end = Q(split_at__isnull=False) & ~Exists(waits)
    finished = old.filter(is_at_an_end | Q(connection__deleted_at__isnull=False))
    forgotten = finished.update(body=None, headers={}, address=None)
    ended = Credential.objects.visible_to(scope).filter(role=CredentialRole.PREVIOUS, valid_until__lt=scope.now)
    ended.update(sealed=b"")  # the row stays for the messages that it verified
    refusals = InboxRefusal.objects.visible_to(scope)
    samples = refusals.filter(minute__lt=scope.now - SAMPLES_KEPT).exclude(digest="", network="")
    samples.update(digest="", size=None, header_names=[], network="")
    CallLog.objects.visible_to(scope).filter(at__lt=scope.now - BODIES_KEPT).delete()
    refusals.filter(minute__lt=scope.now - KEYS_KEPT).delete()
    requests.filter(received_at__lt=scope.now - KEYS_KEPT, body=None).delete()
    return forgotten


def _address(text: str | None) -> str | None:
    try:
        return str(ipaddress.ip_address(text or ""))
    except ValueError:
        return None


def _network(text: str) -> str:
    """The address shortened to its network: it tells where from, not who."""
    found = _address(text)
    if found is None:
        return ""
    return str(ipaddress.ip_network(f"{found}/{24 if '.' in found else 48}", strict=False))
