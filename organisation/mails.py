"""Mails about accounts: what is to be told. Messaging, a floor above, registers how it is written to the queue of mails."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Protocol

from organisation.models import User


class SecurityNote(StrEnum):
    """What happened to the way somebody signs in."""

    PASSWORD_CHANGED = auto()
    FACTOR_ADDED = auto()
    FACTOR_REMOVED = auto()
    CODES_MADE = auto()


class AccountMails(Protocol):
    """Writes rows in the caller's transaction, with or without a scope; nothing is sent inside the request."""

    def send_set_up_link(self, *, user: User, address: str) -> None:
        """The link by which a new person sets up his account."""

    def ask_for_reset(self, *, email: str, language: str) -> None:
        """A link for a new password, if the address is known; the same work where it is not."""

    def note_security(self, *, user: User, what: SecurityNote, address: str, browser: str) -> None:
        """What changed, with the network address and the browser it came from."""


@dataclass(slots=True)
class _Registry:
    mails: AccountMails | None = None


_registry = _Registry()


def register_account_mails(mails: AccountMails) -> None:
    """Name the one that writes account mails; called at start-up."""
    _registry.mails = mails


def account_mails() -> AccountMails:
    """The registered one. Raises RuntimeError where none is: the house is not put together."""
    if _registry.mails is None:
        raise RuntimeError("Nobody registered account mails.")
    return _registry.mails
