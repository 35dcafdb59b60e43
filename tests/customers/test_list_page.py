"""The list of customers: what a page shows, in how few queries, and that its address says it all."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.core.access import activate, system_scope_for
from customers.choices import BusinessType, CustomerStatus, FieldType, Sensitivity
from customers.models import Address, Customer, CustomerFieldValue, FieldDefinition
from customers.views.listing import CUSTOMERS, QUERY_BUDGET
from organisation.choices import Role
from tests.conftest import make_team

pytestmark = pytest.mark.django_db

NAMES = ["Gasthaus Müller", "Mueller & Söhne", "Café Süß", "Ärztehaus Kantine", "Zebra Hotel", "apfelhof"]


@pytest.fixture
def rep(people):
    return people(Role.REP)


@pytest.fixture
def customers(organisation, rep):
    """Six customers of one rep, a seventh of nobody."""
    with transaction.atomic(), activate(system_scope_for(organisation.pk, job="test")):
        rows = [
            Customer.objects.create(
                organisation=organisation,
                company_name=name,
                customer_number=f"K-{number:06d}",
                owner=rep,
                status=CustomerStatus.AKTIV if number % 2 else CustomerStatus.PROSPECT,
                business_type=BusinessType.RESTAURANT,
                status_since=timezone.now(),
                expected_annual_volume=1000 * number if number else None,
            )
            for number, name in enumerate(NAMES)
        ]
        Customer.objects.create(
            organisation=organisation, company_name="Niemandes Haus", customer_number="K-9", status_since=timezone.now()
        )
        Address.objects.create(organisation=organisation, customer=rows[0], city="Köln", postcode="50667")
        return rows


def names(response):
    return [line["name"] for line in response.context["lines"]]


def get(client, query=""):
    return client.get(CUSTOMERS.path + query)


def test_a_rep_sees_his_own_sorted_as_germans_sort(as_user, rep, customers):
    response = get(as_user(rep))
    assert response.status_code == 200
    assert names(response) == [
        "apfelhof",
        "Ärztehaus Kantine",
        "Café Süß",
        "Gasthaus Müller",
        "Mueller & Söhne",
        "Zebra Hotel",
    ]
    assert response.context["total"].number == 6


def test_a_manager_sees_those_of_nobody_too(as_user, people, customers):
    assert "Niemandes Haus" in names(get(as_user(people(Role.MANAGER))))


def test_a_stranger_sees_an_empty_list_that_says_what_it_is_for(as_user, people, customers):
    response = get(as_user(people(Role.REP)))
    assert names(response) == []
    assert "No customers yet" in response.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?status=AKTIV", {"Mueller & Söhne", "Ärztehaus Kantine", "apfelhof"}),
        ("?status=AKTIV&status=PROSPECT&name__starts=m", {"Mueller & Söhne"}),
        ("?city=koeln", {"Gasthaus Müller"}),
        ("?expected_volume=2000..4000", {"Café Süß", "Ärztehaus Kantine", "Zebra Hotel"}),
        ("?expected_volume__empty=1", {"Gasthaus Müller"}),
        ("?owner=me&q=müller", {"Gasthaus Müller", "Mueller & Söhne"}),
        ("?q=sohne", {"Mueller & Söhne"}),
        ("?q=50667", {"Gasthaus Müller"}),
        ("?q=kant+arzte", {"Ärztehaus Kantine"}),
        ("?q=Kantiene", {"Ärztehaus Kantine"}),
        ("?q=K-000002", {"Café Süß"}),
        ("?q=nichtsdergleichen", set()),
    ],
)
def test_filters_and_search_find_exactly(as_user, rep, customers, query, found):
    assert set(names(get(as_user(rep), query))) == found


def test_every_sort_both_ways_reaches_every_row_once(as_user, rep, customers):
    client = as_user(rep)
    for column in CUSTOMERS.columns:
        for way in ("", "-"):
            url, seen = f"{CUSTOMERS.path}?sort={way}{column.key}&size=2", []
            while url:
                response = client.get(url)
                seen += names(response)
                url = response.context["state"].next_url
            assert sorted(seen) == sorted(NAMES), (column.key, way)


def test_what_the_address_says_wrongly_stands_on_the_page(as_user, rep, customers):
    response = get(as_user(rep), "?colour=green&sort=nothing&after=broken")
    assert response.status_code == 200
    assert {problem.place for problem in response.context["state"].problems} == {"colour", "sort", "after"}
    assert len(names(response)) == 6


def test_catalogue_fields_filter_hot_or_not_and_hide_when_restricted(as_user, organisation, rep, people, customers):
    with transaction.atomic(), activate(system_scope_for(organisation.pk, job="test")):
        for key, kind, more, value in (
            (
                "cuisine",
                FieldType.TEXT,
                {"is_hot": True, "hot_slot": "hot_text_1", "hot_ready_at": timezone.now()},
                "Französisch",
            ),
            ("covers", FieldType.INTEGER, {}, 120),
            ("contract_end", FieldType.DATE, {}, "2027-03-31"),
            ("terms", FieldType.TEXT, {"sensitivity": Sensitivity.RESTRICTED}, "geheim"),
        ):
            definition = FieldDefinition.objects.create(
                organisation=organisation, key=key, label_de=key, label_en=key, type=kind, **more
            )
            CustomerFieldValue.objects.create(
                organisation=organisation, customer=customers[0], definition=definition, value=value
            )
    client = as_user(rep)
    for query in (
        "?fields.cuisine=französisch",
        "?fields.cuisine__starts=franz",
        "?fields.covers=100..150",
        "?fields.contract_end=2027-01-01..2027-12-31",
    ):
        assert names(get(client, query)) == ["Gasthaus Müller"], query
    hidden = get(client, "?fields.terms=geheim")
    assert [problem.place for problem in hidden.context["state"].problems] == ["fields.terms"]
    assert len(names(hidden)) == 6
    assert names(get(as_user(people(Role.MANAGER)), "?fields.terms=geheim")) == ["Gasthaus Müller"]
    shown = get(client, "?columns=fields.cuisine,fields.covers")
    assert "Französisch" in shown.content.decode()
    assert get(client, "?sort=fields.cuisine").context["state"].sort.column == "hot_text_1"


@pytest.mark.parametrize("role", [Role.REP, Role.TEAM_LEAD, Role.CHAIN_MANAGER, Role.MANAGER])
@pytest.mark.parametrize("query", ["", "?status=AKTIV&sort=-expected_volume", "?q=müller", "?q=Kantiene"])
def test_a_page_stays_in_its_query_budget(as_user, people, organisation, customers, role, query):
    team = make_team(organisation)
    client = as_user(people(role, team=team, leads=team if role == Role.TEAM_LEAD else None))
    get(client)  # the session notes "still here" once in five minutes
    with CaptureQueriesContext(connection) as queries:
        assert get(client, query).status_code == 200
    asked = [one["sql"] for one in queries if "SAVEPOINT" not in one["sql"]]
    # A request whose transaction ends with it lets the scope's values end there; only a test's goes on and is cleared.
    assert "set_config('app.organisation', ''" in asked.pop()
    assert len(asked) <= QUERY_BUDGET, "\n".join(asked)


def test_an_htmx_request_gets_the_list_alone(as_user, rep, customers):
    response = as_user(rep).get(CUSTOMERS.path, headers={"HX-Request": "true"})
    assert b"<html" not in response.content
    assert b"Zebra Hotel" in response.content
    assert "HX-Request" in response["Vary"]


def test_the_old_root_leads_here(as_user, rep):
    assert as_user(rep).get(reverse("home")).headers["Location"] == CUSTOMERS.path


def test_every_fixed_filter_uses_a_column_of_its_own_type():
    from customers.list_fields import CUSTOMER_FIELDS
    from customers.models import CustomerHot

    assert CUSTOMER_FIELDS.mismatches(CustomerHot) == []


def test_a_search_counts_no_further_than_a_thousand(as_user, organisation, rep, customers, monkeypatch):
    monkeypatch.setattr("customers.views.listing.SEARCH_CAP", 1)
    response = get(as_user(rep), "?q=muller&size=1")
    assert (response.context["total"].number, response.context["total"].is_capped) == (1, True)
    response = get(as_user(rep), "?name__starts=m&size=1")
    assert response.context["total"].is_capped is False
