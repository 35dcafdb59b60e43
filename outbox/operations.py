"""The critical operation of webhooks: each call is counted, for the error budget."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.core.operations import critical_operation

WEBHOOK_INTAKE: Final = critical_operation("outbox.intake", _("Intake of a webhook"))
