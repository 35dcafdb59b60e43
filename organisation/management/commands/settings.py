"""`manage.py settings list|set|clear`: what an operator sets for all organisations."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import translation

from crm.core.access import Scope, activate
from crm.core.errors import DomainError
from crm.core.options import Level, all_options, option_at
from organisation import services
from organisation.choices import OPERATOR
from organisation.option_list import value_text


class Command(BaseCommand):
    """A global value holds in every organisation that has not set its own, from the next request on."""

    help = "Settings of all organisations: list them, set one, clear one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        commands = parser.add_subparsers(dest="command", required=True)
        commands.add_parser("list", help="key, default and global value of each setting")
        change = commands.add_parser("set", help="a global value")
        change.add_argument("key")
        change.add_argument("value")
        change.add_argument("--reason", required=True)
        clear = commands.add_parser("clear", help="take a global value away")
        clear.add_argument("key")
        clear.add_argument("--reason", required=True)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Raises CommandError with the rule that refused."""
        scope = Scope(organisation_id=0, actor="command:settings", role=OPERATOR, source="command")
        try:
            with translation.override("en"), transaction.atomic(), activate(scope):
                self._do(scope, options)
        except DomainError as error:
            raise CommandError(error.message) from None

    def _do(self, scope: Scope, options: dict[str, Any]) -> None:
        if options["command"] == "list":
            for option in all_options():
                value = option_at(option, scope, Level.GLOBAL)
                shown = "" if value is None else value_text(option, value)
                self.stdout.write(f"{option.key}\t{value_text(option, option.default)}\t{shown}".rstrip())
            return
        place = {"scope": scope, "key": options["key"], "level": Level.GLOBAL.value, "reason": options["reason"]}
        if options["command"] == "set":
            services.set_value(value=options["value"], **place)
        else:
            services.clear_value(**place)
