"""Who may merge what, what is refused, where the old id leads, and how long there is a way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crm.core.access import activate, system_scope_for
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from customers import services
from customers.choices import AccountType
from customers.models import Contact, Customer, ExternalKey
from customers.services.merging import kept_instead_of
from customers.upkeep import erase_trash
from organisation.choices import Role
from organisation.models import Organisation, User
from outbox.models import Event
from tests.conftest import make_team, scope_of
from tests.customers.test_merging import merge
from tests.customers.test_status import acting, made

People = Callable[..., User]
pytestmark = pytest.mark.django_db


def write(user: User, customer: Customer, **values: Any) -> None:
    """Whatever the services would let nobody set."""
    with activate(system_scope_for(user.organisation_id, job="test")):
        Customer.objects.filter(pk=customer.pk).update(**values)


def share(manager: User, customer: Customer, user: User, level: str) -> None:
    """A grant of the manager's."""
    with acting(manager) as scope:
        services.give_grant(scope=scope, customer_id=customer.pk, user_id=user.pk, level=level)


def test_a_rep_merges_his_own(people: People) -> None:
    """Both are his: nothing else is asked for."""
    rep = people()
    winner, loser = made(rep), made(rep, phone="030 1234567")
    assert merge(rep, winner, loser).customer.phone == "+49301234567"


def test_a_hidden_side_is_unknown(people: People) -> None:
    """Whichever it is, and as a missing one; a manager merges them."""
    rep, colleague, manager = people(), people(), people(Role.MANAGER)
    own, hidden = made(rep), made(colleague)
    for winner, loser in ((own, hidden), (hidden, own)):
        with pytest.raises(NotFound), acting(rep) as scope:
            services.merge_customers(
                scope=scope, winner_id=winner.pk, loser_id=loser.pk, winner_version=1, loser_version=1
            )
    assert merge(manager, own, hidden).customer.pk == own.pk


@pytest.mark.parametrize(
    ("shared", "level", "allowed"), [("winner", "change", True), ("winner", "view", False), ("loser", "change", False)]
)
def test_a_shared_side(people: People, shared: str, level: str, allowed: bool) -> None:
    """Shared to change it may be the kept one; to make somebody else's account vanish is his, or his superiors'."""
    rep, colleague, manager = people(), people(), people(Role.MANAGER)
    own, other = made(rep), made(colleague)
    share(manager, other, rep, level)
    winner, loser = (other, own) if shared == "winner" else (own, other)
    if allowed:
        assert merge(rep, winner, loser).customer.owner_id == colleague.pk
        return
    with pytest.raises(Forbidden):
        merge(rep, winner, loser)
    assert merge(manager, winner, loser)


def test_by_role(people: People, organisation: Organisation) -> None:
    """Who reads all merges nothing; a team lead merges his team's, not another's."""
    team = make_team(organisation)
    rep, lead, auditor = people(team=team), people(Role.TEAM_LEAD, team=team, leads=team), people(Role.AUDITOR)
    stranger = people()
    winner, loser, foreign = made(rep), made(rep), made(stranger)
    with pytest.raises(Forbidden):
        merge(auditor, winner, loser)
    with pytest.raises(NotFound):
        merge(lead, winner, foreign)
    assert merge(lead, winner, loser)


@pytest.mark.parametrize("changed", ["winner", "loser"])
def test_an_account_changed_meanwhile(people: People, changed: str) -> None:
    """The comparison is another one now; with the version of now it is done."""
    rep = people()
    winner, loser = made(rep), made(rep)
    row = winner if changed == "winner" else loser
    with acting(rep) as scope:
        seen = Customer.objects.get(pk=row.pk).version
        services.update_customer(scope=scope, customer_id=row.pk, changes={"legal_form": "GmbH"})
    with pytest.raises(Conflict):
        merge(rep, winner, loser, **{f"{changed}_version": seen})
    assert merge(rep, winner, loser).customer.legal_form == "GmbH"


def test_what_is_no_pair(people: People) -> None:
    """Oneself, a chain and a house, an archived one as the kept: refused; the archived one as the other is merged."""
    manager = people(Role.MANAGER)
    house, archived = made(manager), made(manager, status="ARCHIVIERT")
    with acting(manager) as scope:
        chain = services.create_customer(scope=scope, account_type=AccountType.CHAIN, values={"company_name": "Kette"})
    with pytest.raises(Invalid):
        merge(manager, house, house)
    for winner, loser in ((house, chain), (chain, house), (archived, house)):
        with pytest.raises(Conflict):
            merge(manager, winner, loser)
    assert merge(manager, house, archived).customer.status == "PROSPECT"


@pytest.mark.parametrize(
    "choices",
    [{"customer_number": "loser"}, {"fields.nothing": "loser"}, {"phone": "both"}, {"is_natural_person": "loser"}],
)
def test_what_is_no_choice(people: People, choices: dict[str, str]) -> None:
    """Named at its field; nothing is merged."""
    manager = people(Role.MANAGER)
    winner, loser = made(manager), made(manager)
    with pytest.raises(Invalid) as refused:
        merge(manager, winner, loser, choices=choices)
    assert refused.value.errors.keys() == choices.keys()
    assert merge(manager, winner, loser, choices={"phone": "loser"})


def test_the_stricter_and_the_fuller_of_two(people: People) -> None:
    """Sole trader if one is; the livelier status with its tags gone; both ERP ids; the filled value, the flag that is set."""
    manager = people(Role.MANAGER)
    winner, loser = made(manager, pain_food_waste=True, vat_id="DE1"), made(manager, pain_high_costs=True)
    write(manager, winner, xentral_customer_id="X1", is_natural_person=True)
    write(manager, loser, xentral_customer_id="X2", status="RISIKO", first_order_number="A-1")
    with acting(manager) as scope:
        services.set_tags(scope=scope, customer_id=winner.pk, names=["WARNED_60_DAYS", "Bio"])
    kept = merge(manager, winner, loser).customer
    assert (kept.is_natural_person, kept.status, kept.xentral_customer_id) == (True, "RISIKO", "X1")
    assert (kept.pain_food_waste, kept.pain_high_costs, kept.vat_id) == (True, True, "DE1")
    with acting(manager):
        assert ExternalKey.objects.get(customer=kept).key == "X2"
        assert list(kept.tags.values_list("name", flat=True)) == ["Bio"]
        changed = Event.objects.get(type="customer.status.changed")
        assert (changed.subject_id, changed.data["new"]) == (kept.pk, "RISIKO")


def test_the_old_id_leads_to_the_kept_account(people: People) -> None:
    """For who sees that one, also behind a second merge; for others it is unknown, and after the undo it is itself."""
    rep, stranger, manager = people(), people(), people(Role.MANAGER)
    first, second, third = made(rep), made(rep), made(rep)
    merge(rep, second, first)
    last = merge(rep, third, second)
    with acting(rep) as scope:
        assert [kept_instead_of(scope, row.pk) for row in (first, second, third)] == [third.pk, third.pk, None]
        assert not Customer.objects.visible_to(scope).filter(pk=first.pk).exists()
    with acting(stranger) as scope:
        assert kept_instead_of(scope, first.pk) is None
    with acting(manager) as scope:
        services.undo_merge(scope=scope, merge_id=last.change_set_id)
        assert [kept_instead_of(scope, row.pk) for row in (first, second, third)] == [second.pk, None, None]


def test_merges_are_taken_back_one_after_the_other(people: People) -> None:
    """The last one first: what the first had moved stands where it had left it, so that it can be taken back as well."""
    rep = people()
    rows = [made(rep) for _n in range(3)]
    with acting(rep) as scope:
        for row in rows:
            services.add_contact(scope=scope, customer_id=row.pk, values={"last_name": f"Person {row.pk}"})
    merges = [merge(rep, rows[1], rows[0]), merge(rep, rows[2], rows[1])]
    with acting(rep) as scope:
        for one in reversed(merges):
            assert services.undo_merge(scope=scope, merge_id=one.change_set_id).skipped == []
        assert Customer.objects.visible_to(scope).count() == 3
        for row in rows:
            assert Contact.objects.get(customer=row).last_name == f"Person {row.pk}"


def test_a_merged_account_is_not_in_the_trash(people: People) -> None:
    """Nobody restores it from there, and it is erased with the account that was kept only."""
    manager = people(Role.MANAGER)
    winner, loser = made(manager), made(manager)
    merge(manager, winner, loser)
    later = system_scope_for(manager.organisation_id, job="test").now + timedelta(days=100)
    with acting(manager) as scope:
        assert not Customer.objects.trashed_for(scope).exists()
        with pytest.raises(NotFound):
            services.restore_customer(scope=scope, customer_id=loser.pk)
    with activate(system_scope_for(manager.organisation_id, job="test")) as scope:
        assert erase_trash(scope, later) == 0
    with acting(manager) as scope:
        services.delete_customer(scope=scope, customer_id=winner.pk)
    with activate(system_scope_for(manager.organisation_id, job="test")) as scope:
        assert erase_trash(scope, later) == 1
        assert not Customer.objects.filter(pk__in=[winner.pk, loser.pk]).exists()


def test_who_takes_a_merge_back_and_for_how_long(people: People) -> None:
    """Who made it, or a manager, on the thirtieth day as well; once."""
    rep, colleague, manager = people(), people(), people(Role.MANAGER)
    winner, loser = made(rep), made(rep)
    done = merge(rep, winner, loser)
    with acting(colleague) as scope, pytest.raises(NotFound):
        services.undo_merge(scope=scope, merge_id=done.change_set_id)
    scope = scope_of(manager)
    too_late = replace(scope, now=scope.now + timedelta(days=30, minutes=1))
    in_time = replace(scope, now=scope.now + timedelta(days=29, hours=23))
    with activate(too_late), pytest.raises(Conflict):
        services.undo_merge(scope=too_late, merge_id=done.change_set_id)
    with activate(in_time):
        assert services.undo_merge(scope=in_time, merge_id=done.change_set_id).rows
        with pytest.raises(Conflict):
            services.undo_merge(scope=in_time, merge_id=done.change_set_id)


def test_what_was_changed_since_stays(people: People) -> None:
    """The kept account keeps its new phone and gives back all else; the other one is there again."""
    rep = people()
    winner, loser = made(rep), made(rep, legal_form="GmbH")
    write(rep, loser, xentral_customer_id="X1")
    done = merge(rep, winner, loser)
    with acting(rep) as scope:
        services.update_customer(scope=scope, customer_id=winner.pk, changes={"phone": "030 1234567"})
        services.undo_merge(scope=scope, merge_id=done.change_set_id)
        kept, back = Customer.objects.get(pk=winner.pk), Customer.objects.visible_to(scope).get(pk=loser.pk)
        assert (kept.phone, kept.legal_form, kept.xentral_customer_id) == ("+49301234567", "", "")
        assert (back.legal_form, back.xentral_customer_id) == ("GmbH", "X1")
