"""Sign-in by mail and password, before a scope exists."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from organisation.access import enter_sign_in, name_actor
from organisation.models import User


class MailBackend(ModelBackend):
    """Django's backend, after opening the one row that row-level security lets the sign-in read."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The active user with this mail and password, or None; an unknown mail takes as long as a wrong password."""
        mail = (username or kwargs.get("email") or "").strip().lower()
        if not mail or not password:
            return None
        enter_sign_in(mail)
        user = User.objects.select_related("organisation").filter(email__iexact=mail).first()
        if user is None:
            User().set_password(password)
            return None
        name_actor(user)  # a stronger hash may be written
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: int) -> User | None:
        """The user of a session, while he is active."""
        enter_sign_in(str(user_id))
        user = User.objects.select_related("organisation", "team").filter(pk=user_id).first()
        return user if user is not None and user.is_active else None
