"""A test-only app: a table of effects, an event, a handler that records."""

from django.apps import AppConfig


class ProbeConfig(AppConfig):
    """Label `probe`; its table is made by its own migration, in test databases alone."""

    name = "tests.outbox"
    label = "probe"

    def ready(self) -> None:
        """Register the handlers."""
        from tests.outbox import handlers  # noqa: F401
