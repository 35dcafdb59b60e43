"""Forms whose write is a service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms

from crm.core.errors import DomainError, Forbidden, Invalid, NotFound


class ServiceForm(forms.Form):
    """Shape errors and rule errors show at the same fields; `result` keeps what the service returned."""

    result: Any = None

    def submit(self, service: Callable[..., Any], **context: Any) -> bool:
        """Call `service` with `context` and the cleaned data. True when done, False when the form now holds the errors.

        NotFound goes on to the 404 page; so does Forbidden to the 403 page, unless it names a field.
        """
        if not self.is_valid():
            return False
        try:
            self.result = service(**context, **self.cleaned_data)
        except NotFound:
            raise
        except DomainError as error:
            if isinstance(error, Forbidden) and error.field is None:
                raise
            self.refuse(error)
            return False
        return True

    def refuse(self, error: DomainError) -> None:
        """Put a rule's refusal at its field, or on the whole form."""
        if isinstance(error, Invalid) and error.errors:
            for field, message in error.errors.items():
                self.add_error(field if field in self.fields else None, message)
            return
        self.add_error(error.field if error.field in self.fields else None, error.message)
