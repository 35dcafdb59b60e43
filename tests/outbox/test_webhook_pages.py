"""The pages of webhooks: every state is shown, every button does what it says, a secret is seen once."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.urls import reverse

from crm.core.access import activate, system_scope_for
from organisation.choices import Role
from outbox.choices import SubscriptionState
from outbox.models import Dispatch, Replay, Subscription, SubscriptionSecret
from tests.matrix.webhooks import HOOK, build_webhooks

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(people):
    """Who manages webhooks."""
    return people(Role.ADMINISTRATOR)


@pytest.fixture
def page(as_user, administrator):
    """A client signed in as the administrator."""
    return as_user(administrator)


@pytest.fixture
def built(organisation, administrator):
    """One that runs, one that is paused with a message and a replay."""
    with transaction.atomic(), activate(system_scope_for(organisation.pk, job="test")):
        return build_webhooks(organisation, administrator)


@pytest.fixture
def now(organisation):
    """`now(model, **filters)`: the row as it is."""

    def read(model, **filters):
        with transaction.atomic(), activate(system_scope_for(organisation.pk, job="test")):
            return model.objects.get(**filters)

    return read


def url(name, *subscription, **more):
    return reverse(f"webhooks:{name}", kwargs={"pk": subscription[0].pk, **more} if subscription else {})


def text_of(response):
    return response.content.decode()


def test_without_any_the_list_says_what_they_are_for(page):
    assert "No webhook yet" in text_of(page.get(url("list")))


def test_the_list_shows_state_backlog_and_figures(page, built):
    text = text_of(page.get(url("list")))
    for word in ("Laden", "Lager", "Active", "Paused", "0%", HOOK):
        assert word in text, word


def test_a_new_webhook_shows_its_secret_once(page, now):
    response = page.post(url("create"), {"name": "Neu", "url": HOOK, "types": ["customer.*"], "max_per_second": 5})
    made = now(Subscription, name="Neu")
    assert response.url == url("webhook", made)
    secret = now(SubscriptionSecret, subscription=made)
    first, second = text_of(page.get(response.url)), text_of(page.get(response.url))
    assert "whsec_" in first
    assert f'{secret.tail}"' in first
    assert "whsec_" not in second.replace("strlen(&#x27;whsec_&#x27;)", "")
    assert made.state == SubscriptionState.PAUSED


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"url": "https://127.0.0.1/"}, "public addresses"),
        ({"url": "http://8.8.8.8/"}, "https://"),
        ({"types": []}, "required"),
        ({"max_per_second": 500}, "100"),
    ],
)
def test_a_wrong_value_is_said_at_its_field(page, values, words):
    given = {"name": "Neu", "url": HOOK, "types": ["customer.*"], "max_per_second": 5} | values
    response = page.post(url("create"), given)
    assert response.status_code == 422
    assert words in text_of(response)


def test_the_page_of_one_shows_messages_figures_and_a_recipe(page, built):
    text = text_of(page.get(url("webhook", built.paused)))
    for word in (
        "customer.created",
        "customer/1",
        "Given up",
        "standardwebhooks",
        "hash_equals",
        "1 event is being sent",
    ):
        assert word in text, word
    page.post(url("stop_replay", built.paused, replay_id=built.replay.pk))
    assert "1 message was given up" in text_of(page.get(url("webhook", built.paused)))
    at = url("message", built.paused, message_id=built.message.pk)
    for query, is_shown in (("", True), ("?state=DEAD", True), ("?state=DONE", False), ("?before=1", False)):
        assert (at in text_of(page.get(url("webhook", built.paused) + query))) == is_shown, query


def test_a_message_shows_each_attempt_with_the_answer(page, built):
    text = text_of(page.get(url("message", built.paused, message_id=built.message.pk)))
    for word in ("500", "12 ms", ">no<", "Refused by its status", str(built.message.event.event_id)):
        assert word in text, word


def test_pause_resume_test_rotate_end_replay_stop_and_delete(page, built, now):
    page.post(url("pause", built.running))
    assert now(Subscription, pk=built.running.pk).state == SubscriptionState.PAUSED
    page.post(url("resume", built.running), {"choice": "stop"})
    assert now(Subscription, pk=built.running.pk).state == SubscriptionState.ACTIVE
    assert "on its way" in text_of(page.post(url("test", built.running), follow=True))
    assert "whsec_" in text_of(page.post(url("rotate", built.running), follow=True))
    assert "still signs" in text_of(page.post(url("rotate", built.running), follow=True))
    page.post(url("end_secret", built.running))
    assert now(SubscriptionSecret, subscription=built.running).role == "CURRENT"
    page.post(url("stop_replay", built.paused, replay_id=built.replay.pk))
    assert now(Replay, pk=built.replay.pk).state == "STOPPED"
    assert "1 event would be" in text_of(
        page.post(url("replay", built.paused), {"only": "dead", "dry_run": "on"}, follow=True)
    )
    none = "No event matches"
    for chosen, says in (
        ({"types": "customer.*"}, "1 event would be"),
        ({"types": "user.*"}, none),
        ({"subject": "customer/2"}, none),
    ):
        counted = page.post(url("replay", built.paused), {"only": "dead", "dry_run": "on"} | chosen, follow=True)
        assert says in text_of(counted), chosen
    assert "customer/123" in text_of(page.post(url("replay", built.paused), {"subject": "x"}, follow=True))
    page.post(url("replay", built.paused), {"only": "dead"})
    assert now(Dispatch, pk=built.message.pk).state == "WAITING"
    page.post(url("delete", built.paused))
    with pytest.raises(Subscription.DoesNotExist):
        now(Subscription, pk=built.paused.pk)


def test_resuming_since_needs_an_instant(page, built):
    assert "Choose a day" in text_of(page.post(url("resume", built.paused), {"choice": "since"}, follow=True))


def test_it_may_hear_only_of_some_kinds_of_records(page, built, now):
    values = {"name": "Neu", "url": HOOK, "types": ["customer.*"], "subject_kinds": ["customer"], "max_per_second": 5}
    page.post(url("create"), values)
    made = now(Subscription, name="Neu")
    assert made.subject_kinds == ["customer"]
    assert "only about customer" in text_of(page.get(url("webhook", made)))
    page.post(url("change", made), values | {"subject_kinds": [], "version": made.version})
    assert now(Subscription, name="Neu").subject_kinds == []
    assert page.post(url("create"), values | {"name": "Alt", "subject_kinds": ["nothing"]}).status_code == 422


def test_it_may_hear_only_of_some_accounts(page, built, now, administrator):
    where = f'{{"field": "owner", "op": "eq", "value": {administrator.pk}}}'
    values = {"name": "Neu", "url": HOOK, "types": ["customer.*"], "where": where, "max_per_second": 5}
    page.post(url("create"), values)
    made = now(Subscription, name="Neu")
    assert made.where == {"field": "owner", "op": "eq", "value": administrator.pk}
    assert "Only about accounts that meet" in text_of(page.get(url("webhook", made)))
    assert "&quot;owner&quot;" in text_of(page.get(url("change", made)))
    page.post(url("change", made), values | {"where": "", "version": made.version})
    assert now(Subscription, name="Neu").where == {}
    for wrong in ("no json", '{"field": "status", "op": "eq", "value": "AKTIV"}', "3"):
        assert page.post(url("create"), values | {"name": "Alt", "where": wrong}).status_code == 422


def test_a_manager_reads_no_bodies(as_user, people, page, built):
    at = url("message", built.paused, message_id=built.message.pk)
    whole, read = text_of(page.get(at)), text_of(as_user(people(Role.MANAGER)).get(at))
    for body in (">no<", ">{}<"):
        assert body in whole
        assert body not in read
    assert "12 ms" in read


def test_a_manager_reads_and_has_no_buttons(as_user, people, built):
    client = as_user(people(Role.MANAGER))
    text = text_of(client.get(url("webhook", built.running)))
    assert "Laden" in text
    assert url("delete", built.running) not in text
    assert client.post(url("pause", built.running)).status_code == 403


def test_what_was_changed_meanwhile_is_not_overwritten(page, built):
    values = {"name": "Anders", "url": HOOK, "types": ["customer.*"], "max_per_second": 5, "version": 7}
    response = page.post(url("change", built.running), values)
    assert response.status_code == 422
    assert "meanwhile" in text_of(response)
