"""Sharing a customer with a colleague. A grant on a CHAIN covers its LOCATIONs, also those added later."""

from __future__ import annotations

from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Forbidden, Invalid
from customers.choices import AccountType
from customers.events import CustomerUpdated
from customers.models import Customer, CustomerUserPermission
from customers.notices import tell_shared
from customers.services.locking import lock_own
from organisation.choices import Role
from organisation.models import User
from outbox.services import publish

CODENAMES = {"view": "view_customer", "change": "change_customer"}


@transaction.atomic
def give_grant(*, scope: Scope, customer_id: int, user_id: int, level: str) -> None:
    """Share the customer with a colleague, to `view` or to `change`; a grant there already is raised or lowered to `level`.

    Managers share anything, team leads what their team owns, inside their team, chain managers `view` on locations of their
    chains. Raises NotFound, Forbidden, Invalid (unknown person or level, somebody outside the team).
    """
    customer = lock_own(scope, customer_id, right="customers.grant")
    if level not in CODENAMES:
        raise Invalid(_("Sharing is for reading or for changing."), field="level")
    _refuse_chain_manager(scope, customer, level)
    user = User.objects.visible_to(scope).active().filter(pk=user_id).first()
    if user is None:
        raise Invalid(_("There is no such person."), field="user_id")
    if not possible_readers(scope).filter(pk=user_id).exists():
        raise Invalid(_("A team lead shares inside his team."), field="user_id")
    permission = _permission(level)
    there = CustomerUserPermission.objects.filter(user=user, content_object=customer)
    if there.filter(permission=permission).exists():
        return
    if there.exists():
        _refuse_chain_manager(scope, customer, "change")  # the grant there is one to change
    there.delete()
    CustomerUserPermission.objects.create(user=user, content_object=customer, permission=permission)
    publish(CustomerUpdated(customer_id=customer.pk, fields=("grants",)))
    tell_shared(scope=scope, customer=customer, user_id=user.pk)


def possible_readers(scope: Scope) -> QuerySet[User]:
    """With whom the scope may share: a team lead with his team's people, others with every colleague."""
    people: QuerySet[User] = User.objects.visible_to(scope).active()
    return people.filter(pk__in=scope.owner_ids or ()) if scope.role == Role.TEAM_LEAD else people


@transaction.atomic
def revoke_grant(*, scope: Scope, customer_id: int, user_id: int) -> None:
    """End the sharing with a colleague; nothing happens where there is none. Raises NotFound, Forbidden."""
    customer = lock_own(scope, customer_id, right="customers.grant")
    grants = CustomerUserPermission.objects.filter(user_id=user_id, content_object=customer)
    changes = grants.filter(permission__codename=CODENAMES["change"]).exists()
    _refuse_chain_manager(scope, customer, "change" if changes else "view")
    removed, _by_model = grants.delete()
    if removed:
        publish(CustomerUpdated(customer_id=customer.pk, fields=("grants",)))


def _refuse_chain_manager(scope: Scope, customer: Customer, level: str) -> None:
    """His own grant on the chain, and those to change, are not his to give or end."""
    if scope.role == Role.CHAIN_MANAGER and (level != "view" or customer.account_type != AccountType.LOCATION):
        raise Forbidden(_("A chain manager shares locations of his chains for reading."))


def _permission(level: str) -> Permission:
    return Permission.objects.get(
        content_type__app_label=Customer._meta.app_label, content_type__model="customer", codename=CODENAMES[level]
    )
