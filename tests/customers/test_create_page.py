"""The form for a new customer: what it takes, what it says, and the hint at duplicates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import services
from customers.duplicates import Evidence, find_twins
from customers.models import Customer
from organisation.models import Organisation, User
from tests.conftest import make_user
from tests.customers.test_record_pages import HTMX, page, send
from tests.customers.test_status import acting, made

People = Callable[..., User]
SignIn = Callable[[User], Client]
LEAST = {
    "company_name": "Café Größenwahn",
    "business_type": "RESTAURANT",
    "account_type": "INDEPENDENT",
    "country": "DE",
}


def test_the_least(as_user: SignIn, people: People) -> None:
    """Name and business type are enough; a rep becomes owner, the next number is taken."""
    rep = people()
    answer = send(as_user(rep), "create", data=LEAST)
    assert answer.status_code == 302
    with acting(rep):
        customer = Customer.objects.get()
        assert (customer.company_name, customer.owner, customer.customer_number) == ("Café Größenwahn", rep, "K-000001")
        assert answer.headers["Location"] == reverse("customers:detail", args=[customer.pk])
        assert not customer.addresses.exists()


def test_everything(as_user: SignIn, people: People) -> None:
    """Address, season and first contact come with it."""
    rep = people()
    data = LEAST | {
        "street": "Am Hügel",
        "house_number": "12",
        "postcode": "14467",
        "city": "Potsdam",
        "phone": "030 23125 417",
        "email": "k@example.org",
        "website": "example.org",
        "is_seasonal_business": "on",
        "seasonal_months": ["4", "5", "6", "7", "8", "9"],
        "business_type": "BEER_GARDEN",
        "contact_last_name": "Öztürk",
        "contact_role": "PURCHASING",
        "contact_phone": "0151 23456789",
        "another": "1",
    }
    answer = send(as_user(rep), "create", data=data)
    assert answer.headers["Location"] == reverse("customers:create")
    with acting(rep):
        customer = Customer.objects.get()
        assert (customer.phone, customer.website) == ("+493023125417", "https://example.org")
        assert (customer.seasonal_pattern, customer.seasonal_months) == ("BEER_GARDEN", [4, 5, 6, 7, 8, 9])
        assert (customer.addresses.get().city, customer.contacts.get().phone) == ("Potsdam", "+4915123456789")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"company_name": ""}, "This field is required"),
        ({"business_type": ""}, "Please choose"),
        ({"postcode": "1446"}, "5 digits, here 4"),
        ({"phone": "call me"}, "area code"),
        ({"email": "kueche@"}, "valid email"),
        ({"is_seasonal_business": "on"}, "at least one month"),
        ({"contact_first_name": "Jörn"}, "last name"),
    ],
)
def test_errors_lose_nothing(as_user: SignIn, people: People, wrong: dict[str, str], said: str) -> None:
    """422 with a summary, the reason at the field, and all that was typed."""
    rep = people()
    answer = send(as_user(rep), "create", data=LEAST | {"city": "Potsdam-Babelsberg"} | wrong)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert said in text
    assert 'id="errors"' in text
    assert "Potsdam-Babelsberg" in text
    with acting(rep):
        assert not Customer.objects.exists()


def test_one_field_on_leaving_it(as_user: SignIn, people: People) -> None:
    """The same form answers for one field, and only for it."""
    client = as_user(people())
    text = client.post(
        reverse("customers:check", args=["postcode"]) + "?span=3", {"postcode": "1446"}, headers=HTMX
    ).content.decode()
    assert "5 digits, here 4" in text
    assert "fp-c3" in text
    assert "required" not in text
    assert send(client, "check", "nothing").status_code == 404


def test_who_creates(as_user: SignIn, people: People) -> None:
    """Auditor and data-protection officer are refused with the reason."""
    for role in ("AUDITOR", "DPO"):
        client = as_user(people(role))
        for answer in (
            page(client, "create"),
            send(client, "create", data=LEAST),
            send(client, "twins"),
            send(client, "check", "phone"),
        ):
            assert answer.status_code == 403
            assert "Who can help" in answer.content.decode()


def test_a_location(as_user: SignIn, people: People) -> None:
    """Managers add locations to a chain they search; a rep has no such choice; a hidden chain is refused there."""
    manager = people("MANAGER")
    with acting(manager) as scope:
        chain = services.create_customer(scope=scope, account_type="CHAIN", values={"company_name": "Frischehof"})
    client = as_user(manager)
    assert "Frischehof" in send(client, "chains", data={"chain_search": "frische"}, headers=HTMX).content.decode()
    assert "No chain" in send(client, "chains", data={"chain_search": "zzz"}, headers=HTMX).content.decode()
    assert 'value="LOCATION"' in page(client, "create", query=f"?chain={chain.pk}").content.decode()
    location = LEAST | {"account_type": "LOCATION"}
    assert send(client, "create", data=location).status_code == 422
    assert send(client, "create", data=location | {"chain_id": 999_999}).status_code == 422
    assert send(client, "create", data=location | {"chain_id": chain.pk}).status_code == 302
    client = as_user(people())
    assert 'value="LOCATION"' not in page(client, "create").content.decode()
    assert send(client, "create", data=location | {"chain_id": chain.pk}).status_code == 422


def test_what_no_keyboard_types(as_user: SignIn, people: People) -> None:
    """Digits that are no number, numbers beyond all ids, and NUL are answered like any other slip."""
    client = as_user(people("MANAGER"))
    for chain in ("²", "9" * 30, "9" * 5000):
        assert page(client, "create", query=f"?chain={chain}").status_code == 200
        assert send(client, "create", data=LEAST | {"chain_id": chain}).status_code in {302, 422}
    assert send(client, "create", data=LEAST | {"postcode": "²²²²²"}).status_code == 422
    nul = dict.fromkeys(("company_name", "postcode", "phone", "chain_search"), "Zum\x00 Hügel")
    assert send(client, "create", data=LEAST | nul).status_code == 422
    assert send(client, "twins", data=nul, headers=HTMX).status_code == 200
    assert send(client, "chains", data=nul, headers=HTMX).status_code == 200


def test_twins_of_what_is_typed(as_user: SignIn, people: People) -> None:
    """The own one with score and reasons; a colleague's only that it exists."""
    rep = people()
    customer = made(rep, company_name="Gasthaus Zum Grünen Hügel", phone="030 23125 417")
    with acting(rep) as scope:
        services.add_address(scope=scope, customer_id=customer.pk, values={"postcode": "14467", "city": "Potsdam"})
    typed = {"company_name": "Gasthof zum gruenen Huegel", "postcode": "14467", "phone": "030/23125417"}
    text = send(as_user(rep), "twins", data=typed, headers=HTMX).content.decode()
    assert "Gasthaus Zum Grünen Hügel" in text
    for reason in ("Similar name", "Same phone", "Same postcode"):
        assert reason in text
    text = send(as_user(people()), "twins", data=typed, headers=HTMX).content.decode()
    assert "Gasthaus" not in text
    assert customer.customer_number not in text
    assert "Ask a sales manager" in text


def test_hidden_ones_take_no_visible_ones_place(people: People) -> None:
    """However many resemble the typed name more, and however frequent its words are: one's own and what is shared."""
    rep, colleague = people(), people()
    with acting(colleague) as scope:
        Customer.objects.bulk_create(
            Customer(
                organisation_id=rep.organisation_id,
                company_name="Gasthof Adler",
                customer_number=f"H-{number}",
                phone="" if number else "+493023125417",
                owner=colleague,
                status_since=scope.now,
            )
            for number in range(260)
        )
        shared = services.create_customer(scope=scope, values={"company_name": "Gasthof Adler am Tor"})
    own = made(rep, company_name="Gasthof Adler am Markt")
    with acting(people("MANAGER")) as scope:
        services.give_grant(scope=scope, customer_id=shared.pk, user_id=rep.pk, level="view")
    with acting(rep) as scope:
        found = find_twins(scope, Evidence(name="Gasthof Adler", phone="030/23125417"))
        assert {twin.customer.pk for twin in found.visible} == {own.pk, shared.pk}
        assert found.hidden
    with acting(colleague) as scope:
        assert len(find_twins(scope, Evidence(name="Gasthof Adler")).visible) == 5


@pytest.mark.parametrize(
    ("name", "found"),
    [("Zum Hügel", True), ("zum hugel", True), ("Zum Hügl", True), ("Zm", False), ("Bäckerei Sonnenschein", False)],
)
def test_typing_errors(people: People, name: str, found: bool) -> None:
    """Umlauts and small errors find it, another name does not, and two letters ask nothing."""
    rep = people()
    customer = made(rep)
    with acting(rep) as scope:
        twins = find_twins(scope, Evidence(name=name)).visible
        assert [twin.customer.pk for twin in twins] == ([customer.pk] if found else [])


def test_another_organisation_is_never_a_twin(people: People, other_organisation: Organisation) -> None:
    """Not even as a hint."""
    made(make_user(other_organisation))
    with acting(people("MANAGER")) as scope:
        found: Any = find_twins(scope, Evidence(name="Zum Hügel"))
        assert (found.visible, found.hidden) == ([], False)
