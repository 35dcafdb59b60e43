"""Services of connections to other systems: set-up, states, secrets and their rotation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict, Invalid, NotFound
from crm.core.options import option_value
from outbox.addresses import AddressRefused, checked_url
from outbox.choices import OPEN, ConnectionState, CredentialRole, InboxReason, InboxState
from outbox.encryption import SealBroken, is_current, open_sealed, seal
from outbox.events import SecretRotated
from outbox.models import Connection, ConnectionCheck, Credential, InboxEvent, SubscriptionSecret
from outbox.models.connections import new_key
from outbox.options import OVERLAP_HOURS
from outbox.providers import CredentialKind, Provider, options_of, provider_named
from outbox.services import publish
from outbox.signing import seal_place
from outbox.wakeup import wake_relay

WAY_BACK: Final = timedelta(hours=24)  # that a replaced secret of calls out is kept
LONGEST_REASON: Final = 200

# What a connection may become, from each state; BROKEN comes from its health call alone.
_MOVES: Final[dict[str, frozenset[str]]] = {
    ConnectionState.ACTIVE: frozenset({ConnectionState.DRAFT, ConnectionState.PAUSED, ConnectionState.BROKEN}),
    ConnectionState.PAUSED: frozenset({ConnectionState.ACTIVE, ConnectionState.BROKEN}),
    ConnectionState.BROKEN: frozenset({ConnectionState.ACTIVE}),
}


def may_become(state: str, target: str) -> bool:
    """Whether a connection in `state` may become `target`."""
    return state in _MOVES.get(target, frozenset())


def lacks_secrets(scope: Scope, connection: Connection) -> bool:
    """Whether it is being set up and cannot be set going yet: a secret that the provider needs is not there, or has ended."""
    if connection.state != ConnectionState.DRAFT:
        return False
    needed = {kind.key for kind in _provider(connection.provider).credentials if kind.needed}
    alive = Q(valid_until=None) | Q(valid_until__gt=scope.now)
    rows = Credential.objects.visible_to(scope).filter(alive, connection=connection)
    return bool(needed - set(rows.values_list("kind", flat=True)))


@transaction.atomic
def create_connection(
    *, scope: Scope, provider: str, label: str, base_url: str = "", options: Mapping[str, str] | None = None
) -> Connection:
    """A new connection, being set up. Raises Forbidden without `connections.manage`, NotFound, Invalid."""
    scope.require("connections.manage")
    found = _provider(provider)
    connection = Connection.objects.create(
        organisation_id=scope.organisation_id,
        provider=found.key,
        label=_clean_label(label),
        base_url=_clean_url(base_url),
        options=_clean_options(found, options or {}),
        owner_id=scope.user_id,
    )
    ConnectionCheck.objects.create(organisation_id=scope.organisation_id, connection=connection)
    return connection


@transaction.atomic
def change_connection(
    *,
    scope: Scope,
    connection_id: int,
    version: int,
    label: str,
    base_url: str = "",
    options: Mapping[str, str] | None = None,
) -> Connection:
    """Change name, address and settings. Raises NotFound, Forbidden, Conflict (changed since `version`), Invalid."""
    connection = _locked(scope, connection_id)
    scope.require("connections.manage")
    if connection.version != version:
        raise Conflict(_("Someone changed this connection meanwhile."), version=connection.version)
    connection.label, connection.base_url = _clean_label(label), _clean_url(base_url)
    connection.options = _clean_options(_provider(connection.provider), options or {})
    connection.save(update_fields=["label", "base_url", "options"])
    _plan_check(scope, connection)
    connection.refresh_from_db()
    return connection


@transaction.atomic
def move_connection(*, scope: Scope, connection_id: int, target: str, reason: str = "") -> Connection:
    """ACTIVE: set it going, or on again; PAUSED (with a reason): keep what comes in and wait.

    The first activation needs `connections.manage` and every secret that the provider asks for; the rest `inbox.replay`.
    Raises NotFound, Forbidden, Conflict, Invalid.
    """
    connection = _locked(scope, connection_id)
    scope.require("connections.manage" if connection.state == ConnectionState.DRAFT else "inbox.replay")
    if target == ConnectionState.BROKEN or not may_become(connection.state, target):
        raise Conflict(_("A connection that is %(state)s cannot do that.") % {"state": connection.get_state_display()})
    clean = " ".join(reason.split())[:LONGEST_REASON]
    if target == ConnectionState.PAUSED and not clean:
        raise Invalid(_("A reason that others understand."), field="reason")
    if lacks_secrets(scope, connection):
        raise Conflict(_("A secret is missing: put it in first."))
    connection.state, connection.state_reason = target, clean
    connection.save(update_fields=["state", "state_reason"])
    _plan_check(scope, connection)
    transaction.on_commit(wake_relay, robust=True)
    connection.refresh_from_db()
    return connection


@transaction.atomic
def set_credential(*, scope: Scope, connection_id: int, kind: str, value: str) -> Credential:
    """Store a secret: the first is in use at once, another one is to come until a message or call has proven it.

    Raises NotFound, Forbidden, Invalid, Conflict while another one is to come or running out.
    """
    connection = _locked(scope, connection_id)
    scope.require("connections.manage")
    wanted, clean = _kind(_provider(connection.provider), kind), value.strip()
    wanted.check(clean)
    rows = Credential.objects.visible_to(scope).filter(connection=connection, kind=kind)
    rows.filter(role=CredentialRole.PREVIOUS, valid_until__lte=scope.now).delete()
    roles = set(rows.values_list("role", flat=True))
    if len(roles) > 1:
        raise Conflict(
            _("Two secrets are live already: end the old one first, or take the new one back."), field="value"
        )
    if any(_is_sealed_in(row, clean) for row in rows):
        raise Conflict(_("This secret is in use already."), field="value")
    row = Credential.objects.create(
        organisation_id=scope.organisation_id,
        connection=connection,
        kind=kind,
        role=CredentialRole.NEXT if roles else CredentialRole.CURRENT,
        sealed=b"",
        ending=clean[-4:],
        set_at=scope.now,
        set_by_id=scope.user_id,
    )
    row.sealed = seal(clean, associated=row.place)
    row.save(update_fields=["sealed"])
    if not wanted.inbound:
        _plan_check(scope, connection)
        transaction.on_commit(wake_relay, robust=True)
    return row


@transaction.atomic
def end_credential(*, scope: Scope, connection_id: int, credential_id: int) -> None:
    """End the old secret now, or take back the one to come. Raises NotFound, Forbidden, Conflict for the one in use."""
    connection = _locked(scope, connection_id)
    scope.require("connections.manage")
    row = Credential.objects.visible_to(scope).filter(connection=connection).get_or_not_found(pk=credential_id)
    if row.role == CredentialRole.CURRENT:
        raise Conflict(_("The secret in use is replaced, never taken away."))
    row.delete()


@transaction.atomic
def promote_credential(*, scope: Scope, credential_id: int) -> bool:
    """A secret to come has proven itself: it is in use from now, the one before for a while more; whether that happened.

    How long is a setting for those that verify messages, a day for those of calls out.
    """
    chosen = Credential.objects.visible_to(scope).select_related("connection").filter(pk=credential_id).first()
    if chosen is None:
        return False
    family = Credential.objects.visible_to(scope).filter(connection_id=chosen.connection_id, kind=chosen.kind)
    rows = {row.pk: row for row in family.select_for_update(of=("self",), no_key=True).order_by("pk")}
    if credential_id not in rows or rows[credential_id].role != CredentialRole.NEXT:
        return False
    until = scope.now + _overlap(scope, chosen)
    family.filter(role=CredentialRole.CURRENT).update(role=CredentialRole.PREVIOUS, valid_until=until)
    family.filter(pk=credential_id).update(role=CredentialRole.CURRENT)
    publish(SecretRotated(connection_id=chosen.connection_id, kind=chosen.kind))
    return True


@transaction.atomic
def renew_key(*, scope: Scope, connection_id: int) -> Connection:
    """Another webhook address; the one before is unknown from now. Raises NotFound, Forbidden."""
    connection = _locked(scope, connection_id)
    scope.require("connections.manage")
    connection.key = new_key()
    connection.save(update_fields=["key"])
    return connection


@transaction.atomic
def delete_connection(*, scope: Scope, connection_id: int) -> None:
    """Close it for good: address unknown, secrets gone; what it brought stays; what waited or was given up is dismissed with it.

    Raises NotFound, Forbidden, Conflict while it is at work.
    """
    connection = _locked(scope, connection_id)
    scope.require("connections.manage")
    if connection.state not in {ConnectionState.DRAFT, ConnectionState.PAUSED}:
        raise Conflict(_("Pause the connection first."))
    Credential.objects.visible_to(scope).filter(connection=connection).delete()
    ConnectionCheck.objects.visible_to(scope).filter(connection=connection).update(due_at=None)
    InboxEvent.objects.visible_to(scope).filter(connection=connection, state__in=[*OPEN, InboxState.DEAD]).update(
        state=InboxState.IGNORED,
        reason=InboxReason.DISMISSED,
        note=_("The connection was deleted."),
        locked_until=None,
        done_at=scope.now,
        acted_by=scope.actor,
        acted_at=scope.now,
    )
    connection.deleted_at, connection.deleted_by_id = scope.now, scope.user_id
    connection.save(update_fields=["deleted_at", "deleted_by_id"])


@transaction.atomic
def ask_check(*, scope: Scope, connection_id: int) -> None:
    """Have a worker ask the other side now. Raises NotFound, Forbidden, Conflict without an address."""
    connection = _locked(scope, connection_id)
    scope.require("inbox.replay")
    if not connection.base_url:
        raise Conflict(_("Without the other side's address there is nobody to ask."))
    ConnectionCheck.objects.visible_to(scope).filter(connection=connection).update(due_at=scope.now)
    transaction.on_commit(wake_relay, robust=True)


@transaction.atomic
def renew_sealing(*, scope: Scope) -> int:
    """Seal every secret of the organisation, those that sign for subscribers too, under the first key; how many were not."""
    credentials = Credential.objects.visible_to(scope).exclude(sealed=b"").select_for_update(of=("self",))
    secrets = SubscriptionSecret.objects.visible_to(scope).select_for_update(of=("self",))
    places = [(row, row.place) for row in credentials] + [(row, seal_place(row.pk)) for row in secrets]
    old = [(row, place) for row, place in places if not is_current(row.sealed)]
    for row, place in old:
        row.sealed = seal(open_sealed(row.sealed, associated=place), associated=place)
        row.save(update_fields=["sealed"])
    return len(old)


def _is_sealed_in(row: Credential, value: str) -> bool:
    """Whether it is this secret; one that no longer opens is replaced by whatever comes."""
    try:
        return open_sealed(row.sealed, associated=row.place) == value
    except SealBroken:
        return False


def _overlap(scope: Scope, credential: Credential) -> timedelta:
    """How long the secret before it still counts."""
    provider = provider_named(credential.connection.provider)
    inbound = {kind.key for kind in provider.credentials if kind.inbound} if provider is not None else set()
    return timedelta(hours=option_value(OVERLAP_HOURS, scope)) if credential.kind in inbound else WAY_BACK


def _locked(scope: Scope, connection_id: int) -> Connection:
    rows = Connection.objects.visible_to(scope).present()
    return rows.select_for_update(of=("self",)).get_or_not_found(pk=connection_id)


def _plan_check(scope: Scope, connection: Connection) -> None:
    is_asked = connection.state in {ConnectionState.ACTIVE, ConnectionState.BROKEN} and connection.base_url
    rows = ConnectionCheck.objects.visible_to(scope).filter(connection=connection)
    rows.update(due_at=scope.now if is_asked else None)


def _provider(key: str) -> Provider:
    found = provider_named(key)
    if found is None:
        raise NotFound(_("Not found."))
    return found


def _kind(provider: Provider, key: str) -> CredentialKind:
    for kind in provider.credentials:
        if kind.key == key:
            return kind
    raise NotFound(_("Not found."))


def _clean_label(text: str) -> str:
    clean = " ".join(text.split())
    if not 2 <= len(clean) <= 80:
        raise Invalid(_("A name of 2 to 80 characters."), field="label")
    return clean


def _clean_url(text: str) -> str:
    clean = text.strip().rstrip("/")
    if not clean:
        return ""
    try:
        url = checked_url(clean)
    except (AddressRefused, ValueError) as error:
        raise Invalid(str(error), field="base_url") from None
    if url.query or len(clean) > 500:
        raise Invalid(_("The address ends before the question mark."), field="base_url")
    return clean


def _clean_options(provider: Provider, given: Mapping[str, str]) -> dict[str, Any]:
    return {
        option.key: option.clean(given[option.key]) if option.key in given else option.default
        for option in options_of(provider)
    }
