"""A worker that is killed between the server's yes and its own note."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from email import message_from_bytes, policy

import pytest
from django.conf import settings
from django.db import transaction

from messaging.sending import send_due
from tests.conftest import make_organisation, make_user
from tests.messaging.conftest import due_again, queue, states


@pytest.mark.fault
def test_a_worker_killed_between_the_servers_yes_and_the_note(committed_db, receiver):
    organisation = make_organisation("Haus")
    with transaction.atomic():
        reader = make_user(organisation)
    queue(reader)
    program = """
        import os, django
        django.setup()
        from messaging import sending
        sending._note = lambda *_: os.kill(os.getpid(), 9)
        sending.send_due(%d)
    """
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "EMAIL_URL": f"smtp://127.0.0.1:{receiver.port}",
        "MAIL_FROM": "FreshPlan <post@crm.example.org>",
    }
    command = [sys.executable, "-c", textwrap.dedent(program) % organisation.pk]
    assert subprocess.run(command, env=env, cwd=settings.BASE_DIR, check=False).returncode == -9
    assert (len(receiver.mails), states(organisation)) == (1, [("SENDING", 1, "")])
    assert send_due(organisation.pk).attempts == 0, "the lease holds"
    due_again(organisation)
    for _n in range(3):
        send_due(organisation.pk)
        due_again(organisation)
    ids = {message_from_bytes(raw, policy=policy.default)["Message-ID"] for _to, raw in receiver.mails}
    assert (len(receiver.mails), len(ids)) == (2, 1)
    assert states(organisation) == [("SENT", 2, "")]
