"""Reading RESTRICTED values leaves a trace where the role reads them to supervise, not to work with them."""

from __future__ import annotations

from typing import Final

import structlog

from crm.core.access import Scope
from customers.choices import Sensitivity
from customers.models import CustomerFieldValue
from organisation.choices import Role

log = structlog.get_logger(__name__)

LOGGED: Final = frozenset({Role.DPO.value, Role.AUDITOR.value})  # architecture.md, role table: "read, logged"


def note_restricted_read(scope: Scope, customer_id: int) -> None:
    """Log which RESTRICTED values of a customer a data protection officer or an auditor was shown: keys, never values.

    One query for these two roles, none for all others.
    """
    if scope.role not in LOGGED or not scope.allows("fields.read_restricted"):
        return
    values = CustomerFieldValue.objects.visible_to(scope).filter(customer_id=customer_id)
    restricted = values.filter(definition__sensitivity=Sensitivity.RESTRICTED).order_by("definition__key")
    if keys := list(restricted.values_list("definition__key", flat=True)):
        log.info("restricted fields read", actor=scope.actor, role=scope.role, customer=customer_id, fields=keys)
