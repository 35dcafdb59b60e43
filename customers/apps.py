"""Accounts, contacts, addresses, grants, field catalogue, hot projection."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CustomersConfig(AppConfig):
    """Registers with the floors below what they need to know of customers."""

    name = "customers"
    verbose_name = _("Customers")

    def ready(self) -> None:
        """Registrations; the modules are imported here, when all models stand."""
        from customers import registrations

        registrations.register()
