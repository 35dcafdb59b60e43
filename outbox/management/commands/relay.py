"""`manage.py relay`: places events in the feed and hands their deliveries to the workers, until SIGTERM or SIGINT."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from outbox.relay import Relay


class Command(BaseCommand):
    """Runs with the relay role's DATABASE_URL."""

    help = "Place committed events in the feed and hand their deliveries to the workers."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until told to stop."""
        relay = Relay()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, relay.stop)
        relay.run()
