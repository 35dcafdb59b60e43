"""The status of a customer: the step that all take, and archiving and reopening by hand."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Invalid
from customers.choices import CustomerStatus
from customers.events import CustomerStatusChanged
from customers.models import Customer, CustomerTag
from customers.operations import STATUS_CHANGE
from customers.services.locking import lock_customer
from customers.transitions import ALLOWED, BY_MANAGER, STAGE_TAGS
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
    if status not in ALLOWED[customer.status]:
        raise Conflict(
            _("This step is not possible now."), field="status", allowed=sorted(ALLOWED[customer.status] & BY_MANAGER)
        )
    if status not in BY_MANAGER:
        raise Conflict(
            _("This status is not set by hand: a delivered order or the nightly count does it."),
            field="status",
            allowed=sorted(ALLOWED[customer.status] & BY_MANAGER),
        )
    if not reason.strip():
        raise Invalid(_("A reason is needed; it stands in the history."), field="reason")
    take_step(scope.with_reason(reason.strip()), customer, status)
    return customer


def take_step(scope: Scope, customer: Customer, status: str) -> None:
    """One step of the machine on a locked row; the scope's reason goes into the history.

    Who is no prospect any more loses the tags of prospects.
    """
    old, customer.status, customer.status_since = customer.status, status, scope.now
    with activate(scope):
        if old == CustomerStatus.PROSPECT:
            CustomerTag.objects.filter(customer=customer, tag__name__in=STAGE_TAGS).delete()
        customer.save(update_fields=["status", "status_since"])
        publish(CustomerStatusChanged(customer_id=customer.pk, old=old, new=status))
