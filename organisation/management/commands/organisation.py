"""`manage.py organisation create|list|link|rekey`: what an operator does before, or beside, the pages."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from crm.core.access import organisation_ids, system_scope
from crm.core.errors import DomainError
from organisation import encryption, services
from organisation.links import address_of
from organisation.models import Organisation, User


class Command(BaseCommand):
    """Results go to standard output, the link as its last line."""

    help = (
        "Organisations: create one with its first administrator, list them, make a new set-up link, renew encryption."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        commands = parser.add_subparsers(dest="command", required=True)
        create = commands.add_parser("create", help="a new organisation; the last line is its administrator's link")
        create.add_argument("--name", required=True)
        create.add_argument("--admin-mail", required=True)
        create.add_argument("--admin-name", required=True)
        create.add_argument("--zone", default="Europe/Berlin")
        create.add_argument("--language", default="de", choices=["de", "en"])
        commands.add_parser("list", help="id, name, people and demo mark of each organisation")
        link = commands.add_parser("link", help="a new set-up link for a user; earlier ones stop working")
        link.add_argument("--mail", required=True)
        commands.add_parser("rekey", help="encrypt second factors anew after SECRET_KEY was changed")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Raises CommandError with the rule that refused."""
        commands: dict[str, Callable[[dict[str, Any]], None]] = {
            "create": self._create,
            "list": self._list,
            "link": self._link,
            "rekey": self._rekey,
        }
        try:
            with translation.override("en"):
                commands[options["command"]](options)
        except DomainError as error:
            raise CommandError(error.message) from None

    def _create(self, options: dict[str, Any]) -> None:
        organisation, admin, token = services.create_organisation(
            name=options["name"],
            admin_mail=options["admin_mail"],
            admin_name=options["admin_name"],
            zone=options["zone"],
            language=options["language"],
        )
        self.stdout.write(f"{organisation.pk}\t{organisation.name}\t{admin.email}")
        self.stdout.write(address_of(token))

    def _list(self, _options: dict[str, Any]) -> None:
        for organisation_id in organisation_ids():
            with system_scope(organisation_id, job="organisation"):
                one = Organisation.objects.get(pk=organisation_id)
                people = User.objects.filter(organisation_id=organisation_id, is_active=True).count()
                self.stdout.write(f"{one.pk}\t{one.name}\t{people}\t{'demo' if one.is_demo else ''}".rstrip())

    def _link(self, options: dict[str, Any]) -> None:
        for organisation_id in organisation_ids():
            with system_scope(organisation_id, job="organisation") as scope:
                user = User.objects.visible_to(scope).filter(email__iexact=options["mail"].strip()).first()
                if user is not None:
                    self.stdout.write(address_of(services.new_set_up_link(scope=scope, user_id=user.pk)))
                    return
        raise CommandError("Nobody has this address.")

    def _rekey(self, _options: dict[str, Any]) -> None:
        count = 0
        for organisation_id in organisation_ids():
            with system_scope(organisation_id, job="organisation"):
                for factor in Authenticator.objects.select_for_update().exclude(type=Authenticator.Type.WEBAUTHN):
                    stale = {
                        name
                        for name in ("secret", "seed")
                        if name in factor.data and not encryption.is_current(factor.data[name])
                    }
                    if stale:
                        factor.data |= {
                            name: encryption.encrypt(encryption.decrypt(factor.data[name])) for name in stale
                        }
                        factor.save(update_fields=["data"])
                        count += 1
        self.stdout.write(f"{count} renewed")
