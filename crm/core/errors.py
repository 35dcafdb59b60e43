"""Domain errors: what a rule refused, in the user's language, with a code for programs."""

from __future__ import annotations

from collections.abc import Mapping

from django.core.exceptions import PermissionDenied
from django.http import Http404


class DomainError(Exception):
    """A rule said no. `field` names the input at fault, or None for the whole form."""

    code = "domain_error"
    status = 400

    def __init__(self, message: str, *, field: str | None = None, **extra: object) -> None:
        super().__init__(message)
        self.message, self.field, self.extra = str(message), field, extra


class Invalid(DomainError):
    """The input has the wrong shape or value; `errors` maps each field at fault to its message."""

    code, status = "invalid", 400

    def __init__(
        self, message: str, *, errors: Mapping[str, str] | None = None, field: str | None = None, **extra: object
    ) -> None:
        super().__init__(message, field=field, **extra)
        self.errors: dict[str, str] = {key: str(text) for key, text in (errors or {}).items()}
        if field and not self.errors:
            self.errors = {field: self.message}


class NotFound(DomainError, Http404):
    """Missing or hidden: the two look the same from outside."""

    code, status = "not_found", 404


class Forbidden(DomainError, PermissionDenied):
    """Visible, but not this actor's to do."""

    code, status = "forbidden", 403


class Conflict(DomainError):
    """A rule of the record's state is broken, or it changed meanwhile; `extra` says how."""

    code, status = "conflict", 409


class Duplicate(Conflict):
    """The same thing exists already."""

    code = "duplicate"
