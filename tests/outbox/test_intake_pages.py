"""Pages Connections and Inbox: set-up to activation, secrets never shown, replay, dry run, dismissal, what is masked."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from crm.core.access import system_scope
from outbox.choices import InboxState
from outbox.intake_figures import figures
from outbox.models import Connection, ConnectionCheck, Credential, Event, InboxEvent, InboxRequest, RemoteEvent
from outbox.processing import take_in
from outbox.services import inbox
from outbox.services.intake import forget_old
from tests.outbox.intake import envelope, kept, make_connection, requests, rows, secret, send
from tests.outbox.models import Effect

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def open_door():
    """No test finds the door shut by another one; names of fields are English."""
    cache.clear()
    with translation.override("en"):
        yield


@pytest.fixture
def admin(people, as_user):
    return as_user(people("ADMINISTRATOR"))


@pytest.fixture
def made(organisation):
    return make_connection(organisation)


def receive(made, *events):
    """Let these come in and be applied; their rows."""
    for event in events:
        assert send(made, event, client=Client()).status_code == 202
    take_in(made.organisation_id, made.pk)
    return rows(made)


def page(client, name, status=200, **arguments):
    answer = client.get(reverse(f"intake:{name}", kwargs=arguments))
    assert answer.status_code == status
    return answer.content.decode()


def press(client, name, data=None, **arguments):
    return client.post(reverse(f"intake:{name}", kwargs=arguments), data or {})


def test_from_nothing_to_the_first_message(organisation, admin):
    assert "No connection yet" in page(admin, "connections")
    new = reverse("intake:create_connection") + "?provider=freshplan"
    assert "Types to keep" in admin.get(new).content.decode()
    answer = admin.post(new, {"label": "Nord", "base_url": "", "option_types": "customer.*"})
    with system_scope(organisation.pk, job="test"):
        made = Connection.objects.get()
    assert answer["Location"] == reverse("intake:connection", kwargs={"pk": made.pk})
    shown = page(admin, "connection", pk=made.pk)
    assert f"http://testserver/webhooks/freshplan/{made.key}/" in shown

    press(admin, "connection_activate", pk=made.pk)
    assert "A secret is missing" in page(admin, "connection", pk=made.pk)
    refused = press(admin, "connection_secret", {"signing_secret-value": "short"}, pk=made.pk, kind="signing_secret")
    assert (refused.status_code, "begins with whsec_" in refused.content.decode()) == (422, True)
    press(admin, "connection_secret", {"signing_secret-value": secret()}, pk=made.pk, kind="signing_secret")
    press(admin, "connection_activate", pk=made.pk)
    with system_scope(organisation.pk, job="test"):
        assert Connection.objects.get().state == "ACTIVE"
    receive(made, envelope(1), envelope(2, kind="order.created"))
    shown = page(admin, "connection", pk=made.pk)
    assert "Not used 1" in " ".join(shown.split())
    assert "customer.created" in page(admin, "remote_events", pk=made.pk)


def test_a_secret_is_never_shown_again(organisation, admin, made):
    press(admin, "connection_secret", {"signing_secret-value": secret("n")}, pk=made.pk, kind="signing_secret")
    shown = page(admin, "connection", pk=made.pk)
    for one in (secret(), secret("n")):
        assert one not in shown
        assert one[6:20] not in shown
        assert f"…{one[-4:]}" in shown
    with system_scope(organisation.pk, job="test"):
        coming = Credential.objects.get(role="NEXT")
    press(admin, "connection_secret_end", pk=made.pk, credential_id=coming.pk)
    assert secret("n")[-4:] not in page(admin, "connection", pk=made.pk)


def test_pausing_asks_why_and_the_page_says_so(admin, made):
    assert press(admin, "connection_pause", {"reason": " "}, pk=made.pk).status_code == 422
    assert press(admin, "connection_pause", {"reason": "Umzug im Norden"}, pk=made.pk).status_code == 302
    shown = page(admin, "connection", pk=made.pk)
    assert "Umzug im Norden" in shown
    assert "Resume" in shown
    press(admin, "connection_activate", pk=made.pk)
    assert "Umzug im Norden" not in page(admin, "connection", pk=made.pk)


def test_settings_are_changed_and_a_stale_page_is_told(admin, made):
    values = {"label": "Nordost", "base_url": "", "option_types": "order.*", "version": made.version}
    assert press(admin, "connection", values, pk=made.pk).status_code == 302
    stale = press(admin, "connection", values, pk=made.pk)
    assert (stale.status_code, "meanwhile" in stale.content.decode()) == (422, True)
    wrong = press(admin, "connection", values | {"version": made.version + 1, "option_types": "<b>"}, pk=made.pk)
    assert (wrong.status_code, "Types such as" in wrong.content.decode()) == (422, True)


def test_a_test_is_awaited_and_its_answer_shown(organisation, admin, settings):
    settings.PRIVATE_HOSTS = frozenset({"127.0.0.1:9"})
    made = make_connection(organisation, base_url="http://127.0.0.1:9")
    press(admin, "connection_test", pk=made.pk)
    assert "every 1s" in page(admin, "connection_check", pk=made.pk)
    with system_scope(organisation.pk, job="test") as scope:
        ConnectionCheck.objects.update(
            due_at=None, checked_at=scope.now, result="AWAY", milliseconds=3_000, succeeded_at=scope.now
        )
    shown = page(admin, "connection_check", pk=made.pk)
    assert "every 1s" not in shown
    assert "Does not answer" in shown
    assert "last success" in shown


def test_deleting_asks_for_a_pause_first(admin, made):
    press(admin, "connection_delete", pk=made.pk)
    assert "Pause the connection first" in page(admin, "connection", pk=made.pk)
    press(admin, "connection_pause", {"reason": "Schluss"}, pk=made.pk)
    assert press(admin, "connection_delete", pk=made.pk)["Location"] == reverse("intake:connections")
    page(admin, "connection", status=404, pk=made.pk)


# Inbox


def test_the_inbox_is_filtered_by_all_that_its_form_asks(organisation, admin, made):
    assert "Nothing came in yet" in page(admin, "inbox")
    other = make_connection(organisation)
    receive(made, envelope(1), envelope(2, kind="order.created", subject="order/4"))
    receive(other, envelope(3, crmposition="x"))
    today = timezone.now().date()

    def found(query):
        answer = admin.get(reverse("intake:inbox") + f"?{query}")
        assert answer.status_code == 200
        return [event.type for event in answer.context["rows"]]

    assert sorted(found("")) == ["customer.created", "customer.created", "order.created"]
    assert found(f"connection={other.pk}") == ["customer.created"]
    assert found("state=DEAD") == ["customer.created"]
    assert found("type=order.created") == ["order.created"]
    assert found("subject=order/4") == ["order.created"]
    assert len(found(f"received={today - timedelta(days=1)}..{today + timedelta(days=1)}")) == 3
    assert found(f"received=..{today - timedelta(days=2)}") == []
    assert "No message matches" in admin.get(reverse("intake:inbox") + "?subject=none/1").content.decode()
    assert "alert" in admin.get(reverse("intake:inbox") + "?state=NOTHING").content.decode()


def test_a_message_shows_what_came_and_what_became_of_it(admin, made):
    (event,) = receive(made, envelope(1, data={"customer_id": 7, "note": "Kanarienwert"}))
    shown = page(admin, "inbox_event", pk=event.pk)
    for text in ("customer/7", "Kanarienwert", "webhook-id", "In use", "Done"):
        assert text in shown, text


def test_a_manager_sees_no_text_of_the_body(people, as_user, made):
    (event,) = receive(made, envelope(1, data={"customer_id": 7, "note": "Kanarienwert"}))
    shown = page(as_user(people("MANAGER")), "inbox_event", pk=event.pk)
    assert "Kanarienwert" not in shown
    assert "•••" in shown
    assert "customer.created" in shown
    assert "&quot;customer_id&quot;: 7" in shown


def test_applying_again_changes_nothing_where_it_was_applied(admin, made):
    (event,) = receive(made, envelope(1))
    before = [(row.pk, row.kept_at) for row in kept(made)]
    assert press(admin, "inbox_replay", {"ids": event.pk, "back": event.pk}).status_code == 302
    assert rows(made)[0].replays == 0, "not without a reason"
    press(admin, "inbox_replay", {"ids": event.pk, "back": event.pk, "reason": "Nachgesehen"})
    assert rows(made)[0].state == InboxState.NEW
    take_in(made.organisation_id, made.pk)
    (row,) = rows(made)
    assert (row.state, row.replays, row.attempts, row.note) == ("DONE", 1, 1, "Nachgesehen")
    assert row.acted_by.startswith("user:")
    assert [(one.pk, one.kept_at) for one in kept(made)] == before


def test_what_was_not_used_is_kept_once_its_type_is_wanted(organisation, admin):
    made = make_connection(organisation, options={"types": "order.*"})
    events = receive(made, envelope(1), envelope(2))
    assert kept(made) == []
    press(admin, "connection", {"label": "Nord", "option_types": "*", "version": made.version}, pk=made.pk)
    press(admin, "inbox_replay", {"ids": [one.pk for one in events], "reason": "Jetzt gebraucht"})
    take_in(organisation.pk, made.pk)
    assert len(kept(made)) == 2


def test_what_is_in_work_or_forgotten_is_not_applied_again(organisation, admin, made):
    (event,) = receive(made, envelope(1))
    with system_scope(organisation.pk, job="test"):
        InboxEvent.objects.update(state="RUNNING")
    press(admin, "inbox_replay", {"ids": event.pk, "reason": "noch einmal"})
    with system_scope(organisation.pk, job="test"):
        assert InboxEvent.objects.get().state == "RUNNING"
        InboxEvent.objects.update(state="DONE")
        InboxRequest.objects.update(body=None)
    press(admin, "inbox_replay", {"ids": event.pk, "reason": "noch einmal"})
    assert rows(made)[0].state == "DONE"
    shown = page(admin, "inbox_event", pk=event.pk)
    assert "forgotten" in shown


def test_a_dead_message_is_dismissed_with_a_reason_and_a_done_one_is_not(admin, made):
    done, dead = receive(made, envelope(1), envelope(2, crmposition="x"))
    press(admin, "inbox_dismiss", {"reason": "erledigt"}, pk=done.pk)
    press(admin, "inbox_dismiss", {"reason": ""}, pk=dead.pk)
    assert [row.state for row in rows(made)] == ["DONE", "DEAD"]
    press(admin, "inbox_dismiss", {"reason": "Versuch des Anbieters"}, pk=dead.pk)
    row = rows(made)[1]
    assert (row.state, row.reason, row.note) == ("IGNORED", "DISMISSED", "Versuch des Anbieters")
    assert "Versuch des Anbieters" in page(admin, "inbox_event", pk=dead.pk)


# Dry run


@pytest.fixture
def probe(organisation):
    from outbox.services import connections

    one = make_connection(organisation, provider="probe")
    with system_scope(organisation.pk, job="test") as scope:
        connections.set_credential(scope=scope, connection_id=one.pk, kind="word", value="please")
    return one


def tell(probe, do):
    body = json.dumps([{"key": f"{do}-1", "do": do, "subject": "1", "number": 4}]).encode()
    answer = Client().post(
        f"/webhooks/probe/{probe.key}/", data=body, content_type="application/json", headers={"x-word": "please"}
    )
    assert answer.status_code == 202
    take_in(probe.organisation_id, probe.pk)
    return rows(probe)[-1]


def everything(organisation):
    with system_scope(organisation.pk, job="test"):
        return [
            list(model.objects.order_by("pk").values()) for model in (Effect, RemoteEvent, InboxEvent, InboxRequest)
        ] + [Event.objects.count()]


@pytest.mark.parametrize(
    ("do", "state", "reason", "error", "changes"),
    [
        ("count", "DONE", "", "", 1),
        ("ignore", "IGNORED", "TYPE_NOT_USED", "", 0),
        ("wait", "WAITING", "UNKNOWN_OBJECT", "", 0),
        ("rule", "DEAD", "REFUSED_BY_RULE", "", 0),
        ("break", "RETRY", "", "LookupError", 0),
    ],
)
def test_a_dry_run_tells_and_leaves_nothing(organisation, probe, do, state, reason, error, changes):
    event = tell(probe, do)
    with system_scope(organisation.pk, job="test"):
        Effect.objects.all()._raw_delete("default")
    before = everything(organisation)
    with system_scope(organisation.pk, job="test") as scope:
        result = inbox.dry_run(scope=scope, event_id=event.pk)
    assert (result.state, result.reason, result.error, len(result.rows)) == (state, reason, error, changes)
    assert everything(organisation) == before


def test_a_dry_run_shows_rows_events_and_what_else_was_written(organisation, probe):
    elsewhere, published = tell(probe, "elsewhere"), tell(probe, "publish")
    with system_scope(organisation.pk, job="test") as scope:
        RemoteEvent.objects.all()._raw_delete("default")
        Effect.objects.all()._raw_delete("default")
        first = inbox.dry_run(scope=scope, event_id=elsewhere.pk)
        second = inbox.dry_run(scope=scope, event_id=published.pk)
    assert [(row.kind, {name: new for name, _old, new in row.fields}["number"]) for row in first.rows] == [("+", "4")]
    assert first.tables == [("outbox_remoteevent", 1)]
    assert (second.tables, [(kind, subject) for kind, subject, _data in second.events]) == (
        [],
        [("probe.happened", "probe/1")],
    )


def test_a_dry_run_has_the_time_that_is_chosen(organisation, made):
    (event,) = receive(made, envelope(1))
    with system_scope(organisation.pk, job="test") as scope:
        RemoteEvent.objects.all()._raw_delete("default")
        now = timezone.datetime(2026, 3, 1, 8, tzinfo=timezone.get_current_timezone())
        for given, expected in ((None, event.received_at), (now, now)):
            (row,) = inbox.dry_run(scope=scope, event_id=event.pk, now=given).rows
            assert {name: new for name, _old, new in row.fields}["kept"] == str(expected)


def test_the_page_shows_a_dry_run(organisation, admin, made):
    (event,) = receive(made, envelope(1))
    with system_scope(organisation.pk, job="test"):
        RemoteEvent.objects.all()._raw_delete("default")
    shown = press(admin, "inbox_dry_run", {"now": "2026-03-01T08:00"}, pk=event.pk).content.decode()
    assert "What applying it would do" in shown
    assert "/organisations/nord" in shown
    assert "2026-03-01 07:00:00+00:00" in shown, "08:00 on the clock of the organisation"
    assert kept(made) == []
    assert press(admin, "inbox_dry_run", {"now": "soon"}, pk=event.pk).status_code == 422


# Figures, forgetting


def test_received_is_the_sum_of_its_states(organisation, made):
    receive(made, envelope(1), envelope(1), envelope(2, kind="freshplan.ping"), envelope(3, crmposition="x"))
    send(made, envelope(4))
    send(made, envelope(5), secrets=[secret("z")])
    with system_scope(organisation.pk, job="test") as scope:
        told = figures(scope, made.pk)
    assert (told.received, told.repeats, told.open, told.dead) == (4, 1, 1, 1)
    assert told.received == sum(told.states.values())
    assert told.states == {"DONE": 1, "IGNORED": 1, "DEAD": 1, "NEW": 1}
    assert told.refusals == {"BAD_SIGNATURE": 1}


def test_bodies_are_forgotten_after_30_days_and_keys_stay_against_late_repeats(organisation, made, owner_db):
    receive(made, envelope(1))
    send(made, envelope(2))

    def age(days):
        with system_scope(organisation.pk, job="test", now=timezone.now() + timedelta(days=days)) as scope:
            return forget_old(scope=scope)

    assert age(29) == 0
    assert age(31) == 1, "what was never applied keeps its body"
    first, second = requests(made)
    assert (first.body, first.headers, first.address, second.body is None) == (None, {}, None, False)
    assert send(made, envelope(1)).status_code == 202
    assert len(requests(made)) == 2
    assert age(401) == 0
    assert [row.pk for row in requests(made)] == [second.pk]
