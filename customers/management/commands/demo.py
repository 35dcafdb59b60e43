"""The demo organisations of a first start."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.core.access import organisation_ids
from customers.demo.build import build_demo


class Command(BaseCommand):
    """Makes the demo where there is no organisation yet."""

    help = "Create the two demo organisations with their users and customers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--if-empty` is for the first start."""
        parser.add_argument("--if-empty", action="store_true", help="do nothing where there is an organisation already")

    def handle(self, *args: Any, **options: Any) -> None:
        """All or nothing; the sign-ins then stand in the data folder."""
        organisations = organisation_ids()
        if organisations and options["if_empty"]:
            self.stderr.write("There is an organisation already: no demo data.")
            return
        if organisations:
            raise CommandError(
                "There is an organisation already. The demo needs an empty database (another data folder)."
            )
        logins = build_demo()
        self.stdout.write(f"demo: {len(logins)} sign-ins")
