"""The critical operations of customers: each call is counted, for the error budget."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.core.operations import critical_operation

ACTIVATION: Final = critical_operation("customers.activation", _("Activation of a customer"))
STATUS_CHANGE: Final = critical_operation("customers.status", _("Change of a customer's status"))
FIELD_WRITE: Final = critical_operation("customers.fields", _("Change of a customer's fields"))
