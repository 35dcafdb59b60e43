"""The one client for calls to other systems (`spec/integrations.md`, Outgoing client), over `transport.exchange`.

Used by workers, never inside a transaction: the caller has committed, calls, and opens the next transaction for the result.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
import stamina
from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.utils import timezone
from pybreaker import CircuitBreakerError

from crm.core.access import Scope, activate
from outbox.addresses import AddressRefused
from outbox.guards import Full, Guards, Shut, TooFast
from outbox.models import CallLog, Connection
from outbox.providers import Temporary
from outbox.transport import Answer, exchange

CONNECT_SECONDS: Final = 3.0
TOTAL_SECONDS: Final = 10.0  # of one attempt
LONGEST_ANSWER: Final = 10 * 1024 * 1024  # bytes
ATTEMPTS: Final = 3
BACK_OFF, BACK_OFF_LONGEST = 0.5, 8.0  # seconds, doubling, full jitter
HONOURED: Final = 60.0  # seconds of Retry-After that are waited for; longer ends the call
ALL_ATTEMPTS: Final = 75.0  # seconds that all attempts of one call may take
_AGAIN: Final = frozenset({429, 502, 503, 504})


class ProviderUnavailable(Temporary):
    """Not now: the breaker is open, all places are taken, the rate is spent, or every attempt failed."""

    def __init__(self, kind: str, *, retry_at: datetime, status: int | None = None) -> None:
        super().__init__(kind)
        self.kind, self.retry_at, self.status = kind, retry_at, status


class CallRefused(Exception):
    """The other side answers, and says no (4xx), or something else than agreed; again would be no better."""

    def __init__(self, kind: str, status: int | None = None) -> None:
        super().__init__(kind)
        self.kind, self.status = kind, status


class CredentialsRefused(CallRefused):
    """401 or 403."""


class _Failed(Exception):
    """An attempt that counts for the breaker."""

    def __init__(self, kind: str, *, again: bool, status: int | None = None, after: float | None = None) -> None:
        super().__init__(kind)
        self.kind, self.again, self.status, self.after = kind, again, status, after


class _Throttled(_Failed):
    """429: to be tried again, but no failure of theirs."""


class _Counted(_Failed):
    """Connection, time-out, 5xx, answer without its required fields."""


class Client:
    """Calls to one connection's other side, by `scope`; each attempt leaves a row in the call log."""

    def __init__(self, connection: Connection, scope: Scope, *, calls_per_minute: int) -> None:
        self._connection, self._scope = connection, scope
        self.guards = Guards(connection.pk, calls_per_minute=calls_per_minute)

    def get(
        self,
        operation: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Sequence[str] = (),
    ) -> dict[str, Any]:
        """GET a JSON object that has `fields`. `path` begins with a slash and is what the log keeps.

        Raises RuntimeError inside a transaction, ProviderUnavailable, CallRefused, CredentialsRefused.
        """
        if database.in_atomic_block:
            raise RuntimeError("A call out inside a transaction.")
        url = self._connection.base_url + path + (f"?{urlencode(query)}" if query else "")
        number = 0
        try:
            with self.guards.let_in(), self.guards.place():
                again = stamina.retry_context(
                    on=lambda error: _pause(error, number), attempts=ATTEMPTS, timeout=ALL_ATTEMPTS
                )
                for attempt in again:
                    with attempt:
                        self._wait_for_token()
                        number += 1
                        return self._attempt(operation, path, url, headers or {}, fields, number)
        except Shut as error:
            raise _unavailable("breaker", error.seconds) from None
        except Full:
            raise _unavailable("bulkhead", 1.0) from None
        except TooFast as error:
            raise _unavailable("rate", error.seconds) from None
        except CircuitBreakerError:
            raise _unavailable("breaker", max(1.0, self.guards.closed_for())) from None
        except _Failed as error:
            wait = error.after if error.after is not None else max(BACK_OFF_LONGEST, self.guards.closed_for())
            raise _unavailable(error.kind, wait, error.status) from None
        raise AssertionError("stamina ended without a result")

    def _wait_for_token(self) -> None:
        """Workers wait for their turn, within reason. Raises TooFast where it is too far off."""
        end = time.monotonic() + HONOURED
        while True:
            try:
                return self.guards.take_token()
            except TooFast as error:
                if time.monotonic() + error.seconds > end:
                    raise
                time.sleep(error.seconds)

    def _attempt(
        self, operation: str, path: str, url: str, headers: Mapping[str, str], fields: Sequence[str], number: int
    ) -> dict[str, Any]:
        started = time.monotonic()
        answer: Answer | None = None
        kind = ""

        def call() -> dict[str, Any]:
            nonlocal answer
            answer = _exchanged(url, headers, self._scope.request_id)
            return _judged(answer, fields)

        try:
            return self.guards.through_breaker(call, counts=_Counted)
        except _Throttled as error:
            self.guards.empty_bucket(error.after or 1.0)
            kind = error.kind
            raise
        except (_Failed, CallRefused) as error:
            kind = error.kind
            raise
        except CircuitBreakerError:
            kind = "breaker"
            raise
        finally:
            took = round((time.monotonic() - started) * 1000)
            self._log(operation, path, number, kind, took, answer)

    def _log(self, operation: str, path: str, number: int, kind: str, took: int, answer: Answer | None) -> None:
        state = self.guards.state()  # after the attempt: where it differs from the row before, the breaker changed here
        with transaction.atomic(), activate(self._scope):
            CallLog.objects.bulk_create(
                [
                    CallLog(
                        organisation_id=self._scope.organisation_id,
                        connection=self._connection,
                        operation=operation,
                        method="GET",
                        path=path,
                        status=None if answer is None else answer.status,
                        milliseconds=took,
                        attempt=number,
                        breaker=state,
                        error=kind,
                        request_id=self._scope.request_id,
                        sent_bytes=0,
                        received_bytes=0 if answer is None else len(answer.body),
                    )
                ]
            )


def _exchanged(url: str, headers: Mapping[str, str], request_id: str) -> Answer:
    sent = {
        "user-agent": f"FreshPlan-CRM/{settings.VERSION}",
        "x-request-id": request_id,
        "accept": "application/json",
        **headers,
    }
    try:
        return exchange(
            "GET",
            url,
            headers=sent,
            content=b"",
            connect=CONNECT_SECONDS,
            total=TOTAL_SECONDS,
            kept=LONGEST_ANSWER,
        )
    except AddressRefused:  # or the resolver is silent, which is not told from it: again is right for both
        raise _Counted("address", again=True) from None
    except httpx2.TimeoutException:
        raise _Counted("timeout", again=True) from None
    except httpx2.HTTPError:
        raise _Counted("connection", again=True) from None


def _judged(answer: Answer, fields: Sequence[str]) -> dict[str, Any]:
    """The answer's object. Raises what its status, type or fields deserve."""
    status = answer.status
    if status in {401, 403}:
        raise CredentialsRefused("credentials", status)
    if status == 429:
        raise _Throttled("throttled", again=True, status=status, after=_retry_after(answer))
    if status >= 500:
        raise _Counted("status", again=status in _AGAIN, status=status, after=_retry_after(answer))
    if status != 200:
        raise CallRefused("status", status)
    if answer.cut:
        raise _Counted("too large", again=False, status=status)
    media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        found = json.loads(answer.body) if media == "application/json" else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or any(name not in found for name in fields):
        raise _Counted("shape", again=False, status=status)
    return found


def _pause(error: Exception, number: int) -> bool | float:
    """Seconds until the next attempt after attempt `number`, or False for none."""
    if not isinstance(error, _Failed) or not error.again:
        return False
    if error.after is not None:
        return error.after if error.after <= HONOURED else False
    return random.uniform(0, min(BACK_OFF_LONGEST, BACK_OFF * 2**number))  # noqa: S311 - spreads attempts, guards nothing


def _retry_after(answer: Answer) -> float | None:
    """Seconds that the other side asks for, None where it does not."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 9:
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - timezone.now()).total_seconds())
    except (ValueError, TypeError):
        return None


def _unavailable(kind: str, seconds: float, status: int | None = None) -> ProviderUnavailable:
    return ProviderUnavailable(kind, retry_at=timezone.now() + timedelta(seconds=seconds), status=status)
