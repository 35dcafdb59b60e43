"""The long tasks of this floor."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope
from jobs.kinds import Batch, Step, task_kind
from jobs.services.change_sets import undo_change_set
from jobs.services.tasks import UNDO

LISTED: Final = 500  # rows left alone that the result names; the rest is counted


@task_kind(
    UNDO,
    label=_("Undo"),
    description=_("Writes back what the rows were before a batch, wherever nobody has changed them since."),
    unit=_("rows"),
    figures={
        "restored": _("written back"),
        "recreated": _("created again"),
        "removed": _("removed"),
        "skipped": _("left alone"),
    },
    errors={
        "Contradicted": _("The state before this batch contradicts what was entered since. Nothing was changed."),
        "Conflict": _("This batch has been undone already."),
        "Forbidden": _("Only who made a batch, or a manager, may undo it."),
        "NotFound": _("The batch is not there any more."),
    },
)
def undo(scope: Scope, batch: Batch) -> Step:
    """The whole change set in one transaction: half an undo would be neither the old state nor the new."""
    result = undo_change_set(scope=scope, change_set_id=batch.change_set_id or 0, tell=batch.tell)
    return Step(
        done=result.rows,
        total=result.rows + len(result.skipped),
        refused=len(result.skipped),
        finished=True,
        result={
            "restored": result.restored,
            "recreated": result.recreated,
            "removed": result.removed,
            "skipped": len(result.skipped),
            "change_set": result.change_set_id,
            "rows": [[row.model, row.pk, row.reason] for row in result.skipped[:LISTED]],
        },
    )
