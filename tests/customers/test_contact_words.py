"""Contacts and customers are found by words, numbers, phones and mistyped names, by whoever sees the customer and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.db import ProgrammingError, connection, transaction

from crm.core.access import Scope
from customers import projection, services
from customers.models import Contact, ContactWord, Customer
from customers.search import find_contacts, find_customers, phone_digits
from organisation.choices import Role
from organisation.models import User
from tests.customers.test_similar_words import create
from tests.customers.test_status import acting

pytestmark = [pytest.mark.django_db, pytest.mark.wall]

People = Callable[..., User]


@dataclass(frozen=True)
class World:
    """A rep with a house and its chef, a colleague with another, a manager."""

    rep: User
    colleague: User
    manager: User
    house: Customer
    other: Customer


def contact(of: User, house: Customer, **values: str) -> Contact:
    """A contact added as the product does it."""
    with acting(of) as scope:
        return services.add_contact(scope=scope, customer_id=house.pk, values=values)


@pytest.fixture
def world(people: People) -> World:
    """Two houses of two reps; each has a Jörg Müller, and the rep's has an address and phones too."""
    rep, colleague, manager = people(), people(), people(Role.MANAGER)
    (house,) = create(rep, "Gasthof Weißbräu", owner=rep, phone="+493023125417")
    (other,) = create(rep, "Hotel Adler", owner=colleague)
    contact(
        rep, house, first_name="Jörg", last_name="Müller-Lüdenscheidt", email="Joerg@Weissbraeu.example",
        phone="+494066969014", mobile="+491701234567",
    )  # fmt: skip
    contact(colleague, other, first_name="Jörg", last_name="Müller")
    return World(rep, colleague, manager, house, other)


def names(scope: Scope, text: str) -> list[str]:
    """Last names of the contacts found."""
    return [one.last_name for one in find_contacts(scope, text, 8)]


@pytest.mark.parametrize(
    "typed",
    [
        "Müller-Lüd", "mueller luedenscheidt", "muller jorg ludensch", "joerg lued", "ludenscheitd", "muler-ludenscheid",
        "joerg@weiss", "jörg@weissbräu.example", "@weissbraeu", "040 66969", "+49 40 66969-014", "0049 170 12", "66969014",
        "1234567", "9014",
    ],
)  # fmt: skip
def test_a_contact_is_found_as_people_type(world: World, typed: str) -> None:
    """By beginnings, in any spelling of umlauts, mistyped, by address and host, by a phone's beginning and inside."""
    with acting(world.rep) as scope:
        assert names(scope, typed) == ["Müller-Lüdenscheidt"]


@pytest.mark.parametrize("typed", ["Mueller", "jorg", "Mueler"])
def test_a_hidden_contact_is_not_found(world: World, typed: str) -> None:
    """Each rep finds his own, the manager both; a grant opens it and its end closes it."""
    own, others = {"Müller-Lüdenscheidt"}, {"Müller"}
    with acting(world.rep) as scope:
        assert set(names(scope, typed)) == own
    with acting(world.colleague) as scope:
        assert set(names(scope, typed)) == others
    with acting(world.manager) as scope:
        assert set(names(scope, typed)) == own | others
        services.give_grant(scope=scope, customer_id=world.other.pk, user_id=world.rep.pk, level="view")
    with acting(world.rep) as scope:
        assert set(names(scope, typed)) == own | others


def test_digits_tell_nothing_of_hidden_rows(world: World) -> None:
    """The functions of the search role apply the rule: a part of a phone finds it for its own rep alone."""
    with acting(world.rep) as scope:
        assert names(scope, "6969") == ["Müller-Lüdenscheidt"]
        assert [row.pk for row in find_customers(scope, "2312", 8)] == [world.house.pk]
    with acting(world.colleague) as scope:
        assert names(scope, "6969") == []
        assert find_customers(scope, "2312", 8) == []


@pytest.mark.parametrize("typed", ["000001", "K-000001", "0001", "weissbrau", "Weisbräu", "030 23125", "23125417"])
def test_a_customer_is_found_by_number_name_and_phone(world: World, typed: str) -> None:
    """By the whole number or its end, mistyped, and by the phone of the house."""
    with acting(world.rep) as scope:
        assert [row.pk for row in find_customers(scope, typed, 8)] == [world.house.pk]


def test_the_likest_words_come_first(people: People) -> None:
    """Of many like words the best one's rows fill the short list."""
    manager = people(Role.MANAGER)
    create(manager, *[f"Schmiedt{letter}" for letter in "abcdefghi"], "Schmidt")
    with acting(manager) as scope:
        assert find_customers(scope, "Schmidtt", 3)[0].customer.company_name == "Schmidt"


def test_nothing_is_found_by_nothing(world: World) -> None:
    """Signs alone and what resembles no word."""
    with acting(world.manager) as scope:
        for typed in ("", " ", "...", "()", "qqxyzzqq", "@"):
            assert (find_contacts(scope, typed, 8), find_customers(scope, typed, 8)) == ([], []), typed


def test_words_follow_every_write(world: World) -> None:
    """Rename, hand over, move, remove, delete, restore: after each the words are what a recomputation says."""
    with acting(world.manager) as scope:
        chef = Contact.objects.get(last_name="Müller")

        def seen(user: User, typed: str) -> list[str]:
            assert projection.find_differences(scope.organisation_id) == []
            with acting(user) as other:
                return names(other, typed)

    with acting(world.colleague) as own:
        services.change_contact(
            scope=own, customer_id=world.other.pk, contact_id=chef.pk, changes={"last_name": "Oberhuber"}
        )
    assert seen(world.colleague, "Oberhu") == ["Oberhuber"]
    assert "Müller" not in seen(world.colleague, "Müller")
    with acting(world.manager) as boss:
        services.assign_owner(scope=boss, customer_id=world.other.pk, owner_id=world.rep.pk)
    assert seen(world.rep, "Oberhu") == ["Oberhuber"]
    assert seen(world.colleague, "Oberhu") == []
    with acting(world.manager):
        Contact.objects.filter(pk=chef.pk).update(customer=world.house)  # as a merge moves it
        Contact.objects.filter(last_name__startswith="Müller").delete()
    assert seen(world.rep, "Lüdenscheidt") == []
    with acting(world.manager) as boss:
        services.delete_customer(scope=boss, customer_id=world.house.pk)
        assert not ContactWord.objects.filter(contact_id=chef.pk).exists()
    assert seen(world.rep, "Oberhu") == []
    with acting(world.manager) as boss:
        services.restore_customer(scope=boss, customer_id=world.house.pk)
    assert seen(world.rep, "Oberhu") == ["Oberhuber"]


def test_a_rebuild_repairs_the_words(world: World, owner_db: object) -> None:
    """What is damaged behind the triggers' back is found and made good."""
    with acting(world.manager) as scope:
        organisation = scope.organisation_id
    with connection.cursor() as cursor, pytest.raises(ProgrammingError), transaction.atomic():
        cursor.execute("DELETE FROM customers_contactword")
    assert projection.find_differences(organisation) == []


@pytest.mark.parametrize(
    "typed",
    ["+49 30 23125-417", "0049 30 23125417", "030/23125417", "+49 (0)30 23125417", "+43 1 2345678", "30 23125417"],
)
def test_python_and_sql_read_the_same_digits(typed: str) -> None:
    """Whole numbers: a part of one SQL does not keep."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT customers_phone_key(%s)", [typed])
        assert cursor.fetchone() == (phone_digits(typed),)


def test_text_is_no_phone() -> None:
    """Letters make it a word; the trunk's nought and the country go."""
    assert [phone_digits(text) for text in ("K-000001", "", "030", "+49", "12 a")] == ["", "", "30", "", ""]
