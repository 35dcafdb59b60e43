"""`./freshplan seed --customers N`: more customers in the demo organisation."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from crm.core.access import activate, system_scope_for
from crm.core.errors import NotFound
from customers.demo.build import add_customers
from customers.demo.first import demo_manager
from organisation.models import User

_BATCH = 20_000


class Command(BaseCommand):
    """Generates customers as the demo has them."""

    help = "Add generated customers to the first demo organisation."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How many."""
        parser.add_argument("--customers", type=int, default=1_000, metavar="N")

    def handle(self, *args: Any, **options: Any) -> None:
        """In batches, each a transaction of its own."""
        if options["customers"] < 1:
            raise CommandError("--customers needs a number of at least 1.")
        started, added = time.monotonic(), 0
        while added < options["customers"]:
            with transaction.atomic():
                manager = _manager()
                scope = system_scope_for(manager.organisation_id, job="seed", zone=manager.organisation.zone)
                with activate(scope):
                    added += add_customers(scope=scope, count=min(_BATCH, options["customers"] - added))
            self.stderr.write(f"{added} customers")
        self.stdout.write(f"{added} customers added in {time.monotonic() - started:.1f} s")


def _manager() -> User:
    try:
        return demo_manager()
    except NotFound as error:
        raise CommandError("There is no demo organisation to seed.") from error
