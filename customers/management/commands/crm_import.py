"""`./freshplan import customers FILE --mapping FILE.json`: customers from a CSV file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from crm.core.access import Scope, activate
from crm.core.errors import DomainError
from customers.demo.first import demo_manager
from customers.importing import ImportMapping, import_customers
from customers.importing.matching import ON_DUPLICATE, SKIP
from organisation.access import enter_organisation, enter_sign_in, scope_for
from organisation.models import User


class Command(BaseCommand):
    """Reports each doubtful cell on stderr; the last line on stdout counts the rows."""

    help = "Import customers from a CSV file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The arguments of issue and operators' guide."""
        parser.add_argument("what", choices=["customers"])
        parser.add_argument("file", type=Path)
        parser.add_argument("--mapping", type=Path, required=True, metavar="FILE.json")
        parser.add_argument(
            "--as", dest="mail", default="", metavar="MAIL", help="the user who imports (the demo manager)"
        )
        parser.add_argument("--on-duplicate", choices=ON_DUPLICATE, default=SKIP)
        parser.add_argument("--dry-run", action="store_true", help="report, and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import in one transaction; nothing is kept of an import that fails."""
        try:
            mapping = ImportMapping.from_file(options["mapping"])
            with transaction.atomic():
                scope = _scope_of(options["mail"])
                with activate(scope):
                    report = import_customers(
                        scope=scope,
                        mapping=mapping,
                        path=options["file"],
                        on_duplicate=options["on_duplicate"],
                        dry_run=options["dry_run"],
                    )
        except DomainError as error:
            raise CommandError(error.message) from error
        for line in report.lines():
            self.stderr.write(line)
        if report.chains:
            self.stderr.write(f"{report.chains} chains created")
        self.stdout.write(report.summary)


def _scope_of(mail: str) -> Scope:
    """The scope of the user with this mail, of the first demo organisation's manager without one."""
    user = _by_mail(mail) if mail else demo_manager()
    enter_organisation(user.organisation_id)
    enter_sign_in(str(user.pk))
    return scope_for(user, source="import")


def _by_mail(mail: str) -> User:
    enter_sign_in(mail.strip().lower())
    users = User.objects.select_related("organisation").filter(email__iexact=mail.strip(), is_active=True)
    user: User | None = users.first()
    if user is None:
        raise CommandError(f"No active user {mail}.")
    return user
