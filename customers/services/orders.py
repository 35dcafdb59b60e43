"""Delivered orders: the anchor of churn, and what makes a customer active."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Invalid
from crm.core.options import option_value
from customers import notices
from customers.choices import CustomerStatus
from customers.events import CustomerActivated, CustomerUpdated
from customers.models import Customer, DeliveredOrder
from customers.models.life import NUMBER_LENGTH
from customers.operations import ACTIVATION
from customers.options import RISK_DAYS
from customers.services.churn import silence_of
from customers.services.locking import lock_own
from customers.services.status import take_steps
from customers.transitions import LIFTED_BY_ORDER
from organisation.models import User
from outbox.services import publish


@ACTIVATION.counted
@transaction.atomic
def activate_customer(*, scope: Scope, customer_id: int, order_number: str = "") -> bool:
    """A person says: an order was delivered. True when the customer became AKTIV, False when he was already.

    Owner, team lead and manager may. Raises NotFound, Forbidden, Conflict (archived), Invalid (a number that is known).
    """
    customer = lock_own(scope, customer_id, right="customers.activate")
    number = order_number.strip()
    if customer.status == CustomerStatus.AKTIV:
        return False
    if customer.status == CustomerStatus.ARCHIVIERT:
        raise Conflict(_("An archived customer is not activated. A manager can reopen it first."), field="status")
    if _is_known(customer, number):
        raise Invalid(_("This order is recorded already; a new one has a number of its own."), field="order_number")
    reason = f"Activated by {_name(scope)} - Order: {number or '-'}"
    return _deliver(scope.with_reason(reason), customer, number, scope.now)


def _name(scope: Scope) -> str:
    """Who activates, as the history's reason names him: a person by name, a job by its own."""
    return User.objects.visible_to(scope).filter(pk=scope.user_id).values_list("name", flat=True).first() or scope.actor


@ACTIVATION.counted
@transaction.atomic
def record_delivered_order(
    *, scope: Scope, customer_id: int, order_number: str, delivered_at: datetime, reason: str = ""
) -> bool:
    """An order was delivered: the one service behind the button, orders and webhooks. True when the status changed.

    Idempotent by number. PROSPECT becomes AKTIV; RISIKO and INAKTIV do where, counted from the last of all deliveries,
    fewer days in season have passed than put a customer at risk. An archived one is not revived: managers are told.
    Raises NotFound, Forbidden, Invalid (delivered in the future, no number, one that is too long).
    """
    customer = lock_own(scope, customer_id, right="customers.activate")
    number = order_number.strip()
    if not number:
        raise Invalid(_("A delivered order has a number."), field="order_number")
    if delivered_at > scope.now:
        raise Invalid(_("A delivery cannot lie in the future."), field="delivered_at")
    if _is_known(customer, number):
        return False
    return _deliver(scope.with_reason(reason or f"Order delivered: {number}"), customer, number, delivered_at)


def _is_known(customer: Customer, number: str) -> bool:
    return bool(number) and DeliveredOrder.objects.filter(customer=customer, number=number).exists()


def _deliver(scope: Scope, customer: Customer, number: str, delivered_at: datetime) -> bool:
    """Keep a delivery that is not known yet, on the locked customer; whether his status changed."""
    if len(number) > NUMBER_LENGTH:
        text = _("An order number has at most %(most)s characters.") % {"most": NUMBER_LENGTH}
        raise Invalid(text, field="order_number")
    with activate(scope):
        DeliveredOrder.objects.create(
            organisation_id=scope.organisation_id, customer=customer, number=number, delivered_at=delivered_at
        )
        changed = _note(scope, customer, number, delivered_at)
        if changed:
            customer.save(update_fields=changed)
            publish(CustomerUpdated(customer_id=customer.pk, fields=tuple(changed)))
        if customer.status == CustomerStatus.ARCHIVIERT:
            notices.tell_order_of_archived(scope=scope, customer=customer)
        if not _lifts(scope, customer):
            return False
        take_steps(scope, [customer], CustomerStatus.AKTIV)
        publish(CustomerActivated(customer_id=customer.pk, order_number=number))
        return True


def _note(scope: Scope, customer: Customer, number: str, delivered_at: datetime) -> list[str]:
    """Last and first delivery of all, on the row; the columns that changed. The earliest is the first, however late told."""
    changed = []
    if customer.last_order_at is None or delivered_at > customer.last_order_at:
        customer.last_order_at = delivered_at
        changed.append("last_order_at")
    if customer.activated_at is None:
        customer.activated_by_id = scope.user_id
        changed.append("activated_by")
    if customer.activated_at is None or delivered_at < customer.activated_at:
        customer.activated_at, customer.first_order_number = delivered_at, number
        changed += ["activated_at", "first_order_number"]
    return changed


def _lifts(scope: Scope, customer: Customer) -> bool:
    """Whether the deliveries known now make him AKTIV; what is told late lifts nobody whom the next night would drop."""
    if customer.status not in LIFTED_BY_ORDER:
        return False
    if customer.status == CustomerStatus.PROSPECT:
        return True
    silence = silence_of(scope=scope, customer_id=customer.pk)
    return silence is not None and silence.days < option_value(RISK_DAYS, scope)
