"""What people are told about customers: one or many handed over, one shared, one that goes silent, an agreement that ends."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.core.access import READS_ALL, Scope
from customers.events import CustomerProspectWarned, CustomerRenewalDue, CustomerReviewRequired
from customers.models import Customer, CustomerUserPermission
from messaging.audience import people_of
from messaging.registry import notice_kind, notice_subject
from messaging.services import notify
from organisation.choices import Role
from organisation.models import User

SHARED, ASSIGNED, ASSIGNED_MANY = "customer.shared", "customer.assigned", "customer.assigned_many"
ORDER_OF_ARCHIVED = "customer.order_of_archived"
AT_RISK, INACTIVE = "customer.at_risk", "customer.inactive"


def register() -> None:
    """The kinds, and who sees a customer; called once at start-up."""
    notice_subject("customer", url_name="customers:detail", seers=seers_of)
    notice_subject(
        "customers", url_name="customers:list", seers=lambda _scope, _task, users: set(users), has_page_each=False
    )
    notice_kind(
        SHARED,
        _("A customer was shared"),
        _("%(company)s (%(number)s) is open to you too."),
        icon="user-share",
    )
    notice_kind(
        ASSIGNED,
        _("A customer was handed over"),
        _("%(company)s (%(number)s) is looked after by you now."),
        icon="user-check",
        tone="green",
    )
    notice_kind(
        ASSIGNED_MANY,
        _("Many customers were handed over"),
        _("Customers that are looked after by you now: %(count)s."),
        icon="user-check",
        tone="green",
    )
    notice_kind(
        ORDER_OF_ARCHIVED,
        _("An archived customer was delivered to"),
        _("%(company)s (%(number)s) stays archived. It can be reopened with a reason."),
        icon="truck-delivery",
        tone="amber",
        roles=(Role.MANAGER,),
    )
    notice_kind(
        AT_RISK,
        _("A customer is at risk"),
        _("%(company)s (%(number)s) has not ordered since %(since)s."),
        icon="alert-triangle",
        tone="amber",
    )
    notice_kind(
        INACTIVE,
        _("A customer is inactive"),
        _("%(company)s (%(number)s) has not ordered since %(since)s."),
        icon="alert-triangle",
        tone="red",
    )
    notice_kind(
        CustomerProspectWarned.type,
        _("A prospect has not ordered yet"),
        _("%(company)s (%(number)s): a prospect since %(since)s. Begin of the next season: %(season)s."),
        icon="hourglass",
        tone="amber",
    )
    notice_kind(
        CustomerReviewRequired.type,
        _("A prospect is to be reviewed"),
        _("%(company)s (%(number)s): a prospect since %(since)s. Begin of the next season: %(season)s."),
        icon="hourglass",
        tone="red",
        roles=(Role.MANAGER,),
    )
    notice_kind(
        CustomerRenewalDue.type,
        _("A supply agreement ends"),
        _("%(company)s (%(number)s): the agreement ends on %(date)s."),
        icon="calendar-due",
        tone="amber",
    )


def seers_of(scope: Scope, customer_id: int, user_ids: Sequence[int]) -> set[int]:
    """Which of the users see the customer: role, owner, lead of the owner's team, grant on it or on its chain."""
    customer = Customer.objects.visible_to(scope).filter(pk=customer_id).values("owner_id", "chain_id").first()
    if customer is None:
        return set()
    accounts = [pk for pk in (customer_id, customer["chain_id"]) if pk is not None]
    grants = CustomerUserPermission.objects.filter(content_object__in=accounts, user__in=user_ids)
    sees = Q(role__in=READS_ALL) | Q(pk=customer["owner_id"]) | Q(pk__in=grants.values("user_id"))
    if customer["owner_id"] is not None:
        sees |= Q(role=Role.TEAM_LEAD, led_teams__members=customer["owner_id"])
    people = User.objects.visible_to(scope).filter(sees, pk__in=user_ids)
    return set(people.values_list("pk", flat=True))


def tell_shared(*, scope: Scope, customer: Customer, user_id: int) -> None:
    """The colleague with whom the customer is shared now."""
    _tell(scope, SHARED, customer, user_id)


def tell_assigned(*, scope: Scope, customer: Customer, owner_id: int | None) -> None:
    """The new owner."""
    if owner_id is not None:
        _tell(scope, ASSIGNED, customer, owner_id)


def tell_handed_over(*, scope: Scope, task_id: int, owner_id: int, count: int) -> None:
    """The new owner of many: `count` of them by the long task `task_id`."""
    notify(
        scope=scope,
        kind=ASSIGNED_MANY,
        users=[owner_id],
        subject=("customers", task_id),
        parameters={"count": count},
    )


def tell_order_of_archived(*, scope: Scope, customer: Customer) -> None:
    """Managers: they alone reopen."""
    names = names_of(customer)
    users = people_of(scope, Role.MANAGER)
    notify(scope=scope, kind=ORDER_OF_ARCHIVED, users=users, subject=("customer", customer.pk), parameters=names)


def names_of(customer: Customer) -> dict[str, str]:
    """The customer as notices name him."""
    return {"company": customer.company_name, "number": customer.customer_number}


def _tell(scope: Scope, kind: str, customer: Customer, user_id: int) -> None:
    if scope.change_set_id is not None:
        return  # a batch tells once, when it is done
    names = names_of(customer)
    notify(scope=scope, kind=kind, users=[user_id], subject=("customer", customer.pk), parameters=names)
