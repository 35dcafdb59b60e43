"""`./freshplan churn-check FILE`: worked cases of churn and of prospects, put to the product's own nights."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers.worked_cases import differences_of


class Command(BaseCommand):
    """Differences and the last line on stdout; exit 1 where there is one. Nothing stays in the database."""

    help = "Put worked cases (JSON) to the nights of churn and prospects, and print where they come out otherwise."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file is a list; entries have `risiko_on`, `night`, `delivered_at` or `prospect_since`."""
        parser.add_argument("file", type=Path)

    def handle(self, *_args: Any, file: Path, **_options: Any) -> None:
        """Raises CommandError for what is no file of cases."""
        try:
            cases = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from None
        if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
            raise CommandError(f"{file} holds no list of cases.")
        found = 0
        for number, case in enumerate(cases, 1):
            name = case.get("id", number)
            try:
                differences = differences_of(case)
            except (KeyError, TypeError, ValueError) as error:
                raise CommandError(f"Case {name} is not understood: {error!r}") from None
            for difference in differences:
                self.stdout.write(f"{name}: {difference}")
            found += len(differences)
        self.stdout.write(f"{len(cases)} cases, {found} differences")
        if found:
            sys.exit(1)
