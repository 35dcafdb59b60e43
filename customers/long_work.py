"""The long tasks of customers: many changed in one go; what lists read is brought up to date in batches."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope, activate
from customers import projection, stock_scan
from customers.choices import Refused
from customers.importing import ImportReport
from customers.models import Customer, CustomerFieldValue
from customers.services.bulk import BULK, Place, Selection, change_batch, change_of
from customers.services.catalogue import PROJECT_FIELD, finish_projection
from customers.services.exports import EXPORT, ExportPlace, export_batch
from customers.services.imports import IMPORT, import_piece, try_import, unpack
from jobs.kinds import Batch, Step, task_kind
from jobs.models import LongTask
from jobs.services import count_rows, go_on_with

BATCH: Final = 5_000  # customers a transaction: about a second of work, so that writers never wait long
WAIT: Final = 1.0  # seconds between two looks at who still writes values
NAMED: Final = 2_000  # customers left alone that the result names; the rest is counted


@task_kind(
    PROJECT_FIELD,
    label=_("Bring lists up to date with a field"),
    description=_("Fills or empties what lists filter and sort by, for all customers that hold a value of the field."),
    unit=_("customers"),
    as_system=True,
)
def project_field(scope: Scope, batch: Batch) -> Step:
    """Project who holds a value of the field, 5,000 a batch. Projecting a row that is up to date changes nothing.

    First it waits for the transactions that were writing values when it began: their values are not there to be seen
    yet, and they have projected them without knowing of the slot.
    """
    place = batch.cursor or {"writers": projection.writers_of_values()}
    values = CustomerFieldValue.objects.visible_to(scope).filter(definition_id=batch.parameters["definition_id"])
    if "writers" in place:
        if writing := projection.writers_of_values(place["writers"]):
            return Step(cursor={"writers": writing}, wait=WAIT)
        return Step(cursor={"last": 0}, total=values.count())
    holders = values.filter(customer_id__gt=place["last"]).order_by("customer_id")
    ids = list(holders.values_list("customer_id", flat=True)[:BATCH])
    if not ids:
        newer = LongTask.objects.visible_to(scope).filter(kind=PROJECT_FIELD, pk__gt=batch.task_id)
        # What changed since has a task of its own: that one alone knows when all is done.
        if not newer.filter(parameters__definition_id=batch.parameters["definition_id"]).exists():
            finish_projection(scope=scope, definition_id=batch.parameters["definition_id"])
        return Step(cursor=place, finished=True)
    projection.project(ids)
    return Step(cursor={"last": ids[-1]}, done=len(ids))


@task_kind(
    "customers.rebuild",
    label=_("Rebuild lists and search"),
    description=_(
        "Makes anew what lists and search read of every customer. Needed only after a fault; harmless at any time."
    ),
    unit=_("customers"),
    right="jobs.manage",
    as_system=True,
    by_hand=True,
)
def rebuild(scope: Scope, batch: Batch) -> Step:
    """Project and index every customer again, 5,000 a batch."""
    total = Customer.objects.visible_to(scope).count() if batch.cursor is None else None
    ids = projection.rebuild_batch(batch.cursor or 0)
    return Step(cursor=ids[-1] if ids else batch.cursor, done=len(ids), total=total, finished=not ids)


@task_kind(
    BULK,
    label=_("Change many customers"),
    description=_("Changes all selected customers, each by the rules that hold for a single one; undone in one go."),
    unit=_("customers"),
    figures={"changed": _("changed"), "unchanged": _("were so already"), "skipped": _("left alone")},
    errors={
        "Invalid": _("What was to be set, or the filter, is not valid any more. What is done stays done."),
        "Conflict": _("What was done so far has been undone."),
    },
    reasons=dict(Refused.choices),
)
def change_many(scope: Scope, batch: Batch) -> Step:
    """One batch of a change of many, as the person who asked, with the rights he has today, in the task's change set."""
    asked = batch.parameters
    place = Place(**batch.cursor) if batch.cursor else Place()
    with activate(go_on_with(scope=scope, change_set_id=batch.change_set_id or 0)) as own:
        change = change_of(asked["action"], asked["values"])
        done = change_batch(own, change, Selection.from_parameters(asked["selection"]), place)
        result = _added(batch.result, done.changed, done.unchanged, done.refused)
        count_rows(scope=own, change_set_id=batch.change_set_id or 0, rows=result["changed"])
    return Step(
        cursor=dataclasses.asdict(done.next) if done.next else batch.cursor,
        done=done.changed + done.unchanged,
        refused=len(done.refused),
        finished=done.next is None,
        result=result,
    )


@task_kind(
    EXPORT,
    label=_("Export customers"),
    description=_(
        "Writes what the list finds into a file that is its maker's alone, with what his rights let him read."
    ),
    unit=_("customers"),
    right="exports.run",
    errors={"NotFound": _("The file is not there any more."), "Invalid": _("The filter is not valid any more.")},
)
def export(scope: Scope, batch: Batch) -> Step:
    """One batch of rows; for a workbook a last step makes it of them."""
    place = ExportPlace(**batch.cursor) if batch.cursor else ExportPlace()
    after = export_batch(scope=scope, file_id=batch.parameters["file_id"], place=place)
    if after is None:
        return Step(cursor=batch.cursor, done=0, finished=True)
    return Step(cursor=dataclasses.asdict(after), done=after.rows - place.rows)


@task_kind(
    IMPORT,
    label=_("Import customers"),
    description=_("Reads a file of customers row by row; what it made and changed is undone in one go."),
    unit=_("rows"),
    right="customers.import",
    figures={
        "created": _("created"),
        "updated": _("updated"),
        "unchanged": _("unchanged"),
        "left_out": _("skipped"),
        "rejected": _("rejected"),
        "chains": _("chains made"),
        "notes": _("notes"),
    },
    errors={
        "Invalid": _("The file cannot be read, or has too many rows."),
        "NotFound": _("The file is not there any more."),
        "Conflict": _("What was done so far has been undone."),
    },
)
def import_file(scope: Scope, batch: Batch) -> Step:
    """First the file is unpacked, then each piece of it is a batch; a trial is one, since it writes nothing."""
    asked = batch.parameters
    if batch.cursor is None:
        return Step(cursor=0, total=unpack(scope=scope, file_id=asked["file_id"]))
    if asked["dry_run"]:
        report = try_import(scope=scope, parameters=asked)
        return Step(cursor=0, done=report.rows, finished=True, result=_counted({}, report))
    change_set_id = batch.change_set_id or 0
    piece = import_piece(scope=scope, parameters=asked, change_set_id=change_set_id, piece=batch.cursor)
    if piece is None:
        return Step(cursor=batch.cursor, finished=True)
    result = _counted(batch.result, piece)
    result["changed"] = result["created"] + result["updated"]
    count_rows(scope=scope, change_set_id=change_set_id, rows=result["changed"])
    return Step(cursor=batch.cursor + 1, done=piece.rows, result=result)


def _counted(before: Mapping[str, Any], report: ImportReport) -> dict[str, Any]:
    """The figures with one more piece's."""
    now = {
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "left_out": report.skipped,
        "rejected": report.rejected,
        "chains": report.chains,
        "notes": len(report.issues),
    }
    return {name: before.get(name, 0) + count for name, count in now.items()}


def _added(before: Any, changed: int, unchanged: int, refused: list[tuple[int, str]]) -> dict[str, Any]:
    """The result with what one more batch did: figures, how often each reason, and the first NAMED rows with theirs."""
    reasons = Counter(before.get("reasons", {})) + Counter(code for _pk, code in refused)
    named = list(before.get("rows", []))
    named += [[Customer._meta.label_lower, pk, code] for pk, code in refused[: NAMED - len(named)]]
    return {
        "changed": before.get("changed", 0) + changed,
        "unchanged": before.get("unchanged", 0) + unchanged,
        "skipped": reasons.total(),
        "reasons": dict(reasons),
        "rows": named,
    }


@task_kind(
    "customers.find_duplicates",
    label=_("Look for duplicates in the stock"),
    description=_(
        "Weighs all customers that have a place, a phone, a VAT id or a domain in common, and keeps the pairs."
    ),
    unit=_("pairs"),
    right="jobs.manage",
    as_system=True,
    by_hand=True,
)
def find_duplicates(scope: Scope, batch: Batch) -> Step:
    """One stretch of keys a batch. Weighing a pair again writes what it is by now; pairs that are none any more go at the end."""
    place = batch.cursor or {"since": scope.now.isoformat(), "kind": stock_scan.KINDS[0], "after": ""}
    found = stock_scan.scan(scope, place["kind"], place["after"], place["since"])
    if found.upto:
        return Step(cursor=place | {"after": found.upto}, done=found.pairs)
    rest = stock_scan.KINDS[stock_scan.KINDS.index(place["kind"]) + 1 :]
    if rest:
        return Step(cursor=place | {"kind": rest[0], "after": ""})
    stock_scan.forget(scope, place["since"])
    return Step(cursor=place, finished=True)
