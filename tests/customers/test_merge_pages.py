"""The pages of a merge: the choice of the other account, the comparison, the refusals, the way back; and the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from customers import services
from customers.models import Contact, Customer
from jobs.models import ChangeSet
from organisation.models import User
from tests.customers.test_merging import merge
from tests.customers.test_record_pages import page, send
from tests.customers.test_status import acting, made

People = Callable[..., User]
SignIn = Callable[[User], Client]
pytestmark = pytest.mark.django_db


def form_of(winner: Customer, loser: Customer, **choices: str) -> dict[str, Any]:
    """What the page sends."""
    return {
        "with": loser.pk,
        "winner_version": winner.version,
        "loser_version": loser.version,
        **{f"choose.{name}": side for name, side in choices.items()},
    }


def test_from_the_menu_to_the_merge_and_back(as_user: SignIn, people: People) -> None:
    """The twin is offered, the filled value is marked, the chosen one is kept, the old address leads on; then all back."""
    rep = people()
    winner, loser = made(rep, email="alt@example.org"), made(rep, email="neu@example.org", legal_form="GmbH")
    with acting(rep) as scope:
        services.add_contact(scope=scope, customer_id=loser.pk, values={"last_name": "Huber"})
    client = as_user(rep)
    address = f"/customer-management/customers/{winner.pk}/merge/"
    assert address in page(client, "detail", winner.pk).content.decode()
    assert f'href="?with={loser.pk}"' in page(client, "merge", winner.pk).content.decode()
    shown = page(client, "merge", winner.pk, query=f"?with={loser.pk}").content.decode()
    assert 'name="choose.legal_form" value="loser" checked' in shown
    assert "choose.company_name" not in shown, "the same in both"
    assert "Contacts" in shown
    answer = send(client, "merge", winner.pk, data=form_of(winner, loser, email="winner"))
    assert (answer.status_code, answer["Location"]) == (302, f"/customer-management/customers/{winner.pk}/")
    old = page(client, "detail", loser.pk)
    assert (old.status_code, old["Location"]) == (302, f"/customer-management/customers/{winner.pk}/")
    told = page(client, "detail", winner.pk, query="?tab=history").content.decode()
    assert "Merged into" in told
    assert "GmbH" in told, "what the other one was before"
    with acting(rep):
        kept = Customer.objects.get(pk=winner.pk)
        assert (kept.email, kept.legal_form) == ("alt@example.org", "GmbH")
        assert Contact.objects.get(last_name="Huber").customer_id == winner.pk
        merge_id = ChangeSet.objects.get(kind="merge").pk
    undo = f"/customer-management/customers/merges/{merge_id}/undo/"
    assert undo in told, "the toast on the first page offers it"
    assert send(client, "unmerge", merge_id).status_code == 302
    assert page(client, "detail", loser.pk).status_code == 200
    again = send(client, "unmerge", merge_id)
    assert again["Location"].endswith(f"/{merge_id}/")


def test_search_for_the_other_one(as_user: SignIn, people: People) -> None:
    """By the beginning of a word or by number; the account itself and a colleague's are not offered."""
    rep, colleague = people(), people()
    winner = made(rep, company_name="Lindenhof")
    other, hidden = made(rep, company_name="Bergstube"), made(colleague, company_name="Bergstube geheim")
    client = as_user(rep)
    for words in ("bergst", other.customer_number):
        found = page(client, "merge", winner.pk, query=f"?q={words}").content.decode()
        assert f"?with={other.pk}" in found
        assert f"?with={hidden.pk}" not in found
    assert "Nobody has this name" in page(client, "merge", winner.pk, query="?q=xyz").content.decode()


def test_a_stale_comparison_is_shown_anew_with_the_choice(as_user: SignIn, people: People) -> None:
    """409 with the reason; what was marked stays marked; sent again it is done."""
    rep = people()
    winner, loser = made(rep, email="alt@example.org"), made(rep, email="neu@example.org")
    sent = form_of(winner, loser, email="winner")
    with acting(rep) as scope:
        services.update_customer(scope=scope, customer_id=loser.pk, changes={"legal_form": "GmbH"})
    client = as_user(rep)
    refused = send(client, "merge", winner.pk, data=sent)
    assert refused.status_code == 409
    text = refused.content.decode()
    assert "changed meanwhile" in text
    assert 'name="choose.email" value="winner" checked' in text
    with acting(rep):
        fresh = Customer.objects.get(pk=loser.pk)
    assert send(client, "merge", winner.pk, data=form_of(winner, fresh, email="winner")).status_code == 302


def test_a_hidden_account_is_unknown_to_the_pages(as_user: SignIn, people: People) -> None:
    """On either side, before and after; who may only read one is told who can help."""
    rep, colleague, manager = people(), people(), people("MANAGER")
    own, hidden = made(rep), made(colleague)
    client = as_user(rep)
    assert page(client, "merge", hidden.pk).status_code == 404
    assert page(client, "merge", own.pk, query=f"?with={hidden.pk}").status_code == 404
    assert send(client, "merge", own.pk, data=form_of(own, hidden)).status_code == 404
    with acting(manager) as scope:
        services.give_grant(scope=scope, customer_id=hidden.pk, user_id=rep.pk, level="view")
    assert page(client, "merge", own.pk, query=f"?with={hidden.pk}").status_code == 403
    with acting(manager) as scope:
        services.revoke_grant(scope=scope, customer_id=hidden.pk, user_id=rep.pk)
    other = made(colleague)
    merged = merge(colleague, hidden, other)
    assert page(client, "detail", other.pk).status_code == 404
    assert send(client, "unmerge", merged.change_set_id).status_code == 404


def test_by_the_api(as_user: SignIn, people: People) -> None:
    """Merge, redirect, undo; a stale version is 409, a hidden side 404."""
    rep, colleague = people(), people()
    winner, loser, hidden = made(rep), made(rep, email="neu@example.org"), made(colleague)
    client = as_user(rep)
    body = {"winner_id": winner.pk, "loser_id": loser.pk, "winner_version": 1, "loser_version": 1}

    def post(address: str, data: dict[str, Any]) -> Any:
        return client.post(address, data, content_type="application/json")

    assert post("/api/merges/", body | {"loser_version": 7}).status_code == 409
    assert post("/api/merges/", body | {"loser_id": hidden.pk}).status_code == 404
    assert post("/api/merges/", body | {"choices": {"nothing": "loser"}}).status_code == 400
    made_now = post("/api/merges/", body | {"choices": {"email": "loser"}})
    assert made_now.status_code == 201, made_now.content
    answer = made_now.json()
    assert (answer["customer"]["id"], answer["customer"]["email"]) == (winner.pk, "neu@example.org")
    moved = client.get(f"/api/customers/{loser.pk}/")
    assert (moved.status_code, moved["Location"]) == (307, f"/api/customers/{winner.pk}/")
    assert client.get(f"/api/customers/{hidden.pk}/").status_code == 404
    undone = post(f"/api/merges/{answer['id']}/undo/", {})
    assert undone.status_code == 200, undone.content
    assert undone.json()["skipped"] == []
    assert client.get(f"/api/customers/{loser.pk}/").status_code == 200
    assert post(f"/api/merges/{answer['id']}/undo/", {}).status_code == 409
