"""What a domain event is. Each app defines its own in its `events.py`, as frozen dataclasses over `DomainEvent`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

MAX_DATA = 8_000  # bytes of JSON; a payload that grows beyond is no longer thin


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """Something that happened to one subject; its fields are the payload.

    Thin: ids, codes, numbers, old and new state, never a personal value. Who, when, why and from where come from the
    active scope. A change of the fields' meaning is a new `version`; the specifications name the types.
    """

    type: ClassVar[str]
    version: ClassVar[int] = 1
    subject_type: ClassVar[str]

    @property
    def subject_id(self) -> int:
        """The id of the row that it happened to; deliveries keep their order per subject."""
        raise NotImplementedError

    def data(self) -> dict[str, Any]:
        """The payload as it is kept."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
