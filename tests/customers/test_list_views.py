"""The list of customers through saved views: opened, changed, shared without showing more, first of all lists."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from crm.core.access import activate
from crm.core.errors import Forbidden
from customers import services as customers
from customers.choices import FieldEntity, FieldType, Sensitivity
from customers.models import Customer, FieldDefinition
from organisation import services
from organisation.access import enter_sign_in
from organisation.choices import Role
from organisation.models import SavedView
from tests.conftest import scope_of
from tests.organisation.test_saved_views import act, save

pytestmark = pytest.mark.django_db

PAGE = "/customer-management/customers/"
ALL = "/lists/customers/views/"


def client_of(user) -> Client:
    client = Client()
    enter_sign_in(str(user.pk))
    client.force_login(user, backend="organisation.backends.MailBackend")
    session = client.session
    session["second_factor"] = True
    session.save()
    return client


def customer(owner, name: str, **values) -> Customer:
    made = act(owner, customers.create_customer, values={"company_name": name, "business_type": "HOTEL"})
    if values:
        with transaction.atomic(), activate(scope_of(owner)):
            Customer.objects.filter(pk=made.pk).update(**values)
    return made


def names(response) -> list[str]:
    return [line["name"] for line in response.context["lines"]]


def asked(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def views_of(user) -> list[SavedView]:
    with transaction.atomic(), activate(scope_of(user)) as scope:
        return list(SavedView.objects.visible_to(scope))


@pytest.fixture
def house(people):
    """A manager and two reps, each with a customer at risk and one that is none."""
    manager, rep, colleague = people(Role.MANAGER), people(), people()
    for user, name in ((rep, "Hirsch"), (colleague, "Adler")):
        customer(user, f"{name} in Sorge", status="RISIKO")
        customer(user, f"{name} in Ruhe")
    return manager, rep, colleague


def test_saved_from_the_list_opened_by_a_colleague_with_his_own_rows(house):
    manager, rep, colleague = house
    client = client_of(manager)
    saved = client.post(ALL, {"name": "Sorgen", "query": "status=RISIKO&columns=city,status&density=compact"})
    (view,) = views_of(manager)
    assert saved.status_code == 302
    assert asked(saved["Location"]) == {
        "status": "RISIKO", "columns": "city,status", "density": "compact", "view": str(view.pk)
    }  # fmt: skip
    shown = client.get(saved["Location"])
    assert names(shown) == ["Adler in Sorge", "Hirsch in Sorge"]
    assert [column.key for column in shown.context["state"].columns] == ["name", "city", "status"]
    assert 'data-density="compact"' in shown.content.decode()
    assert [tab["label"] for tab in shown.context["tabs"] if tab["current"]] == ["Sorgen"]
    assert not shown.context["views"].is_changed
    # Not shared: who follows the address sees the same filter by his own rights, and nothing of the view.
    followed = client_of(colleague).get(saved["Location"])
    assert (names(followed), followed.context["views"].active) == (["Adler in Sorge"], None)
    client.post(f"/lists/views/{view.pk}/", {"version": view.version, "name": "Sorgen", "audience": "ORGANISATION"})
    followed = client_of(rep).get(saved["Location"])
    assert (names(followed), followed.context["views"].active.row.pk) == (["Hirsch in Sorge"], view.pk)


def test_changed_saved_and_back(house):
    _manager, rep, _colleague = house
    view = save(rep)
    client = client_of(rep)
    url = client.get(PAGE).context["views"].lines[0].url
    changed = client.get(f"{url}&q=hirsch")
    assert changed.context["views"].is_changed
    assert "View changed" in changed.content.decode()
    query = changed.context["views"].query
    assert not client.get(f"{url}&size=10").context["views"].is_changed
    stale = client.post(f"/lists/views/{view.pk}/state/", {"query": query, "version": 7}, follow=True)
    assert "meanwhile" in stale.content.decode()
    assert [one.state["q"] for one in views_of(rep)] == [""]
    kept = client.post(f"/lists/views/{view.pk}/state/", {"query": query, "version": 1}, follow=True)
    assert (names(kept), kept.context["views"].is_changed) == (["Hirsch in Sorge"], False)
    refused = client.post(ALL, {"name": "sorgen", "query": query})
    assert (refused.status_code, refused.context["form"].errors.keys()) == (422, {"name"})
    faulty = client.post(ALL, {"name": "Andere", "query": "nothing=1"})
    assert faulty.status_code == 422
    assert len(views_of(rep)) == 1


def test_an_opened_view_is_never_changed_by_its_own_address(house):
    _manager, rep, _colleague = house
    status = {"field": "status", "op": "in", "value": ["RISIKO", "PROSPECT"]}
    either = {"or": [{"field": "city", "op": "empty"}, {"field": "postcode", "op": "starts", "value": "1"}]}
    trees = (
        {"and": [either, status]},
        {"and": [status, {"field": "status", "op": "ne", "value": "AKTIV"}, {"not": either}]},
        {
            "and": [
                {"field": "owner", "op": "eq", "value": "me"},
                {"field": "created_at", "op": "within", "value": {"last_days": 30}},
            ]
        },
    )
    for number, tree in enumerate(trees):
        save(rep, name=f"Baum {number}", state={"filter": tree, "sort": "-name", "columns": ["city"]})
    client = client_of(rep)
    lines = client.get(PAGE).context["views"].lines
    assert len(lines) == len(trees)
    for line in lines:
        opened = client.get(line.url).context["views"]
        assert (opened.active.row.pk, opened.is_changed) == (line.row.pk, False)
        assert client.get(f"{line.url}&business_type=HOTEL").context["views"].is_changed


@pytest.fixture
def secret(organisation, house):
    """A field that reps do not read."""
    manager = house[0]
    with transaction.atomic(), activate(scope_of(manager)):
        return FieldDefinition.objects.create(
            organisation=organisation,
            entity=FieldEntity.CUSTOMER,
            key="terms",
            label_de="Konditionen",
            label_en="Terms",
            type=FieldType.TEXT,
            sensitivity=Sensitivity.RESTRICTED,
        )


def test_a_condition_that_is_not_the_readers_shows_no_row_and_tells_nothing_of_it(house, secret):
    manager, rep, _colleague = house
    condition = {"field": "fields.terms", "op": "eq", "value": "Geheimwert"}
    state = {"filter": {"and": [condition, {"field": "status", "op": "eq", "value": "RISIKO"}]}}
    view = save(manager, state=state, audience="ORGANISATION")
    client = client_of(rep)
    line = client.get(PAGE).context["views"].lines[0]
    assert (line.is_refused, line.url) == (True, f"{PAGE}?view={view.pk}")
    for url in (line.url, f"{line.url}&status=PROSPECT", f"{line.url}&after=x"):
        opened = client.get(url)
        assert (opened.status_code, names(opened), opened.context["total"].number) == (200, [], 0)
        page = opened.content.decode()
        assert "cannot be shown" in page
        assert "Geheimwert" not in page
        assert "terms" not in page
    changing = client.get(f"{reverse('customers:bulk', args=['tag'])}?all=1&view={view.pk}")
    assert (changing.status_code, b"cannot be shown" in changing.content) == (403, True)
    with pytest.raises(Forbidden):
        act(rep, services.copy_view, view_id=view.pk)
    allowed = client_of(manager).get(PAGE).context["views"].lines[0]
    assert (allowed.is_refused, "Geheimwert" in allowed.url) == (False, True)
    act(manager, services.set_default, list_key="customers", view_id=view.pk, role="REP")
    assert names(client.get(PAGE)) == ["Hirsch in Ruhe", "Hirsch in Sorge"]


def test_a_column_that_is_not_the_readers_is_told_of(house, secret):
    manager, rep, _colleague = house
    save(manager, state={"columns": ["fields.terms", "city"]}, audience="ORGANISATION")
    client = client_of(rep)
    opened = client.get(client.get(PAGE).context["views"].lines[0].url)
    assert [column.key for column in opened.context["state"].columns] == ["name", "city"]
    assert "not there for this role" in opened.content.decode()
    assert len(names(opened)) == 2
    own = client_of(manager)
    opened = own.get(own.get(PAGE).context["views"].lines[0].url)
    assert "not there for this role" not in opened.content.decode()


def test_a_bare_address_opens_the_default(house):
    manager, rep, _colleague = house
    shared = save(manager, audience="ORGANISATION")
    client = client_of(rep)
    assert client.get(PAGE).status_code == 200
    act(manager, services.set_default, list_key="customers", view_id=shared.pk, role="REP")
    opened = client.get(PAGE)
    assert (opened.status_code, asked(opened["Location"])["status"]) == (302, "RISIKO")
    shown = client.get(opened["Location"])
    assert names(shown) == ["Hirsch in Sorge"]
    whole = client.get(shown.context["views"].whole_url)
    assert (names(whole), whole.status_code) == (["Hirsch in Ruhe", "Hirsch in Sorge"], 200)
    # What leads back to no condition at all does not fall into the default again.
    narrowed = client.get(f"{PAGE}?status=PROSPECT")
    assert asked(narrowed.context["state"].clear_url) == {"view": "all"}
    mine = save(rep, name="Meine", state={"filter": {"field": "status", "op": "eq", "value": "PROSPECT"}})
    client.post("/lists/customers/default/", {"view_id": mine.pk})
    opened = client.get(PAGE)
    assert asked(opened["Location"])["view"] == str(mine.pk)
    assert [line.row.pk for line in client.get(opened["Location"]).context["views"].lines if line.is_default] == [
        mine.pk
    ]
    client.post("/lists/customers/default/", {})
    assert client.get(PAGE).status_code == 200
    client.post("/lists/customers/default/clear/")
    assert asked(client.get(PAGE)["Location"])["view"] == str(shared.pk)
    assert client_of(manager).get(PAGE).status_code == 200
    # One's own default that is no longer shared gives way to the role's.
    other = save(manager, name="Andere", audience="ORGANISATION")
    act(rep, services.set_default, list_key="customers", view_id=other.pk)
    assert asked(client.get(PAGE)["Location"])["view"] == str(other.pk)
    act(manager, services.change_view, view_id=other.pk, audience="PRIVATE")
    assert asked(client.get(PAGE)["Location"])["view"] == str(shared.pk)


def test_columns_are_moved_without_a_script(house):
    _manager, rep, _colleague = house
    client = client_of(rep)
    query = "columns=status&columns=city&columns=owner&status=RISIKO"
    for wish, columns in (
        ("city:up", "city,status,owner"),
        ("status:up", "status,city,owner"),
        ("status:down", "city,status,owner"),
        ("owner:down", "status,city,owner"),
        ("nothing:up", "status,city,owner"),
    ):
        moved = client.get(f"{PAGE}?{query}&move={wish}")
        assert (moved.status_code, asked(moved["Location"])) == (302, {"status": "RISIKO", "columns": columns})
    picker = client.get(f"{PAGE}?columns=owner,city").context["columns"]
    assert [column["key"] for column in picker[:3]] == ["name", "owner", "city"]
    assert [column["shown"] for column in picker[:4]] == [True, True, True, False]


def test_the_page_of_all_views(house):
    manager, rep, _colleague = house
    shared, mine = save(manager, audience="ORGANISATION"), save(rep, name="Meine")
    client = client_of(rep)
    page = client.get(ALL).content.decode()
    assert f"/lists/views/{mine.pk}/delete/" in page
    assert f"/lists/views/{shared.pk}/delete/" not in page
    assert f"/lists/views/{shared.pk}/copy/" in page
    assert client.get(f"/lists/views/{shared.pk}/").status_code == 403
    assert client.post(f"/lists/views/{shared.pk}/pin/", {"pinned": "1"}).status_code == 302
    assert client.post(f"/lists/views/{shared.pk}/move/", {"step": "-1"}).status_code == 302
    assert [line.row.pk for line in client.get(ALL).context["views"].pinned] == [shared.pk, mine.pk]
    copied = client.post(f"/lists/views/{shared.pk}/copy/")
    assert client.get(copied["Location"]).status_code == 200
    assert (
        client.post(f"/lists/views/{mine.pk}/", {"version": 1, "name": "Neu", "audience": "ORGANISATION"}).status_code
        == 422
    )
    assert client.post(f"/lists/views/{mine.pk}/delete/", {"version": 1}).status_code == 302
    assert client.get(f"/lists/views/{mine.pk}/").status_code == 404
    assert client.get("/lists/nothing/views/").status_code == 404
    deciding = client_of(manager)
    assert deciding.post(f"/lists/views/{shared.pk}/roles/", {"role": "REP", "on": "1"}).status_code == 302
    assert client.get(PAGE).status_code == 302
    assert deciding.post(f"/lists/views/{shared.pk}/roles/", {"role": "REP"}).status_code == 302
    assert client.get(PAGE).status_code == 200
    assert client.post(f"/lists/views/{shared.pk}/roles/", {"role": "REP", "on": "1"}).status_code == 403


def test_an_order_that_is_not_the_readers_is_told_of(house, people):
    manager, rep, _colleague = house
    save(manager, state={"sort": "-expected_volume", "columns": ["expected_volume"]}, audience="ORGANISATION")
    client = client_of(people(Role.DPO))
    opened = client.get(client.get(PAGE).context["views"].lines[0].url)
    assert opened.context["state"].sort.column == "name_key"
    page = client.get(PAGE + "?" + urlsplit(opened.context["views"].active.url).query).content.decode()
    assert "the usual order holds" in page
    own = client_of(rep)
    opened = own.get(own.get(PAGE).context["views"].lines[0].url)
    assert opened.context["state"].sort.column == "expected_volume_cents"
    assert "the usual order holds" not in opened.content.decode()
