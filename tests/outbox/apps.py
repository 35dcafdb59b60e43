"""A test-only app: a table of effects, an event, a handler that records."""

from django.apps import AppConfig


class ProbeConfig(AppConfig):
    """Label `probe`; its table is made by its own migration, in test databases alone."""

    name = "tests.outbox"
    label = "probe"

    def ready(self) -> None:
        """Register the handlers and the provider."""
        from outbox.providers import register_provider
        from tests.outbox import handlers  # noqa: F401
        from tests.outbox.providers import Probe

        register_provider(Probe())
