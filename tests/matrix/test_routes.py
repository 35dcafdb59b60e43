"""The negative matrix: every route × method × principal; and for each refusal somebody who is let in by the same call."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from crm.core.access import activate, system_scope_for
from customers.choices import FieldType
from customers.models import CustomerFieldValue, FieldDefinition
from organisation.access import enter_sign_in
from tests.conftest import scope_of
from tests.matrix.routes import EXCUSED, EXCUSED_PREFIXES, ROUTES, Row
from tests.matrix.world import CANARY, PRINCIPALS, World, build_world

pytestmark = pytest.mark.django_db

CASES = [(name, row) for name, rows in ROUTES.items() for row in rows]
# What a request may leave behind without having done anything.
NOT_COUNTED = {"django_session", "django_migrations", "django_content_type", "auth_permission"}


def routes(patterns=None, prefix="", namespace="") -> Iterator[tuple[str, str]]:
    """Every named route of the product with its path."""
    for entry in patterns if patterns is not None else get_resolver().url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from routes(entry.url_patterns, path, inner)
        elif isinstance(entry, URLPattern):
            yield f"{namespace}{entry.name}", path


def checksums(world: World) -> dict[str, tuple]:
    """Count and content of every table, as the organisation's system scope sees it."""
    enter_sign_in("")  # else the row of whoever signed in last is seen as well
    with activate(system_scope_for(world.organisation.pk, job="test")), connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = {}
        for name in sorted({row[0] for row in cursor.fetchall()} - NOT_COUNTED):
            cursor.execute(f'SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM "{name}" t')
            found[name] = cursor.fetchone()
        return found


def client_of(world: World, principal: str) -> Client:
    """A client signed in as `principal` this moment, both factors passed."""
    client = Client()
    if principal != "anonymous":
        user = world.people[principal]
        enter_sign_in(str(user.pk))
        client.force_login(user, backend="organisation.backends.MailBackend")
        session = client.session
        session["second_factor"] = True
        session["account_authentication_methods_user"] = str(user.pk)
        session["account_authentication_methods"] = [{"method": "password", "at": time.time(), "reauthenticated": True}]
        session.save()
    return client


def call(world: World, name: str, row: Row, client: Client):
    """The call of a row; its writes are taken back by the caller."""
    url = row.url(name, world)
    if url.startswith("/api/"):
        body = "" if row.method == "GET" else json.dumps(dict(row.data(world)))
        return client.generic(row.method, url, body, content_type="application/json" if body else "")
    return client.get(url) if row.method == "GET" else client.post(url, dict(row.data(world)))


def let_in(response, name: str) -> bool:
    """2xx, or a redirect that is not the way to the sign-in page."""
    if response.status_code >= 400:
        return False
    return not response.headers.get("Location", "").startswith(reverse("account_login"))


def plain(response, pk: int) -> str:
    """The body without what differs at every request: its id, the CSRF token, the number asked for."""
    body = re.sub(r'Token": "\w+"|value="\w{64}"', "", response.content.decode())
    return body.replace(response["X-Request-Id"], "").replace(str(pk), "")


def test_every_route_has_its_row():
    named = dict(routes())
    known = set(ROUTES) | set(EXCUSED)
    missing = {name for name, path in named.items() if name not in known and not path.startswith(EXCUSED_PREFIXES)}
    assert missing == set()
    assert known - set(named) == set(), "stale rows"


@pytest.mark.parametrize(("name", "row"), CASES, ids=[f"{name}-{row.method}" for name, row in CASES])
def test_a_route_lets_in_whom_it_must_and_nobody_else(name, row):
    world = build_world()
    assert row.open_to, "a route that refuses everybody proves nothing"
    before = checksums(world) if row.method != "GET" else None
    wrong = {}
    for principal in PRINCIPALS:
        client = client_of(world, principal)
        with transaction.atomic():
            response = call(world, name, row, client)
            if let_in(response, name) != (principal in row.open_to):
                wrong[principal] = f"{response.status_code} {response.headers.get('Location', '')}"
            if response.status_code >= 500:
                wrong[principal] = "broke"
            if principal not in row.open_to and before is not None and checksums(world) != before:
                wrong[principal] = "refused, but something changed"
            transaction.set_rollback(True)
    assert wrong == {}


def test_a_hidden_record_answers_exactly_as_an_unknown_one():
    world = build_world()
    for principal in ("rep_stranger", "foreign_lead", "foreign_chain_manager", "foreign_administrator"):
        client = client_of(world, principal)
        hidden = client.get(reverse("customers:detail", kwargs={"pk": world.location.pk}))
        unknown = client.get(reverse("customers:detail", kwargs={"pk": 999_999_999}))
        assert hidden.status_code == unknown.status_code == 404
        assert plain(hidden, world.location.pk) == plain(unknown, 999_999_999), principal


def test_restricted_values_reach_only_who_may_read_them():
    world = build_world()
    pages = [
        reverse("customers:detail", kwargs={"pk": world.location.pk}),
        reverse("customers:detail", kwargs={"pk": world.location.pk}) + "?tab=fields",
        reverse("customers:detail", kwargs={"pk": world.location.pk}) + "?tab=history",
        reverse("customers:list") + "?columns=fields.purchase_terms",
        reverse("customers:list") + f"?fields.purchase_terms={CANARY}",
        reverse("customers:list") + f"?q={CANARY}",
    ]
    seen = dict.fromkeys(("rep_owner", "dpo", "manager"), 0)
    for principal in seen:
        client = client_of(world, principal)
        for page in pages:
            body = client.get(page).content.decode()
            # what the asker typed himself comes back in the search field and the problem, never as a value
            seen[principal] += body.replace(f"={CANARY}", "").replace(f'value="{CANARY}"', "").count(CANARY)
    assert seen["rep_owner"] == 0
    assert seen["dpo"] > 0
    assert seen["manager"] > 0


def test_money_of_the_catalogue_reaches_only_who_may_read_money():
    world = build_world()
    amounts = ("7351946", "8462057")  # what it was, and what it is
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        budget = FieldDefinition.objects.create(
            organisation=world.organisation, key="budget", label_de="Etat", label_en="Budget", type=FieldType.MONEY
        )
        row = {"organisation": world.organisation, "customer": world.location, "definition": budget}
        stored = CustomerFieldValue.objects.create(value=int(amounts[0]), **row)
        stored.value = int(amounts[1])
        stored.save()
    detail = reverse("customers:detail", kwargs={"pk": world.location.pk})
    editor = reverse("customers:value", kwargs={"pk": world.location.pk, "key": budget.key})
    pages = [
        detail,
        f"{detail}?tab=fields",
        f"{detail}?tab=history",
        f"{detail}?tab=history&as_of=2099-01-01",
        reverse("customers:list") + "?columns=fields.budget",
        reverse("customers:list") + "?columns=fields.budget&sort=fields.budget",
        f"{editor}?read=1",
    ]
    telling = {}
    for principal in ("dpo", "auditor", "rep_owner", "manager"):
        client = client_of(world, principal)
        # grouped or not, in either language
        bodies = {page: re.sub(r"(?<=\d)[.,\s](?=\d)", "", client.get(page).content.decode()) for page in pages}
        telling[principal] = [page for page, body in bodies.items() if any(amount in body for amount in amounts)]
    assert telling.pop("dpo") == []
    assert telling == dict.fromkeys(("auditor", "rep_owner", "manager"), pages[1:])
    assert client_of(world, "dpo").get(editor).status_code == 404
    found = reverse("customers:list") + f"?fields.budget={amounts[1]}"
    assert world.location.company_name in client_of(world, "auditor").get(found).content.decode()
    assert "budget" not in client_of(world, "dpo").get(detail + "?tab=fields").content.decode().lower()


def test_who_may_not_read_money_may_not_write_it():
    world = build_world()
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        FieldDefinition.objects.create(
            organisation=world.organisation, key="budget", label_de="Etat", label_en="Budget", type=FieldType.MONEY
        )
        definitions = FieldDefinition.objects.filter(key="budget")
        writing = {name: scope_of(world.people[name]) for name in ("dpo", "rep_owner", "manager")}
        writable = {name: definitions.writable_in(scope).exists() for name, scope in writing.items()}
        assert writable == {"dpo": False, "rep_owner": True, "manager": True}


def test_reading_changes_nothing():
    world = build_world()
    client = client_of(world, "administrator")
    before = checksums(world)
    for name, row in CASES:
        if row.method == "GET" and "administrator" in row.open_to:
            call(world, name, row, client)
    assert checksums(world) == before
