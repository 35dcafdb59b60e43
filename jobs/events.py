"""What happens to change sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from outbox.events import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSetUndone(DomainEvent):
    """A change set was undone as far as nobody had changed its rows since."""

    type: ClassVar[str] = "change_set.undone"
    subject_type: ClassVar[str] = "change_set"

    change_set_id: int
    restored: int
    removed: int
    recreated: int
    skipped: int

    @property
    def subject_id(self) -> int:
        """The id of the change set that was undone."""
        return self.change_set_id
