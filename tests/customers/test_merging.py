"""Two accounts become one: nothing is left behind, the stricter wins, and the way back leads to the very same rows."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from crm.core.access import system_scope
from crm.core.errors import Conflict, NotFound
from customers import services
from customers.choices import AccountType
from customers.models import (
    Address,
    Contact,
    Customer,
    CustomerFieldChoice,
    CustomerFieldValue,
    CustomerHot,
    CustomerTag,
    CustomerUserPermission,
    CustomerWord,
    DeliveredOrder,
    DuplicatePair,
    ExternalKey,
    FieldDefinition,
    LifeMark,
    Tag,
)
from customers.services.merging.moving import MOVERS
from jobs.models import ChangeSet
from jobs.registry import undoables
from organisation.choices import Role
from organisation.models import Organisation, User
from outbox.models import Event
from tests.conftest import make_organisation, make_user
from tests.customers.test_status import acting
from tests.jobs.test_undo_everything import LOGS, differing, rows_by_table
from tests.matrix.world import grant

# Written by triggers when what they are made of is written; and by the look through the stock: a pair of a merged account is
# hidden, and there again after the undo.
DERIVED = {CustomerFieldChoice, CustomerHot, CustomerWord, DuplicatePair}


def merge(user: User, winner: Customer, loser: Customer, **more: Any) -> Any:
    """As the page does it, with the versions of now."""
    with acting(user) as scope:
        return services.merge_customers(
            scope=scope,
            winner_id=winner.pk,
            loser_id=loser.pk,
            winner_version=more.pop("winner_version", None) or Customer.objects.get(pk=winner.pk).version,
            loser_version=more.pop("loser_version", None) or version_of(loser),
            **more,
        )


def version_of(customer: Customer) -> int:
    """The version as it stands, 1 where the active scope does not see the account."""
    return Customer.objects.filter(pk=customer.pk).values_list("version", flat=True).first() or 1


def test_every_table_that_refers_to_a_customer_is_moved() -> None:
    """A new foreign key must be named among the movers, or be written by a trigger; what is moved can be undone."""
    relations = {
        (relation.related_model, relation.field.name)
        for relation in Customer._meta.get_fields(include_hidden=True)
        if relation.auto_created and relation.is_relation and not relation.concrete and relation.field.db_constraint
        if not relation.many_to_many
    }
    assert {one for one in relations if one[0] not in DERIVED} == set(MOVERS)
    assert {model for model, _name in MOVERS} <= {entry.model for entry in undoables()}


@pytest.fixture
def house(committed_db: None) -> Organisation:
    """An organisation whose transactions commit."""
    return make_organisation("Haus")


def rich(house: Organisation, number: int, users: list[User], **values: Any) -> Customer:
    """An account with all that hangs on one; `number` tells the two apart, the rest they have in common."""
    customer = Customer.objects.create(
        organisation=house,
        company_name=f"Haus {number}",
        customer_number=f"T-{number}",
        xentral_customer_id=f"X{number}" if number else "",
        status_since=timezone.now() - timedelta(days=number),
        **values,
    )
    common = {"organisation": house, "customer": customer}
    for kind in ("DELIVERY", "BILLING") if number else ("DELIVERY",):
        Address.objects.create(**common, kind=kind, city=f"Stadt {number}")
    Contact.objects.create(**common, last_name=f"Person {number}")
    for name in ("Gemeinsam", f"Eigen {number}"):
        CustomerTag.objects.create(**common, tag=Tag.objects.get_or_create(organisation=house, name=name)[0])
    for key in ("both", f"own_{number}"):
        definition = FieldDefinition.objects.get_or_create(
            organisation=house,
            entity="CUSTOMER",
            key=key,
            defaults={"type": "MULTI_CHOICE" if key == "both" else "TEXT", "label_de": key, "label_en": key},
        )[0]
        value: Any = [f"wert{number}", "gleich"] if key == "both" else f"Wert {number}"
        CustomerFieldValue.objects.create(**common, definition=definition, value=value)
    ExternalKey.objects.create(**common, source="alt", key=str(number))
    for order in ("", "A-1", f"B-{number}"):
        DeliveredOrder.objects.create(**common, number=order, delivered_at=timezone.now())
    for stage in ("RENEWAL_90", "RENEWAL_30") if number else ("RENEWAL_90",):
        LifeMark.objects.create(**common, stage=stage, day="2026-01-01", made_at=timezone.now())
    for user, codename in zip(users, ("change_customer", "view_customer")[:: 1 if number else -1], strict=False):
        grant(user, customer, codename)
    return customer


@pytest.mark.parametrize("kind", [AccountType.INDEPENDENT, AccountType.CHAIN])
@pytest.mark.parametrize("side", ["winner", "loser", None])
def test_two_rich_accounts_and_the_way_back(house: Organisation, owner_db: Any, kind: str, side: str | None) -> None:
    """All is moved; after the undo every table of the database is as before, but for the logs, which only grew."""
    manager, first, second, third = (make_user(house, role) for role in (Role.MANAGER, "REP", "REP", "REP"))
    with system_scope(house.pk, job="test"):
        winner = rich(house, 0, [first, second], account_type=kind)
        loser = rich(house, 1, [first, second, third], account_type=kind, status="AKTIV", phone="+4930123")
        grant(third, loser)
        if kind == AccountType.CHAIN:
            rich(house, 2, [], account_type=AccountType.LOCATION, chain=loser)
        rich(house, 3, [], merged_into=loser, deleted_at=timezone.now())
    before = rows_by_table(owner_db)
    with transaction.atomic():
        choices = {} if side is None else {"company_name": side, "fields.both": side}
        merged = merge(manager, winner, loser, choices=choices)
    with system_scope(house.pk, job="test"):
        for model, name in MOVERS:
            left = model._default_manager.filter(**{name: loser})
            assert not left.exists(), model
        kept = Customer.objects.get(pk=winner.pk)
        expected = loser if side in {"loser", None} else winner
        assert (kept.company_name, kept.status, kept.phone) == (expected.company_name, "AKTIV", "+4930123")
        assert kept.xentral_customer_id == "X1"
        values = dict(CustomerFieldValue.objects.filter(customer=kept).values_list("definition__key", "value"))
        taken = "wert0" if side == "winner" else "wert1"
        assert values == {"both": [taken, "gleich"], "own_0": "Wert 0", "own_1": "Wert 1"}
        tags = CustomerTag.objects.filter(customer=kept).values_list("tag__name", flat=True)
        assert sorted(tags) == ["Eigen 0", "Eigen 1", "Gemeinsam"]
        orders = DeliveredOrder.objects.filter(customer=kept).values_list("number", flat=True)
        assert sorted(orders) == ["", "", "A-1", "B-0", "B-1"]
        addresses = Address.objects.filter(customer=kept).values_list("kind", "is_primary", "city")
        assert set(addresses) == {
            ("DELIVERY", True, "Stadt 0"),
            ("DELIVERY", False, "Stadt 1"),
            ("BILLING", True, "Stadt 1"),
        }
        grants = CustomerUserPermission.objects.filter(content_object=kept)
        assert set(grants.values_list("user", "permission__codename")) == {
            (first.pk, "view_customer"),
            (second.pk, "view_customer"),
            (third.pk, "change_customer"),
        }
        event = Event.objects.get(type="customer.merged")
        assert (event.subject_id, event.data["merged_id"]) == (winner.pk, loser.pk)
        assert ChangeSet.objects.get(pk=merged.change_set_id).rows
    changed = rows_by_table(owner_db)
    assert {entry.model._meta.db_table for entry in undoables()} <= differing(before, changed), "all were touched"

    with transaction.atomic(), acting(manager) as scope:
        result = services.undo_merge(scope=scope, merge_id=merged.change_set_id)
    assert result.skipped == []
    after = rows_by_table(owner_db)
    histories = {entry.model.history.model._meta.db_table for entry in undoables()}  # type: ignore[attr-defined]
    written_anew = {"customers_customerfieldchoice"}
    assert differing(before, after) <= histories | LOGS | written_anew
    for table in histories | LOGS:
        assert before[table] <= after[table], f"{table} lost rows"


def test_two_merges_of_the_same_two_at_once(house: Organisation) -> None:
    """One is done, the other waits for it and is refused; crosswise as well. No account is lost, none is merged twice."""
    manager = make_user(house, Role.MANAGER)
    for crosswise in (False, True):
        with system_scope(house.pk, job="test"):
            one, other = (
                Customer.objects.create(
                    organisation=house,
                    company_name=name,
                    customer_number=f"R-{crosswise}-{name}",
                    status_since=timezone.now(),
                )
                for name in ("A", "B")
            )
        begin = threading.Barrier(2)
        answers: list[object] = []

        def work(pair: tuple[Customer, Customer], begin: Any = begin, answers: list[object] = answers) -> None:
            try:
                begin.wait()
                with transaction.atomic():
                    answers.append(merge(manager, *pair))
            except (Conflict, NotFound) as refused:
                answers.append(refused)
            finally:
                connection.close()

        pairs = [(one, other), (other, one) if crosswise else (one, other)]
        threads = [threading.Thread(target=work, args=(pair,)) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(isinstance(answer, Exception) for answer in answers) == [False, True]
        with system_scope(house.pk, job="test"):
            assert Customer.objects.filter(pk__in=[one.pk, other.pk], merged_into=None).count() == 1
