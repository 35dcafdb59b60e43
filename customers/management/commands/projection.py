"""`./freshplan projection check|rebuild`: compares the hot projection with a recomputation, or makes it anew."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from crm.core.access import organisation_ids
from customers import projection


class Command(BaseCommand):
    """Result and last line on stdout, progress on stderr; exit 1 while a difference is left."""

    help = "Compare the hot projection and the search words with a recomputation, or rebuild them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`check` only looks; `rebuild` repairs and reports every difference it found."""
        parser.add_argument("action", choices=["check", "rebuild"])

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """All organisations in turn."""
        left = 0
        for organisation_id in organisation_ids():
            found = self._report(organisation_id)
            if action == "rebuild":
                for done in projection.rebuild(organisation_id):
                    self.stderr.write(f"organisation {organisation_id}: {done} customers projected")
                found = len(projection.find_differences(organisation_id))
            left += found
        self.stdout.write(f"{left} differences")
        if left:
            sys.exit(1)

    def _report(self, organisation_id: int) -> int:
        found = projection.find_differences(organisation_id)
        for difference in found:
            self.stdout.write(f"organisation {organisation_id}, customer {difference.customer_id}: {difference.kind}")
        kinds = (
            ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(d.kind for d in found).items()))
            or "no difference"
        )
        self.stderr.write(f"organisation {organisation_id}: {kinds}")
        return len(found)
