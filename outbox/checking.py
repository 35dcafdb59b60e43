"""The health call of a connection: asked by a worker between two transactions, its answer kept and told."""

from __future__ import annotations

import dataclasses
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from crm.core.access import Scope, activate, system_scope_for
from outbox.calling import CallRefused, Client, CredentialsRefused, ProviderUnavailable
from outbox.choices import CheckResult, ConnectionState, CredentialRole
from outbox.encryption import SealBroken, open_sealed
from outbox.events import CredentialsRefused as CredentialsWereRefused
from outbox.events import IntegrationDegraded, IntegrationRecovered
from outbox.models import Connection, ConnectionCheck, Credential
from outbox.providers import Provider, provider_named
from outbox.services import publish
from outbox.services.connections import promote_credential

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(minutes=1)
BROKEN_EVERY: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _Result:
    """How the other side answered; `wait` where it must not be asked again at once."""

    result: CheckResult
    status: int | None = None
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class _Secret:
    """An opened credential for calls out."""

    pk: int
    kind: str
    role: str
    value: str


def check(organisation_id: int, connection_id: int) -> CheckResult | None:
    """Ask the other side and keep how it answered; None where there is nobody to ask.

    A credential to come is tried first: accepted, it is in use from now; refused, the one in use is asked with.
    """
    scope = dataclasses.replace(system_scope_for(organisation_id, job="connection-check"), request_id=uuid.uuid4().hex)
    with transaction.atomic(), activate(scope):
        connection = Connection.objects.visible_to(scope).present().filter(pk=connection_id).first()
    provider = provider_named(connection.provider) if connection is not None else None
    if connection is None or provider is None or not connection.base_url:
        return None
    started = time.monotonic()
    proven: list[_Secret] = []
    try:
        found, proven = _asked(scope, connection, provider)
    except Exception as error:  # noqa: BLE001 - a fault of ours is a result too: nobody waits for an answer for ever
        log.error("health call failed", connection=connection_id, error=type(error).__name__)
        found = _Result(CheckResult.WRONG)
    took = round((time.monotonic() - started) * 1000)
    scope = dataclasses.replace(scope, now=timezone.now())
    with transaction.atomic(), activate(scope):
        for one in proven:
            promote_credential(scope=scope, credential_id=one.pk)
        _keep(scope, connection_id, found, took)
    return found.result


def _asked(scope: Scope, connection: Connection, provider: Provider) -> tuple[_Result, list[_Secret]]:
    """How the other side answered, and which credentials to come it accepted."""
    with transaction.atomic(), activate(scope):
        secrets = _secrets(scope, connection.pk, provider)
    client = Client(connection, scope, calls_per_minute=provider.calls_per_minute)
    current = [one for one in secrets if one.role == CredentialRole.CURRENT]
    coming = [one for one in secrets if one.role == CredentialRole.NEXT]
    found = _ask(provider, client, current, coming)
    if coming and found.result == CheckResult.REFUSED:
        return _ask(provider, client, current, []), []
    return found, coming if found.result == CheckResult.OK else []


def _secrets(scope: Scope, connection_id: int, provider: Provider) -> list[_Secret]:
    """What may be asked with. Raises SealBroken where nothing of a kind opens."""
    kinds = [kind.key for kind in provider.credentials if not kind.inbound]
    rows = Credential.objects.visible_to(scope).filter(connection_id=connection_id, kind__in=kinds)
    rows = rows.filter(Q(valid_until=None) | Q(valid_until__gt=scope.now)).exclude(role=CredentialRole.PREVIOUS)
    found, lost = [], set()
    for row in rows:
        try:
            value = open_sealed(row.sealed, associated=row.place)
        except SealBroken:
            lost.add(row.kind)
            continue
        found.append(_Secret(row.pk, row.kind, row.role, value))
    if lost - {one.kind for one in found}:
        raise SealBroken("A credential does not open.")
    return found


def _ask(provider: Provider, client: Client, current: list[_Secret], coming: list[_Secret]) -> _Result:
    """One health call with the credentials in use, those to come in their place."""
    try:
        provider.check(client, {one.kind: one.value for one in [*current, *coming]})
    except CredentialsRefused as error:
        return _Result(CheckResult.REFUSED, error.status)
    except CallRefused as error:
        return _Result(CheckResult.WRONG, error.status)
    except ProviderUnavailable as error:
        return _Result(CheckResult.AWAY, error.status, max(timedelta(0), error.retry_at - timezone.now()))
    return _Result(CheckResult.OK, 200)


def _keep(scope: Scope, connection_id: int, found: _Result, took: int) -> None:
    rows = Connection.objects.visible_to(scope).present().filter(pk=connection_id)
    connection = rows.select_for_update(of=("self",)).first()
    row = ConnectionCheck.objects.visible_to(scope).filter(connection_id=connection_id).first()
    if connection is None or row is None:
        return
    was, is_ok = row.result, found.result == CheckResult.OK
    if found.result == CheckResult.REFUSED and connection.state == ConnectionState.ACTIVE:
        connection.state = ConnectionState.BROKEN
        connection.save(update_fields=["state"])
        told = CredentialsWereRefused(
            connection_id=connection_id, status=found.status or 0, owner_id=connection.owner_id
        )
        publish(told)
    elif is_ok and connection.state == ConnectionState.BROKEN:
        connection.state = ConnectionState.ACTIVE
        connection.save(update_fields=["state"])
    if was not in {"", CheckResult.OK} and is_ok:
        publish(IntegrationRecovered(connection_id=connection_id))
    elif was in {"", CheckResult.OK} and found.result in {CheckResult.AWAY, CheckResult.WRONG}:
        publish(IntegrationDegraded(connection_id=connection_id, result=found.result))
    pause = {ConnectionState.ACTIVE: EVERY, ConnectionState.BROKEN: BROKEN_EVERY}.get(ConnectionState(connection.state))
    row.due_at = None if pause is None else scope.now + max(pause, found.wait)
    row.locked_until, row.checked_at = None, scope.now
    row.result, row.status, row.milliseconds = found.result, found.status, took
    if is_ok:
        row.succeeded_at = scope.now
    row.save(update_fields=["due_at", "locked_until", "checked_at", "result", "status", "milliseconds", "succeeded_at"])
