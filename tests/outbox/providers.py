"""A provider whose messages say what their handling shall do. Its effects are rows of which nothing is unique."""

from __future__ import annotations

import json
import os
import signal
import uuid

from crm.core.errors import Conflict
from outbox.choices import InboxReason
from outbox.models import RemoteEvent
from outbox.providers import (
    DONE,
    NOT_USED,
    SUPERSEDED,
    WAITING,
    BadSignature,
    CredentialKind,
    Part,
    Permanent,
    Provider,
    Temporary,
)
from outbox.services import publish
from tests.outbox.models import Effect


class Probe(Provider):
    """Body: a list of {key, do, subject, number}."""

    key = "probe"
    label = "Probe"
    description = "For tests."
    away = "Nothing waits."
    set_up = ()
    credentials = (
        CredentialKind(key="word", label="Word", help="", inbound=True, needed=False, check=lambda _value: None),
    )

    def rows_of(self, event):
        return [Effect.objects.filter(handler="probe", subject_id=int(event.subject or 0))]

    def verify(self, message, secrets):
        for index, secret in enumerate(secrets):
            if message.headers.get("x-word") == secret:
                return index
        raise BadSignature

    def split(self, message):
        try:
            given = json.loads(message.body)
        except ValueError:
            raise Permanent(InboxReason.BAD_JSON) from None
        return [Part(one["key"], one["do"], str(one.get("subject", "")), None, one) for one in given]

    def handle(self, part, event, connection, scope):
        effects = Effect.objects.filter(handler="probe", subject_id=int(part.subject or 0))
        number = part.payload.get("number", 0)
        if part.type == "ignore":
            return NOT_USED
        if part.type == "wait" and not effects.exists():
            return WAITING
        if part.type == "latest" and effects.filter(number__gte=number).exists():
            return SUPERSEDED
        Effect.objects.create(
            organisation_id=scope.organisation_id,
            handler="probe",
            event_id=uuid.uuid4(),
            subject_id=int(part.subject or 0),
            number=number,
        )
        if part.type == "break":
            raise LookupError("Herr Meier")
        if part.type == "pass":
            raise Temporary
        if part.type == "rule":
            raise Conflict("no")
        if part.type == "gone":
            raise Permanent(InboxReason.GONE_THERE)
        if part.type == "elsewhere":
            RemoteEvent.objects.create(
                organisation_id=scope.organisation_id,
                connection=connection,
                event_id=part.external_key,
                source="probe",
                type="probe",
                occurred_at=scope.now,
                kept_at=scope.now,
            )
        if part.type == "publish":
            from tests.outbox.handlers import ProbeHappened

            publish(ProbeHappened(probe_id=int(part.subject), number=number))
        if part.type == "die" and os.environ.get("PROBE_DIES"):
            os.kill(os.getpid(), signal.SIGKILL)
        return DONE
