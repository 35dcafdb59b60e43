"""Events and handlers of the probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from outbox.events import DomainEvent
from outbox.registry import handler
from tests.outbox.models import Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeHappened(DomainEvent):
    """Something of number `number` happened to a probe."""

    type: ClassVar[str] = "probe.happened"
    subject_type: ClassVar[str] = "probe"

    probe_id: int
    number: int

    @property
    def subject_id(self) -> int:
        """The probe's id."""
        return self.probe_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeBroke(ProbeHappened):
    """Its handler fails."""

    type: ClassVar[str] = "probe.broke"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeCounted(ProbeHappened):
    """One handler hears it."""

    type: ClassVar[str] = "probe.counted"


def record(event, scope, name):
    Effect.objects.create(
        organisation_id=scope.organisation_id,
        handler=name,
        event_id=event.event_id,
        subject_id=event.subject_id,
        number=event.data["number"],
    )


@handler("probe.happened", "probe.broke", "probe.counted", name="probe.record")
def record_probe(event, scope):
    record(event, scope, "probe.record")


@handler("probe.happened", name="probe.single", in_batches=False)
def record_single(event, scope):
    record(event, scope, "probe.single")


@handler("probe.broke", name="probe.break")
def break_probe(event, scope):
    record(event, scope, "probe.break")
    raise LookupError("Herr Meier, +49 171 1234567")
