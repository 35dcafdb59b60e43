"""`manage.py sender`: delivers events to subscribers, until SIGTERM or SIGINT."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from outbox.sender import Sender


class Command(BaseCommand):
    """Runs with the application role's DATABASE_URL."""

    help = "Deliver events to subscribers."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until told to stop."""
        sender = Sender()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, sender.stop)
        sender.run()
