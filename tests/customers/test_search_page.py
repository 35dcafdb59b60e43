"""The search over all records and actions: in the palette and as a page; each shows what its reader may open, and no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers import services
from organisation.choices import Role
from organisation.models import User
from tests.customers.test_similar_words import create
from tests.customers.test_status import acting

pytestmark = pytest.mark.django_db

People = Callable[..., User]
AsUser = Callable[[User], Client]
QUERY_BUDGET = 24
"""12 make the session and the scope and keep them; each source asks for ids and rows, and where nothing stands as typed for parts
of numbers or for similar words and, twice, for who has them."""


def answer(client: Client, typed: str, **headers: str) -> str:
    """The page, or with `HX_Request` the palette's list."""
    response = client.get("/search/", {"q": typed}, headers=headers)
    assert response.status_code == 200
    assert "HX-Request" in response["Vary"]
    return response.content.decode()


def test_both_kinds_are_found_grouped_and_linked(people: People, as_user: AsUser) -> None:
    """One word finds a customer and another one's contact; each leads to its place."""
    rep = people()
    house, other = create(rep, "Müllers Wirtshaus", "Hotel Adler", owner=rep)
    with acting(rep) as scope:
        services.add_contact(scope=scope, customer_id=other.pk, values={"last_name": "Mueller", "role": "HEAD_CHEF"})
    for html in (answer(as_user(rep), "muller"), answer(as_user(rep), "muller", **{"HX-Request": "true"})):
        assert f'href="/customer-management/customers/{house.pk}/"' in html
        assert f'href="/customer-management/customers/{other.pk}/#contacts"' in html
        assert html.index("Müllers Wirtshaus") < html.index("Hotel Adler")
    assert 'role="option"' in html
    assert "<html" not in html


def test_hidden_records_are_not_told(people: People, as_user: AsUser) -> None:
    """Not by name, not by likeness, not by number; their owner finds them."""
    rep, colleague = people(), people()
    create(rep, "Xaverlhof Geheim", owner=colleague, phone="+493023125417")
    for typed in ("Xaverlhof", "xavrelhof", "000001", "23125", "030 231"):
        assert "Xaverlhof Geheim" not in answer(as_user(rep), typed), typed
        assert "Xaverlhof Geheim" in answer(as_user(colleague), typed), typed


@pytest.mark.parametrize(("role", "is_offered"), [(Role.REP, True), (Role.AUDITOR, False)])
def test_actions_are_those_that_the_reader_may_do(
    people: People, as_user: AsUser, role: Role, is_offered: bool
) -> None:
    """A new customer for who may create one; by any of its words, and before anything is typed."""
    client = as_user(people(role))
    for typed in ("", "customer new", "New: Customer"):
        assert ('href="/customer-management/customers/new/"' in answer(client, typed)) is is_offered, typed


def test_pages_of_the_settings_are_found_by_name_alone(people: People, as_user: AsUser) -> None:
    """They would crowd what people do most; without the right they are not there at all."""
    link = 'role="option" aria-selected="false" tabindex="-1" href="/settings/people/"'
    in_palette = {"HX-Request": "true"}
    administrator = as_user(people(Role.ADMINISTRATOR))
    assert link in answer(administrator, "people", **in_palette)
    assert link not in answer(administrator, "", **in_palette)
    assert link not in answer(as_user(people()), "people", **in_palette)


@pytest.mark.parametrize("typed", ["qqxyzzqq", "<script>alert(1)</script>", "%x", "\0q", "x" * 500, "\u202eqq"])
def test_nothing_found_says_so(people: People, as_user: AsUser, typed: str) -> None:
    """Whatever is typed is text: an answer, never an error, nothing of it run."""
    html = answer(as_user(people(Role.MANAGER)), typed)
    assert "<script>alert" not in html
    assert "No hit." in html


@pytest.mark.parametrize("typed", ["'; --", "\0", "%", " ", "a"])
def test_too_little_to_search_for_shows_no_record(people: People, as_user: AsUser, typed: str) -> None:
    """Signs alone are no word, and one letter begins half of all."""
    rep = people()
    create(rep, "Adler", owner=rep)
    assert "Adler" not in answer(as_user(rep), typed)
    assert "Adler" in answer(as_user(rep), "ad")


def test_a_search_costs_few_queries(people: People, as_user: AsUser) -> None:
    """However many hits there are."""
    rep = people()
    houses = create(rep, *[f"Gasthof Nummer {number}" for number in range(9)], owner=rep)
    with acting(rep) as scope:
        for house in houses:
            services.add_contact(scope=scope, customer_id=house.pk, values={"last_name": f"Gasthofer {house.pk}"})
    client = as_user(rep)
    for typed in ("gasthof", "gasthof nummer", "gashtof", "4711"):
        with CaptureQueriesContext(connection) as queries:
            answer(client, typed, **{"HX-Request": "true"})
        assert len(queries) <= QUERY_BUDGET, (typed, [query["sql"][:150] for query in queries])
