"""The filter builder of customers: its page, its form alone, and conditions on contacts and addresses."""

from __future__ import annotations

from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.core.access import activate, system_scope_for
from customers.account_list import CUSTOMERS
from customers.choices import FieldType, Sensitivity
from customers.models import Address, Contact, Customer, FieldDefinition, Tag
from organisation.choices import Role

pytestmark = pytest.mark.django_db

NAMES = ("Ahorn", "Birke", "Chinarinde", "Dattel")


@pytest.fixture
def rep(people):
    return people(Role.REP, name="Rieke Sander")


@pytest.fixture
def customers(organisation, rep, people):
    """Four of the rep, told apart by contacts and addresses; one more of somebody else, with all of it."""
    with transaction.atomic(), activate(system_scope_for(organisation.pk, job="test")):
        rows = {
            name: Customer.objects.create(
                organisation=organisation,
                company_name=name,
                customer_number=f"K-{name}",
                owner=owner,
                status_since=timezone.now(),
            )
            for name, owner in (*((name, rep) for name in NAMES), ("Fremd", people(Role.REP)))
        }
        for name, power, role, more in (
            ("Ahorn", "DECIDER", "HEAD_CHEF", {"email": "a@example.org"}),
            ("Ahorn", "BLOCKER", "OWNER", {}),
            ("Birke", "BLOCKER", "PURCHASING", {"mobile": "+49301234567"}),
            ("Chinarinde", "", "OTHER", {}),
            ("Fremd", "DECIDER", "HEAD_CHEF", {"email": "f@example.org"}),
        ):
            Contact.objects.create(
                organisation=organisation,
                customer=rows[name],
                last_name="Person",
                role=role,
                decision_power=power,
                **more,
            )
        for name, kind, postcode in (
            ("Ahorn", "BILLING", "10115"),
            ("Birke", "KITCHEN", "10115"),
            ("Birke", "DELIVERY", "50667"),
        ):
            Address.objects.create(organisation=organisation, customer=rows[name], kind=kind, postcode=postcode)
        Tag.objects.create(organisation=organisation, name="Terrasse")
        for key, sensitivity in (("covers_per_day", Sensitivity.INTERNAL), ("hidden_terms", Sensitivity.RESTRICTED)):
            FieldDefinition.objects.create(
                organisation=organisation,
                key=key,
                label_de=key,
                label_en=key,
                type=FieldType.INTEGER,
                group="kitchen",
                sensitivity=sensitivity,
            )
    return rows


def listed(client, query):
    response = client.get(f"{CUSTOMERS.path}?{query}")
    assert response.context["state"].problems == []
    return {line["name"] for line in response.context["lines"]}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("contact_power=DECIDER", {"Ahorn"}),
        ("contact_power=DECIDER&contact_power=BLOCKER", {"Ahorn", "Birke"}),
        ("contact_power__all=DECIDER&contact_power__all=BLOCKER", {"Ahorn"}),
        ("contact_power__ne=BLOCKER", {"Chinarinde", "Dattel"}),
        ("contact_role=PURCHASING", {"Birke"}),
        ("contact=false", {"Dattel"}),
        ("contact=true", {"Ahorn", "Birke", "Chinarinde"}),
        ("contact_email=true", {"Ahorn"}),
        ("contact_phone=true", {"Birke"}),
        ("contact_phone=false", {"Ahorn", "Chinarinde", "Dattel"}),
        ("address_postcode=10115", {"Ahorn", "Birke"}),
        ("address_postcode__ne=10115", {"Chinarinde", "Dattel"}),
    ],
)
def test_a_member_of_a_related_list(as_user, rep, customers, query, found):
    assert listed(as_user(rep), query) == found


def test_related_rows_of_others_are_found_by_who_sees_them_alone(as_user, people, rep, customers):
    assert "Fremd" in listed(as_user(people(Role.MANAGER)), "contact_power=DECIDER")
    assert "Fremd" not in listed(as_user(rep), "contact_email=true")


def test_the_builder_shows_the_filter_of_the_address(as_user, rep, customers):
    response = as_user(rep).get(
        reverse("customers:filter") + "?q=hof&status=AKTIV&owner=me&last_contact_at=last_30_days"
    )
    page = response.content.decode()
    assert "<html" in page
    assert '<input type="hidden" name="q" value="hof">' in page
    assert 'name="v.r.0" value="AKTIV" checked' in page
    assert 'name="v.r.1" value="me" checked' in page
    assert "Rieke Sander" in page
    assert 'value="30"' in page
    assert "covers_per_day" in page
    assert "hidden_terms" not in page


def test_a_restricted_field_is_offered_to_who_may_read_it(as_user, people, customers):
    assert "hidden_terms" in as_user(people(Role.MANAGER)).get(reverse("customers:filter")).content.decode()


def test_the_form_grows_by_plain_requests_and_leads_to_the_list(as_user, rep, customers):
    client, address = as_user(rep), reverse("customers:filter")
    alone = client.get(address, headers={"HX-Request": "true"})
    assert "<html" not in alone.content.decode()
    assert 'id="f-r.0"' in alone.content.decode()
    grown = client.get(address, {"g.r": "any", "f.r.0": "contact_power", "act": "group:r"}).content.decode()
    assert 'name="p.r.0" value="contact_power"' in grown
    assert 'name="g.r.1"' in grown
    draft = {
        "g.r": "any",
        "f.r.0": "contact_power",
        "p.r.0": "contact_power",
        "o.r.0": "in",
        "v.r.0": "DECIDER",
        "g.r.1": "not_all",
        "f.r.1.0": "contact",
        "p.r.1.0": "contact",
        "o.r.1.0": "is",
        "v.r.1.0": "true",
        "f.r.1.1": "name",
        "p.r.1.1": "name",
        "o.r.1.1": "starts",
        "v.r.1.1": "X",
        "act": "apply",
    }
    answer = client.get(address, draft)
    assert answer.status_code == 302
    assert "filter" in parse_qs(urlsplit(answer.headers["Location"]).query)
    assert listed(client, urlsplit(answer.headers["Location"]).query) == set(NAMES)
    again = client.get(f"{address}?{urlsplit(answer.headers['Location']).query}").content.decode()
    assert 'name="v.r.0" value="DECIDER" checked' in again
    assert 'name="v.r.1.1"' in again


def test_what_is_wrong_stands_at_its_condition_and_nothing_is_lost(as_user, rep, customers):
    draft = {
        "g.r": "all",
        "f.r.0": "expected_volume",
        "p.r.0": "expected_volume",
        "o.r.0": "gte",
        "v.r.0": "viel <b>",
        "f.r.1": "city",
        "p.r.1": "city",
        "o.r.1": "eq",
        "v.r.1": "Köln",
        "act": "apply",
    }
    client = as_user(rep)
    client.raise_request_exception = True
    answer = client.get(reverse("customers:filter"), draft, headers={"HX-Request": "true"})
    page = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert page.count('class="fp-error"') == 1
    assert 'aria-describedby="e-r.0"' in page
    assert 'value="viel <b>"' in page
    assert "viel <b>" not in answer.content.decode()
    assert 'value="Köln"' in page


def test_the_list_leads_to_the_builder_with_its_own_filter(as_user, rep, customers):
    page = as_user(rep).get(CUSTOMERS.path + "?status=AKTIV&sort=-city").content.decode()
    assert f'hx-get="{reverse("customers:filter")}?status=AKTIV&amp;sort=-city"' in page
    assert reverse("customers:filter") == CUSTOMERS.builder_path


def test_every_field_can_be_built_with_in_few_queries(as_user, people, customers):
    client, address = as_user(people(Role.MANAGER)), reverse("customers:filter")
    client.get(address)
    fields = client.get(address).context["state"].fields
    draft = {"g.r": "all"} | {f"f.r.{number}": key for number, key in enumerate(fields)}
    page = client.get(address, draft).content.decode()
    for number, key in enumerate(fields):
        assert f'name="o.r.{number}"' in page, key
    with CaptureQueriesContext(connection) as queries:
        client.get(address + "?status=AKTIV")
    assert len([one for one in queries if "SAVEPOINT" not in one["sql"]]) <= 13
