"""What customers tells the floors below, at start-up."""

from __future__ import annotations

from customers import grants, handlers  # noqa: F401 - handlers register themselves
from organisation.access import register_grants


def register() -> None:
    """Grants into the scope."""
    register_grants(grants.grants_of)
