"""Second factors of a person: rows of the sign-in library, reached under row-level security."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, QuerySet

from organisation.adapters import SecondFactorAdapter


def factors_of(user_id: int | None) -> QuerySet[Authenticator]:
    """All factors of a user, recovery codes among them, oldest first."""
    rows: QuerySet[Authenticator] = Authenticator.objects.filter(user_id=user_id).order_by("pk")
    return rows


def of_type(factors: list[Authenticator], kind: str) -> list[Authenticator]:
    """Those of one kind: totp, webauthn or recovery_codes."""
    return [one for one in factors if one.type == kind]


def removable(factors: list[Authenticator]) -> set[int]:
    """Ids of those that may be taken away: not the last app or passkey."""
    adapter = SecondFactorAdapter()
    return {one.pk for one in factors if adapter.can_delete_authenticator(one)}


def has_factor() -> Exists:
    """For annotating users: whether an app or a passkey is set up."""
    rows = Authenticator.objects.filter(user_id=OuterRef("pk"))
    return Exists(rows.exclude(type=Authenticator.Type.RECOVERY_CODES))


def spend_first_code(user_id: int, step: int) -> None:
    """Note that the code of time step `step`, by which an app was set up, is used up."""
    app = Authenticator.objects.select_for_update().get(user_id=user_id, type=Authenticator.Type.TOTP)
    app.data["last_step"] = step
    app.save(update_fields=["data"])
