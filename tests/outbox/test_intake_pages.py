"""Pages Connections and Inbox: set-up to activation, secrets never shown, replay, dry run, dismissal, what is masked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.signals import got_request_exception
from django.db import connection as database
from django.urls import reverse
from django.utils import timezone
from django.views.debug import SafeExceptionReporterFilter

from crm.core.access import system_scope
from outbox.choices import InboxState
from outbox.models import (
    Connection,
    ConnectionCheck,
    Credential,
    Event,
    InboxEvent,
    InboxRequest,
)
from outbox.processing import take_in
from outbox.services import connections
from tests.outbox.intake import envelope, kept, make_connection, page, press, receive, rows, secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_door", "in_english")]


@pytest.fixture
def made(organisation):
    return make_connection(organisation)


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


def test_a_secret_that_ran_out_is_not_live_and_leaves_room_for_the_next(organisation, admin, made):
    with system_scope(organisation.pk, job="test") as scope:
        coming = connections.set_credential(
            scope=scope, connection_id=made.pk, kind="signing_secret", value=secret("n")
        )
        connections.promote_credential(scope=scope, credential_id=coming.pk)
        Credential.objects.filter(role="PREVIOUS").update(valid_until=scope.now - timedelta(minutes=1))
    shown = page(admin, "connection", pk=made.pk)
    assert "Running out" not in shown
    assert "Rotate" in shown


def test_a_secret_is_hidden_in_every_report_of_an_error(admin, made, monkeypatch):
    """Whatever name the form gives its field."""

    def fails(**_values):
        raise LookupError

    monkeypatch.setattr(connections, "set_credential", fails)
    told = []
    got_request_exception.connect(lambda request, **_more: told.append(request), weak=False, dispatch_uid="test")
    admin.raise_request_exception = False
    try:
        press(admin, "connection_secret", {"signing_secret-value": secret()}, pk=made.pk, kind="signing_secret")
    finally:
        got_request_exception.disconnect(dispatch_uid="test")
    shown = dict(SafeExceptionReporterFilter().get_post_parameters(told[0]))
    assert "signing_secret-value" in shown
    assert secret() not in str(shown)


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


def test_what_a_message_caused_is_found_by_an_index(organisation):
    """The log of events only grows; opening a message must not read it."""
    with system_scope(organisation.pk, job="test") as scope, database.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = Event.objects.visible_to(scope).filter(cause="inbox:7").order_by("pk")[:50].explain()
    assert "event_by_cause" in plan


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
    press(admin, "inbox_dismiss", {"ids": done.pk, "reason": "erledigt"})
    press(admin, "inbox_dismiss", {"ids": dead.pk, "reason": ""})
    assert [row.state for row in rows(made)] == ["DONE", "DEAD"]
    answer = press(admin, "inbox_dismiss", {"ids": dead.pk, "back": dead.pk, "reason": "Versuch des Anbieters"})
    assert answer["Location"] == reverse("intake:inbox_event", kwargs={"pk": dead.pk})
    row = rows(made)[1]
    assert (row.state, row.reason, row.note) == ("IGNORED", "DISMISSED", "Versuch des Anbieters")
    shown = page(admin, "inbox_event", pk=dead.pk)
    assert "Versuch des Anbieters" in shown
    assert "user:" not in shown, "a name, no number"


def test_all_that_the_filter_leaves_is_applied_again_with_its_number_first(organisation, admin, made):
    receive(made, envelope(1), envelope(2, crmposition="x"), envelope(3, crmposition="x"))
    plain = page(admin, "inbox")
    assert "Apply all of the filter again" not in plain, "not without a filter"
    shown = admin.get(reverse("intake:inbox") + "?state=DEAD").content.decode()
    assert '<b class="num">2</b> messages that the filter leaves are applied again' in " ".join(shown.split())
    target = reverse("intake:inbox_replay")
    for query, data in (
        ("state=DEAD", {"all": "1"}),
        ("state=NOTHING", {"all": "1", "reason": "Neue Fassung"}),
        ("state=WAITING", {"all": "1", "reason": "Neue Fassung"}),
    ):
        admin.post(f"{target}?{query}", data)
        assert {row.replays for row in rows(made)} == {0}, query
    admin.post(f"{target}?state=DEAD", {"all": "1", "reason": "Neue Fassung"})
    assert [(row.state, row.replays, row.note) for row in rows(made)] == [
        ("DONE", 0, ""),
        ("NEW", 1, "Neue Fassung"),
        ("NEW", 1, "Neue Fassung"),
    ]
    take_in(organisation.pk, made.pk)
    shown = admin.get(reverse("intake:inbox") + "?type=customer.created").content.decode()
    assert '<b class="num">2</b> messages that wait or were given up are closed' in " ".join(shown.split())
    admin.post(reverse("intake:inbox_dismiss") + "?type=customer.created", {"all": "1", "reason": "Versuche"})
    assert [row.state for row in rows(made)] == ["DONE", "IGNORED", "IGNORED"]
