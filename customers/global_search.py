"""Customers and contacts in the search over all records."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope
from crm.core.components.signs import avatar, mark
from crm.core.global_search import Hit, Source, register_source
from customers.search import find_contacts, find_customers


def customer_hits(scope: Scope, text: str, most: int) -> list[Hit]:
    """Customers by name, number, town and phone: kind and status tell those of one name apart."""
    return [
        Hit(
            title=row.customer.company_name,
            subtitle=" · ".join(filter(None, (row.customer_number, row.city, row.customer.get_status_display()))),
            url=reverse("customers:detail", args=[row.pk]),
            sign=mark(row.business_type),
        )
        for row in find_customers(scope, text, most)
    ]


def contact_hits(scope: Scope, text: str, most: int) -> list[Hit]:
    """Contacts by name, e-mail and phone; their line tells what they do and where, their page is the customer's."""
    return [
        Hit(
            title=contact.name,
            subtitle=f"{contact.get_role_display()} · {contact.customer.company_name}",
            url=f"{reverse('customers:detail', args=[contact.customer_id])}#contacts",
            sign=avatar(contact.name, "18"),
        )
        for contact in find_contacts(scope, text, most)
    ]


def register() -> None:
    """Both, in this order."""
    register_source(
        Source(key="customers", label=_("Customers"), icon="building-store", position=10, find=customer_hits)
    )
    register_source(Source(key="contacts", label=_("Contacts"), icon="user", position=20, find=contact_hits))
