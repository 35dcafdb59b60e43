"""What is forgotten when, and what stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from crm.core.access import system_scope
from jobs import schedule
from jobs.running import run
from messaging.models import Message, Notice
from tests.messaging.conftest import messages_of, queue

pytestmark = pytest.mark.django_db
DAYS = timedelta(days=1)


def forget(organisation) -> dict[str, int]:
    """What the job of the night does, by the schedule."""
    from jobs.models import JobRun

    job = schedule.job_named("jobs.forget_notices")
    assert run(job, organisation.pk, job.period(timezone.now()))
    with system_scope(organisation.pk, job="test"):
        return JobRun.objects.get(job=job.name).counts


def notice(user, key, created, read=None) -> None:
    with system_scope(user.organisation_id, job="test") as scope:
        Notice.objects.create(
            organisation_id=user.organisation_id,
            user=user,
            kind="task.done",
            fold_key=key,
            created_at=scope.now - created * DAYS,
            read_at=None if read is None else scope.now - read * DAYS,
        )


def test_notices_go_ninety_days_after_they_were_read_and_unread_after_a_year(organisation, other_organisation, people):
    from tests.conftest import make_user

    reader, stranger = people(), make_user(other_organisation)
    notice(reader, "old", 120, 91)
    notice(reader, "read late", 120, 89)
    notice(reader, "unread", 364)
    notice(reader, "never read", 366)
    notice(stranger, "another house", 500, 400)
    assert forget(organisation) == {"notices": 2, "mails": 0, "given_up": 0}
    with system_scope(organisation.pk, job="test"):
        assert set(Notice.objects.values_list("fold_key", flat=True)) == {"read late", "unread"}
    with system_scope(other_organisation.pk, job="test"):
        assert Notice.objects.count() == 1


def test_mails_go_ninety_days_after_their_last_step_and_those_that_wait_are_given_up(organisation, people):
    reader = people()
    ends = {"sent": ("SENT", 91), "failed": ("FAILED", 91), "new": ("SENT", 89), "again": ("FAILED", 89)}
    for key in [*ends, "waits", "waits too long", "link"]:
        queue(reader, key)
    with system_scope(organisation.pk, job="test") as scope:
        for key, (state, age) in ends.items():
            Message.objects.filter(send_key=key).update(state=state, finished_at=scope.now - age * DAYS)
        Message.objects.filter(send_key="waits").update(run_at=scope.now - 29 * DAYS)
        Message.objects.filter(send_key__in=["waits too long", "link"]).update(run_at=scope.now - 31 * DAYS)
        Message.objects.filter(send_key="link").update(sealed=b"secret")
        # What was written to contacts is proof: it stays.
        Message.objects.filter(send_key="sent").update(user=None, contact_id=7)
    assert forget(organisation) == {"notices": 0, "mails": 1, "given_up": 2}
    states = {one.send_key: (one.state, one.rule, one.sealed) for one in messages_of(organisation)}
    assert states == {
        "sent": ("SENT", "", None),
        "new": ("SENT", "", None),
        "again": ("FAILED", "", None),
        "waits": ("QUEUED", "", None),
        "waits too long": ("SUPPRESSED", "WAITED_TOO_LONG", None),
        "link": ("SUPPRESSED", "WAITED_TOO_LONG", None),
    }


def test_what_has_become_worthless_is_found_by_its_index(organisation, people):
    """The sender asks every few seconds, also where ten thousands of mails wait for a mail server."""
    reader = people()
    with system_scope(organisation.pk, job="test") as scope:
        Message.objects.bulk_create(
            Message(
                organisation=organisation,
                user=reader,
                to_address="a@example.org",
                language="de",
                template="notice",
                send_key=f"k{number}",
                run_at=scope.now,
                expires_at=scope.now + DAYS if number % 100 == 0 else None,
            )
            for number in range(5_000)
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE messaging_message")
            cursor.execute(
                "EXPLAIN SELECT organisation_id FROM messaging_message WHERE state = 'QUEUED' AND expires_at <= now()"
            )
            plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "message_expiring" in plan
