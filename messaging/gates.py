"""The consent gate: whoever keeps consents registers one; without it no mail goes to a contact.

It fails closed: no gate, or an error in it, is a no (compliance.md, Consent).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from django.db import transaction

if TYPE_CHECKING:
    from crm.core.access import Scope

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a contact may be written to, and the rule that decided."""

    is_allowed: bool
    rule: str


Gate = Callable[["Scope", int, str], Verdict]


@dataclass(slots=True)
class _Registry:
    gate: Gate | None = field(default=None)


_registry = _Registry()


def register_consent_gate(gate: Gate) -> None:
    """Name the one function `(scope, contact_id, purpose)` that decides about mail. Raises ValueError for a second one."""
    if _registry.gate is not None:
        raise ValueError("There is a consent gate already.")
    _registry.gate = gate


def may_write_to(scope: Scope, contact_id: int, purpose: str) -> Verdict:
    """What the gate says; a no where there is none, and where it fails."""
    if _registry.gate is None:
        return Verdict(is_allowed=False, rule="NO_GATE")
    try:
        with transaction.atomic():
            return _registry.gate(scope, contact_id, purpose)
    except Exception as error:  # noqa: BLE001 - whatever the gate raises is a no
        log.error("consent gate failed", error=type(error).__name__)
        return Verdict(is_allowed=False, rule="GATE_FAILED")
