"""A small SMTP receiver on a real socket, a subject that notices may be about, and reads past the wall of users."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from crm.core.access import activate, system_scope
from customers.models import Customer
from messaging import registry
from messaging.choices import Channel
from messaging.models import Message, Notice
from messaging.registry import notice_kind, notice_subject
from messaging.services import notify
from messaging.services.messages import Mail, queue_mails
from tests.conftest import scope_of


class Receiver(threading.Thread):
    """Takes mails at 127.0.0.1 and keeps them. `plan` says what each connection meets, then everything is fine.

    "ok", "drop before the dot", "drop after the dot", "drop at quit", or an answer with its command: "RCPT 550".
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.mails: list[tuple[str, bytes]] = []
        self.plan: list[str] = []

    def run(self) -> None:
        """Until the socket is closed."""
        while True:
            try:
                connection, _address = self.socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                self.serve(connection, self.plan.pop(0) if self.plan else "ok")

    def serve(self, connection: socket.socket, meets: str) -> None:
        """One conversation."""
        lines = connection.makefile("rb")

        def say(text: str) -> None:
            connection.sendall(f"{text}\r\n".encode())

        say("220 receiver")
        recipient = ""
        while line := lines.readline():
            command = line.decode().strip()
            word = command[:4].upper()
            if meets.startswith(f"{word} ") and meets[5:8].isdigit():
                say(f"{meets[5:8]} Herr Meier wohnt hier nicht")
            elif word == "RCPT":
                recipient = command.partition("<")[2].partition(">")[0]
                say("250 ok")
            elif word == "DATA":
                say("354 go")
                content = bytearray()
                while (part := lines.readline()) != b".\r\n":
                    if meets == "drop before the dot" or not part:
                        return
                    content += part[1:] if part.startswith(b"..") else part
                self.mails.append((recipient, bytes(content)))
                if meets == "drop after the dot":
                    return
                say("250 taken")
            elif word == "QUIT":
                if meets != "drop at quit":
                    say("221 bye")
                return
            else:
                say("250 ok")


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    """A mail server that the product sends to."""
    server = Receiver()
    server.start()
    settings.SENDS_MAIL = True
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.DEFAULT_FROM_EMAIL = "FreshPlan <post@crm.example.org>"
    yield server
    server.socket.close()


@pytest.fixture
def kinds(monkeypatch) -> None:
    """Kinds and a subject of the tests, beside the real ones: everybody sees a thing but who is in `blind`."""
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))
    monkeypatch.setattr(registry, "_subjects", dict(registry._subjects))
    notice_kind("probe.app", "Probe", "%(what)s happened")
    notice_kind("probe.mail", "Probe %(what)s", "It was %(what)s", label="Probe", default=Channel.MAIL)
    notice_kind("probe.digest", "Probe %(what)s", "It was %(what)s", label="Probe", default=Channel.DIGEST)
    notice_kind("probe.must", "Probe", "%(what)s", mandatory=True, default=Channel.MAIL, tells_actor=True)
    notice_subject("thing", url_name="messaging:open", seers=lambda _scope, pk, ids: {one for one in ids if pk != one})


@pytest.fixture
def tell(kinds):
    """`tell(actor, kind, *users, about=…, what=…)` notifies as `actor`; how many were told."""

    def notified(actor, kind, *users, about=None, what="rain"):
        with activate(scope_of(actor)) as scope:
            subject = ("thing", about) if about else None
            ids = [user.pk for user in users]
            return notify(scope=scope, kind=kind, users=ids, subject=subject, parameters={"what": what})

    return notified


def notices_of(user) -> list[Notice]:
    """What the user himself sees, oldest first."""
    with activate(scope_of(user)) as scope:
        return list(Notice.objects.visible_to(scope).order_by("pk"))


def messages_of(organisation) -> list[Message]:
    """All mails of an organisation, oldest first."""
    with system_scope(organisation.pk, job="test"):
        return list(Message.objects.order_by("pk"))


def change_messages(organisation, **values) -> None:
    """Write to all mails of an organisation."""
    with system_scope(organisation.pk, job="test"):
        Message.objects.update(**values)


def due_again(organisation) -> None:
    """Let time pass: what waits is due, leases have run out."""
    past = timezone.now() - timedelta(seconds=1)
    with system_scope(organisation.pk, job="test"):
        Message.objects.filter(state="QUEUED").update(run_at=past)
        Message.objects.filter(state="SENDING").update(locked_until=past)


def states(organisation) -> list[tuple[str, int, str]]:
    """State, attempts and error of all mails."""
    return [(one.state, one.attempts, one.error) for one in messages_of(organisation)]


def queue(user, key="probe:1", **values) -> Message:
    """A notice mail to the user, waiting."""
    with system_scope(user.organisation_id, job="test") as scope:
        given = {
            "name": user.name,
            "title": "Rain",
            "text": "It rains.",
            "address": "http://localhost/",
            "organisation": "O",
        }
        mail = {
            "user_id": user.pk,
            "to_address": user.email,
            "to_name": user.name,
            "language": "en",
            "template": "notice",
            "values": given | values.pop("values", {}),
            "send_key": key,
            "run_at": scope.now,
        }
        queue_mails(scope=scope, mails=[Mail(**mail | values)])
        return Message.objects.get(send_key=key)


def customer_of(organisation, owner, name="Biergarten Zum Grünen Hügel") -> Customer:
    """A customer of that owner."""
    with system_scope(organisation.pk, job="test") as scope:
        return Customer.objects.create(
            organisation=organisation,
            owner=owner,
            company_name=name,
            customer_number=f"K-{owner.pk:06d}",
            status_since=scope.now,
        )
