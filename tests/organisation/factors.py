"""Codes of authenticator apps, as a phone would show them."""

from __future__ import annotations

import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.db import transaction

from crm.core.access import activate, system_scope_for

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code(secret: str = SECRET, step: int = 0) -> str:
    """The code of now, or `step` half minutes away."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + step))


def give_app(user: Any, secret: str = SECRET) -> Authenticator:
    """An authenticator app with a known secret."""
    with transaction.atomic(), activate(system_scope_for(user.organisation_id, job="test")):
        return TOTP.activate(user, secret).instance


def give_codes(user: Any) -> list[str]:
    """Recovery codes."""
    with transaction.atomic(), activate(system_scope_for(user.organisation_id, job="test")):
        return list(RecoveryCodes.activate(user).generate_codes())
