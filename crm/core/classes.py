"""The data class of each model field: export, erasure, logs and prompts read it.

`name = personal(models.CharField(...))` declares the class where the field is defined; a test fails on a field without one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from django.db.models import Field

F = TypeVar("F", bound="Field[Any, Any]")


class DataClass(StrEnum):
    """How a value may travel. PUBLIC: anywhere. INTERNAL: within the organisation. PERSONAL: a person's, GDPR applies.

    RESTRICTED: for named roles alone; never in lists, logs, exports or search of others.
    """

    PUBLIC = "PUBLIC"
    INTERNAL = "INTERNAL"
    PERSONAL = "PERSONAL"
    RESTRICTED = "RESTRICTED"


def _declare(field: F, data_class: DataClass) -> F:
    field.data_class = data_class  # type: ignore[attr-defined]
    return field


def public(field: F) -> F:
    """Declare `field` PUBLIC."""
    return _declare(field, DataClass.PUBLIC)


def internal(field: F) -> F:
    """Declare `field` INTERNAL."""
    return _declare(field, DataClass.INTERNAL)


def personal(field: F) -> F:
    """Declare `field` PERSONAL."""
    return _declare(field, DataClass.PERSONAL)


def restricted(field: F) -> F:
    """Declare `field` RESTRICTED."""
    return _declare(field, DataClass.RESTRICTED)


def data_class_of(field: Any) -> DataClass | None:
    """The declared class of a model field, or None where nobody declared one."""
    return getattr(field, "data_class", None)
