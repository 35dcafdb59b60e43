"""Which chain an account belongs to. A grant on a chain covers its locations, so access moves with them, at once."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from customers.choices import AccountType
from customers.events import CustomerUpdated
from customers.models import Customer
from customers.services.locking import lock_own
from outbox.services import publish


def lock_chain(scope: Scope, chain_id: int) -> Customer:
    """The chain, locked so that nobody deletes it while a location comes.

    Raises NotFound (missing, hidden or no chain), Forbidden (not the actor's to add locations to).
    """
    chains = Customer.objects.visible_to(scope).filter(account_type=AccountType.CHAIN)
    chain = chains.select_for_update(of=("self",), no_key=True).get_or_not_found(pk=chain_id)
    scope.require("customers.add_location")
    if not may_change_chain(scope, chain_id):
        raise Forbidden(_("Locations are added by the chain's manager, its owner's team lead or a sales manager."))
    return chain


def may_change_chain(scope: Scope, chain_id: int) -> bool:
    """Whether the scope adds locations to this chain and takes them out of it; one query."""
    chains = Customer.objects.visible_to(scope).changeable_by(scope)
    return scope.writes_all or chains.filter(pk=chain_id, account_type=AccountType.CHAIN).exists()


@transaction.atomic
def move_to_chain(*, scope: Scope, customer_id: int, chain_id: int) -> Customer:
    """Move a location to another chain, or make an independent account a location of a chain.

    Both chains must be the actor's to change. Nothing is written where it belongs there already. Raises NotFound,
    Forbidden, Conflict (a chain belongs to no chain), Invalid (chain missing or hidden).
    """
    # Both rows in the order of their ids, so that two moves wait for each other instead of deadlocking.
    both = Customer.objects.visible_to(scope).filter(pk__in=(customer_id, chain_id)).order_by("pk")
    list(both.select_for_update(of=("self",)).values_list("pk"))
    customer = lock_own(scope, customer_id, right="customers.add_location")
    if customer.account_type == AccountType.CHAIN:
        raise Conflict(_("A chain belongs to no chain."))
    if customer.chain_id is not None and not may_change_chain(scope, customer.chain_id):
        raise Forbidden(_("Only who looks after both chains moves a location between them."))
    if customer.chain_id == chain_id:
        return customer
    try:
        chain = lock_chain(scope, chain_id)
    except NotFound:
        raise Invalid(_("This chain is not there, or not yours."), field="chain_id") from None
    changed = ["chain"] if customer.account_type == AccountType.LOCATION else ["account_type", "chain"]
    customer.account_type, customer.chain = AccountType.LOCATION.value, chain
    customer.save(update_fields=changed)
    publish(CustomerUpdated(customer_id=customer.pk, fields=tuple(changed)))
    customer.refresh_from_db()
    return customer
