"""Why somebody sees an account, may change it or not, and who can help: in words, for panel and refusal."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from crm.core.access import Scope
from customers.models import Customer, CustomerUserPermission
from organisation.choices import Role
from organisation.models import User


@dataclass(frozen=True, slots=True)
class Reason:
    """One ground, and whether it also lets change."""

    text: str
    changes: bool


@dataclass(frozen=True, slots=True)
class Why:
    """All grounds of one scope on one account, and people who can change that."""

    reasons: list[Reason]
    may_change: bool
    helpers: list[User]


def why_visible(scope: Scope, customer: Customer) -> Why:
    """The grounds on which a visible account is visible. Two queries at the most."""
    reasons = [
        reason for reason in (_by_role(scope), _by_owner(scope, customer), *_by_grant(scope, customer)) if reason
    ]
    may_change = scope.allows("customers.change") and any(reason.changes for reason in reasons)
    return Why(reasons=reasons, may_change=may_change, helpers=[] if may_change else helpers_for(scope, customer))


def _by_role(scope: Scope) -> Reason | None:
    if not scope.sees_all:
        return None
    role = Role(scope.role).label if scope.role in Role.values else scope.role
    text = (
        _("The role %(role)s sees every customer.")
        if scope.writes_all
        else _("The role %(role)s reads every customer.")
    )
    return Reason(text % {"role": role}, scope.writes_all)


def _by_owner(scope: Scope, customer: Customer) -> Reason | None:
    owner = customer.owner
    if owner is None or scope.owner_ids is None or owner.pk not in scope.owner_ids:
        return None
    if owner.pk == scope.user_id:
        return Reason(_("Own customer."), True)
    team = owner.team.name if owner.team else ""
    text = _("%(owner)s looks after this customer and is in the team %(team)s, which is led by you.")
    return Reason(text % {"owner": owner.name, "team": team}, True)


def _by_grant(scope: Scope, customer: Customer) -> list[Reason]:
    reasons = []
    for pk, here in ((customer.pk, True), (customer.chain_id, False)):
        if pk not in scope.granted_ids:
            continue
        changes = pk in scope.changeable_ids
        if here:
            text = _("Shared for changing.") if changes else _("Shared for reading.")
        else:
            text = _("Its chain is shared for changing.") if changes else _("Its chain is shared for reading.")
        reasons.append(Reason(text, changes))
    return reasons


def helpers_for(scope: Scope, customer: Customer | None) -> list[User]:
    """Who can open or change the account: its owner, the lead of the owner's team, a sales manager; at most three."""
    users = User.objects.visible_to(scope).active().select_related("team")
    found: list[User] = []
    if customer is not None and customer.owner_id and customer.owner_id != scope.user_id:
        found += users.filter(pk=customer.owner_id)
    if customer is not None and customer.owner is not None and customer.owner.team_id:
        found += users.filter(led_teams=customer.owner.team_id).exclude(pk=scope.user_id)[:1]
    found += users.filter(role=Role.MANAGER).exclude(pk=scope.user_id)[:1]
    return list(dict.fromkeys(found))[:3]


def shared_with(customer: Customer) -> list[tuple[User, bool]]:
    """Colleagues the account is shared with, and whether they may change it."""
    rows = CustomerUserPermission.objects.filter(content_object=customer).select_related(
        "user", "user__team", "permission"
    )
    people: dict[User, bool] = {}
    for row in rows.order_by("user__name"):
        people[row.user] = people.get(row.user, False) or row.permission.codename == "change_customer"
    return list(people.items())
