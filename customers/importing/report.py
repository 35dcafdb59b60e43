"""What an import did, row by row where something was wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class RowIssue:
    """One cell that could not be taken as it stands. `row` counts data rows from 1, `raw` is the cell's text."""

    row: int
    field: str
    raw: str
    message: str

    def __str__(self) -> str:
        return _("Row %(row)s, %(field)s: %(message)s Text: %(raw)s") % {
            "row": self.row,
            "field": self.field,
            "message": self.message,
            "raw": repr(self.raw),
        }


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """Counts of an import; every row of the file is in exactly one of them. `unchanged`: from a file of ours, as it stood there."""

    created: int = 0
    updated: int = 0
    skipped: int = 0
    rejected: int = 0
    unchanged: int = 0
    chains: int = 0
    dry_run: bool = False
    change_set_id: int | None = None
    issues: list[RowIssue] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return self.created + self.updated + self.skipped + self.rejected + self.unchanged

    @property
    def summary(self) -> str:
        """The last line of the command; a wire format, never translated."""
        return (
            f"{self.rows} rows: {self.created} created, {self.updated} updated,"
            f" {self.skipped + self.unchanged} skipped, {self.rejected} rejected"
        )

    def lines(self) -> Iterator[str]:
        """One line per issue, in the order of the rows."""
        yield from (str(issue) for issue in sorted(self.issues, key=lambda issue: issue.row))
