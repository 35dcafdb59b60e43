"""The status of a customer: the step that all take, and archiving and reopening by hand."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Invalid
from customers.choices import CustomerStatus, Refused
from customers.events import CustomerStatusChanged
from customers.models import Customer, CustomerTag
from customers.operations import STATUS_CHANGE
from customers.services.locking import lock_customer
from customers.transitions import ALLOWED, BY_MANAGER, STAGE_TAGS
from outbox.services import publish_many


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
    take_steps(scope.with_reason(reason_given(reason)), [customer], status)
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


def take_steps(scope: Scope, customers: Collection[Customer], status: str) -> None:
    """Bring locked customers, none of whom is there yet, to a status; the scope's reason goes into the history.

    Who is no prospect any more loses the tags of prospects. Three statements at the most, whatever their number.
    """
    before = {one.pk: one.status for one in customers}
    prospects = [pk for pk, old in before.items() if old == CustomerStatus.PROSPECT]
    for one in customers:
        one.status, one.status_since = status, scope.now
    with activate(scope):
        if prospects:
            CustomerTag.objects.filter(customer__in=prospects, tag__name__in=STAGE_TAGS).delete()
        Customer.objects.filter(pk__in=before).update(status=status, status_since=scope.now)
        publish_many([CustomerStatusChanged(customer_id=pk, old=old, new=status) for pk, old in before.items()])
