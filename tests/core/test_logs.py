"""Log lines lead from a page to the worker and back: request id, organisation, the user's id, and nothing personal."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog
from django.db import transaction

from crm.core import logs
from crm.core.access import activate, system_scope
from outbox import delivering, services
from outbox.choices import DeliveryState
from outbox.models import Delivery, Event
from outbox.registry import handler
from tests.conftest import scope_of
from tests.outbox.handlers import ProbeCounted

log = structlog.get_logger("tests.logs")


@handler("tests.logs.never", name="tests.logs.fails")
def fails(event: Event, scope: object) -> None:
    """Logs one line and fails with a person's name in the message."""
    log.info("at work")
    raise RuntimeError("Erika Mustermann")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the product's own formatter writes."""
    stream = io.StringIO()
    configured = logging.config.dictConfigClass(logs.LOGGING)
    written = logging.StreamHandler(stream)
    written.setFormatter(configured.configure_formatter(dict(logs.LOGGING["formatters"]["structured"])))
    root = logging.getLogger()
    level = root.level
    root.addHandler(written)
    root.setLevel(logging.INFO)
    yield stream
    root.removeHandler(written)
    root.setLevel(level)


def told(lines: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_a_line_of_a_page_names_request_organisation_and_user(people, lines):
    user = people("REP")
    scope = scope_of(user)
    token = logs.request_id.set("req-0123456789")
    try:
        with transaction.atomic(), activate(scope):
            log.info("something", count=3)
    finally:
        logs.request_id.reset(token)
    (line,) = told(lines)
    assert {key: line[key] for key in ("event", "count", "request_id", "organisation", "user", "level")} == {
        "event": "something",
        "count": 3,
        "request_id": "req-0123456789",
        "organisation": user.organisation_id,
        "user": user.pk,
        "level": "info",
    }
    assert user.email not in lines.getvalue()
    assert user.name not in lines.getvalue()


def test_a_line_outside_of_everything_names_nobody(lines):
    log.info("starting")
    (line,) = told(lines)
    assert line.keys() == {"event", "level", "timestamp"}


def test_a_workers_line_leads_back_to_the_request(organisation, lines):
    with system_scope(organisation.pk, job="test") as scope:
        object.__setattr__(scope, "request_id", "req-of-the-page")
        with activate(scope):
            services.publish(ProbeCounted(probe_id=1, number=1))
        event = Event.objects.get()
        delivery = Delivery.objects.create(
            organisation=organisation, event=event, handler="tests.logs.fails", subject_type=event.subject_type,
            subject_id=event.subject_id, position=1, state=DeliveryState.WAITING,
            run_at=scope.now - timedelta(minutes=1),
        )  # fmt: skip
    lines.truncate(0)
    lines.seek(0)

    assert delivering.deliver_from(organisation.pk, delivery.pk) == 1

    at_work, failed = (line for line in told(lines) if line["event"] in {"at work", "handler failed"})
    for line in (at_work, failed):
        assert (line["request_id"], line["organisation"]) == ("req-of-the-page", organisation.pk)
    assert failed["error"] == "RuntimeError"
    assert "Mustermann" not in lines.getvalue()
