"""`./freshplan duplicates-eval DIR`: the check for duplicates on labelled pairs of accounts."""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from customers.duplicates import SAME, Evidence, match

# What a file may call our evidence. All other columns, ids and distances above all, are no evidence.
NAMES: Final[dict[str, tuple[str, ...]]] = {
    "name": ("name", "company_name"),
    "trading_name": ("trading_name",),
    "phone": ("phone", "tel"),
    "email": ("email",),
    "website": ("website", "url"),
    "vat_id": ("vat_id",),
    "street": ("street", "addr", "address"),
    "house_number": ("house_number",),
    "postcode": ("postcode", "plz", "zip"),
    "city": ("city",),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon"),
}
DEGREES: Final = ("latitude", "longitude")
SIDES: Final = (("{}_a", "{}_b"), ("left_{}", "right_{}"))
SAME_COMPANY, TWO_COMPANIES, UNSURE = "1", "0", "unsure"


@dataclass(frozen=True, slots=True)
class Pair:
    """A labelled pair: its line in the file, both accounts, the label, and the kind of pair where the file tells it."""

    line: int
    one: Evidence
    other: Evidence
    label: str
    relation: str


class Command(BaseCommand):
    """Each false pair and each miss on stdout, then what was offered of each relation; the last line tells the shares."""

    help = "Try the check for duplicates on labelled pairs: DIR/pairs.csv with columns X_a, X_b or left_X, right_X."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The folder."""
        parser.add_argument("folder", type=Path, metavar="DIR", help="a folder with pairs.csv")

    def handle(self, *_args: Any, folder: Path, **_options: Any) -> None:
        """Asks the product's rule at its default threshold about every pair that has a label to hold against it."""
        counts: Counter[tuple[str, bool]] = Counter()
        relations: Counter[str] = Counter()
        offered: Counter[str] = Counter()
        for pair in _pairs(folder / "pairs.csv"):
            if pair.label == UNSURE:
                continue
            found = match(pair.one, pair.other)
            is_offered = found.verdict == SAME
            counts[pair.label, is_offered] += 1
            relations[pair.relation] += 1
            offered[pair.relation] += is_offered
            if is_offered != (pair.label == SAME_COMPANY):
                what = "false pair" if is_offered else "miss"
                why = ", ".join(found.reasons) or "nothing in common"
                relation = f", {pair.relation}" if pair.relation else ""
                self.stdout.write(
                    f"{what}, line {pair.line}{relation}: {pair.one.name} | {pair.other.name}"
                    f" ({found.score}, {found.verdict}: {why})"
                )
        if not counts:
            raise CommandError(f"{folder / 'pairs.csv'} has no pair with label 1 or 0.")
        for relation in filter(None, sorted(relations)):
            self.stdout.write(f"{relation}: {offered[relation]} of {relations[relation]} offered as the same company")
        right, false, missed = counts["1", True], counts["0", True], counts["1", False]
        precision = right / (right + false) if right + false else 1.0
        recall = right / (right + missed) if right + missed else 1.0
        self.stdout.write(f"{counts.total()} pairs, precision {precision:.3f}, recall {recall:.3f}")


def _pairs(path: Path) -> Iterator[Pair]:
    """The file's pairs. Raises CommandError, one line, for a file that is none or has not the columns."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            one, other = _columns(path, rows.fieldnames or ())
            for row in rows:
                label = (row["label"] or "").strip()
                if label not in {SAME_COMPANY, TWO_COMPANIES, UNSURE}:
                    raise CommandError(f"{path}, line {rows.line_num}: label {label!r} is none of 1, 0, unsure.")
                try:
                    sides = _evidence(row, one), _evidence(row, other)
                except ValueError as error:
                    raise CommandError(f"{path}, line {rows.line_num}: {error}.") from error
                yield Pair(rows.line_num, *sides, label, (row.get("relation") or "").strip())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CommandError(f"{path} cannot be read: {reason}.") from error


def _columns(path: Path, header: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Of each side, which column brings which evidence."""
    for pattern in SIDES:
        sides = [
            {
                field: pattern_of.format(name)
                for field, names in NAMES.items()
                for name in names[::-1]
                if pattern_of.format(name) in header
            }
            for pattern_of in pattern
        ]
        if all("name" in side for side in sides) and "label" in header:
            return sides[0], sides[1]
    raise CommandError(f"{path} lacks columns: needed are label, and name_a with name_b or left_name with right_name.")


def _evidence(row: Mapping[str, str | None], columns: Mapping[str, str]) -> Evidence:
    """One side of a row. Raises ValueError for coordinates that are no numbers."""
    texts = {field: (row[column] or "").replace("\0", "").strip() for field, column in columns.items()}
    degrees = {field: float(texts.pop(field)) for field in DEGREES if texts.get(field)}
    return Evidence(**{field: text for field, text in texts.items() if field not in DEGREES}, **degrees)
