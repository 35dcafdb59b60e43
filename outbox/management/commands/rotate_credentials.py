"""`manage.py rotate_credentials`: seals every secret anew under the first of FRESHPLAN_CREDENTIAL_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection, transaction

from crm.core.access import system_scope
from outbox.services.connections import renew_sealing


class Command(BaseCommand):
    """After it has run the keys behind the first one may go. A second run changes nothing."""

    help = "Seal the secrets of other systems anew under the first of FRESHPLAN_CREDENTIAL_KEYS."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Organisation by organisation; the last line says how many were sealed anew."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT organisation_ids()")
            ids = [row[0] for row in cursor.fetchall()]
        count = 0
        for organisation_id in ids:
            with system_scope(organisation_id, job="rotate-credentials") as scope:
                count += renew_sealing(scope=scope)
        self.stdout.write(f"{count} secrets sealed anew.")
