"""Handing one mail to the server of EMAIL_URL, knowing at each step whether it may have been taken (RFC 5321)."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import re
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from enum import StrEnum
from typing import Final

from django.conf import settings

TIMEOUT: Final = 10  # seconds a single answer of the server may take
_LONE_DOT: Final = re.compile(rb"(?m)^\.")
_BREAKS: Final = ("\r", "\n", "\0")


class Outcome(StrEnum):
    """What became of one attempt. UNKNOWN: lost after the final dot and before its answer."""

    SENT = "SENT"
    REFUSED = "REFUSED"
    LATER = "LATER"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome, and its cause without any text of the server's: that may hold a person's data."""

    outcome: Outcome
    error: str = ""
    is_server_away: bool = False


class HeaderBroken(ValueError):
    """A header's value holds a line break or NUL."""


def new_message_id(pk: int) -> str:
    """`<m.<id>.<token>@<domain of From>>`; the token proves that it is ours (contracts/email.md, Sending)."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"message {pk}".encode(), hashlib.sha256).digest()
    token = base64.b32encode(digest).decode()[:16].lower()
    return f"<m.{pk}.{token}@{_sender().rpartition('@')[2]}>"


def build(*, to_address: str, to_name: str, subject: str, body: str, message_id: str) -> EmailMessage:
    """The mail as it goes out, plain text in UTF-8. Raises HeaderBroken."""
    headers = {
        "From": settings.DEFAULT_FROM_EMAIL,
        "Subject": subject,
        "Date": formatdate(),
        "Message-ID": message_id,
        "Auto-Submitted": "auto-generated",
        "X-FreshPlan-Message": message_id.partition("@")[0].rpartition(".")[2],
    }
    if any(sign in value for value in (*headers.values(), to_address, to_name) for sign in _BREAKS):
        raise HeaderBroken
    mail = EmailMessage(policy=SMTP)
    for name, value in headers.items():
        mail[name] = value
    quoted = to_name.replace("\\", "").replace('"', "")
    mail["To"] = f'"{quoted}" <{_plain(to_address)}>' if quoted else _plain(to_address)
    mail.set_content(body, cte="quoted-printable")
    return mail


def hand_over(mail: EmailMessage, to_address: str) -> Answer:
    """Give the mail to the server. Never raises for what a server or a network does."""
    try:
        server = _connect()
    except smtplib.SMTPAuthenticationError as error:
        return Answer(Outcome.LATER, f"SMTP {error.smtp_code} at sign-in", is_server_away=True)
    except (OSError, smtplib.SMTPException) as error:
        return Answer(Outcome.LATER, type(error).__name__[:80], is_server_away=True)
    try:
        return _deliver(server, mail, to_address)
    finally:
        # What the server does after its answer changes nothing about the answer.
        with contextlib.suppress(OSError, smtplib.SMTPException):
            server.quit()
        server.close()


def _connect() -> smtplib.SMTP:
    context = ssl.create_default_context()
    host, port = settings.EMAIL_HOST, settings.EMAIL_PORT
    if settings.EMAIL_USE_SSL:
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port or 465, timeout=TIMEOUT, context=context)
    else:
        server = smtplib.SMTP(host, port or (587 if settings.EMAIL_USE_TLS else 25), timeout=TIMEOUT)
    try:
        if settings.EMAIL_USE_TLS:
            server.starttls(context=context)
        if settings.EMAIL_HOST_USER:
            server.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)
    except BaseException:
        server.close()
        raise
    return server


def _deliver(server: smtplib.SMTP, mail: EmailMessage, to_address: str) -> Answer:
    handed_over = False
    try:
        server.ehlo_or_helo_if_needed()
        steps: tuple[tuple[str, Callable[[], tuple[int, bytes]]], ...] = (
            ("MAIL", lambda: server.mail(_sender())),
            ("RCPT", lambda: server.rcpt(_plain(to_address))),
            ("DATA", lambda: server.docmd("DATA")),
        )
        for step, ask in steps:
            answered, _text = ask()
            if answered // 100 not in {2, 3}:
                return _refused(answered, step)
        content = _LONE_DOT.sub(b"..", mail.as_bytes(policy=SMTP))
        server.send(content if content.endswith(b"\r\n") else content + b"\r\n")
        handed_over = True
        server.send(b".\r\n")
        answered, _text = server.getreply()
    except UnicodeEncodeError:
        return Answer(Outcome.REFUSED, "address beyond ASCII")
    except (OSError, smtplib.SMTPException) as error:
        name = type(error).__name__[:60]
        return Answer(Outcome.UNKNOWN, f"{name} after the mail") if handed_over else Answer(Outcome.LATER, name)
    return Answer(Outcome.SENT) if answered // 100 == 2 else _refused(answered, "mail")


def _refused(code: int, step: str) -> Answer:
    """5xx is for good, everything else for later."""
    return Answer(Outcome.REFUSED if code // 100 == 5 else Outcome.LATER, f"SMTP {code} at {step}")


def _sender() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def _plain(address: str) -> str:
    """An address whose domain is in ASCII."""
    local, _at, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return address
