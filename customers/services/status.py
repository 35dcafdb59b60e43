"""The life of a customer: status by hand, activation by a delivered order."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Invalid
from customers.choices import CustomerStatus, Refused
from customers.events import CustomerActivated, CustomerStatusChanged, CustomerUpdated
from customers.models import Customer
from customers.operations import ACTIVATION, STATUS_CHANGE
from customers.services.locking import lock_customer, lock_own
from customers.transitions import ALLOWED, BY_MANAGER, LIFTED_BY_ORDER
from organisation.models import User
from outbox.services import publish


@STATUS_CHANGE.counted
@transaction.atomic
def change_status(*, scope: Scope, customer_id: int, status: str, reason: str) -> Customer:
    """Archive or reopen by hand; a manager's decision, with a reason. Staying where one is changes nothing.

    AKTIV comes from a delivered order (`activate_customer`), RISIKO and INAKTIV from the nightly count of in-season days.
    Raises NotFound, Forbidden, Invalid (no reason), Conflict (`allowed` names the steps there are).
    """
    customer = lock_customer(scope, customer_id, right="customers.status")
    if customer.status == status:
        return customer
    refuse_step(customer, status)
    _step(scope.with_reason(reason_given(reason)), customer, status)
    return customer


def refuse_step(customer: Customer, status: str) -> None:
    """Raise Conflict where a person may not bring the customer from his status to another one by hand."""
    allowed = sorted(ALLOWED[customer.status] & BY_MANAGER)
    if status not in ALLOWED[customer.status]:
        raise Conflict(
            _("This step is not possible now."), field="status", allowed=allowed, rule=Refused.STEP_NOT_POSSIBLE
        )
    if status not in BY_MANAGER:
        raise Conflict(
            _("This status is not set by hand: a delivered order or the nightly count does it."),
            field="status",
            allowed=allowed,
            rule=Refused.STEP_NOT_POSSIBLE,
        )


def reason_given(reason: str) -> str:
    """The reason of a step by hand; raises Invalid where there is none."""
    if not reason.strip():
        raise Invalid(_("A reason is needed; it stands in the history."), field="reason")
    return reason.strip()


def _step(scope: Scope, customer: Customer, status: str, fields: tuple[str, ...] = ()) -> None:
    """One step of the machine on a locked row; the scope's reason goes into the history."""
    old, customer.status, customer.status_since = customer.status, status, scope.now
    with activate(scope):
        customer.save(update_fields=["status", "status_since", *fields])
        publish(CustomerStatusChanged(customer_id=customer.pk, old=old, new=status))


@ACTIVATION.counted
@transaction.atomic
def activate_customer(*, scope: Scope, customer_id: int, order_number: str = "") -> bool:
    """A person says: the first order was delivered. True when the customer became AKTIV, False when he was already.

    Owner, team lead and manager may. Raises NotFound, Forbidden, Conflict (archived).
    """
    customer = lock_own(scope, customer_id, right="customers.activate")
    if customer.status == CustomerStatus.AKTIV:
        return False
    order = order_number.strip()
    reason = f"Activated by {_name(scope)} - Order: {order or '-'}"
    return _deliver(scope.with_reason(reason), customer, order, scope.now)


def _name(scope: Scope) -> str:
    """Who activates, as the history's reason names him: a person by name, a job by its own."""
    return User.objects.visible_to(scope).filter(pk=scope.user_id).values_list("name", flat=True).first() or scope.actor


@ACTIVATION.counted
@transaction.atomic
def record_delivered_order(
    *, scope: Scope, customer_id: int, order_number: str, delivered_at: datetime, reason: str = ""
) -> bool:
    """An order was delivered: the one service behind the button, orders and webhooks. True when the status changed.

    Idempotent: the same delivery again changes nothing. Raises NotFound, Forbidden, Invalid (delivered in the future),
    Conflict (archived: a manager reopens first).
    """
    customer = lock_own(scope, customer_id, right="customers.activate")
    if delivered_at > scope.now:
        raise Invalid(_("A delivery cannot lie in the future."), field="delivered_at")
    return _deliver(
        scope.with_reason(reason or f"Order delivered: {order_number}"), customer, order_number, delivered_at
    )


def _deliver(scope: Scope, customer: Customer, order_number: str, delivered_at: datetime) -> bool:
    if customer.status == CustomerStatus.ARCHIVIERT:
        raise Conflict(_("An archived customer is not activated. A manager can reopen it first."), field="status")
    if customer.last_order_at is not None and delivered_at <= customer.last_order_at:
        return False  # the same delivery again, or one that came late: nothing new is known
    customer.last_order_at = delivered_at
    changed = ["last_order_at"]
    if customer.activated_at is None:
        customer.activated_at, customer.activated_by_id = delivered_at, scope.user_id
        customer.first_order_number = order_number
        changed += ["activated_at", "activated_by", "first_order_number"]
    if customer.status in LIFTED_BY_ORDER:
        _step(scope, customer, CustomerStatus.AKTIV, tuple(changed))
        with activate(scope):
            publish(CustomerActivated(customer_id=customer.pk, order_number=order_number))
        return True
    with activate(scope):
        customer.save(update_fields=changed)
        publish(CustomerUpdated(customer_id=customer.pk, fields=tuple(changed)))
    return False
