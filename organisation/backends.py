"""Sign-in by mail and password, before a scope exists."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import check_password, make_password
from django.http import HttpRequest

from organisation.access import enter_sign_in, name_actor
from organisation.models import User


class MailBackend(ModelBackend):
    """Django's backend, after opening the one row that row-level security lets the sign-in read."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The active user with this mail and password, or None; an unknown mail takes as long as a wrong password.

        Only who is returned is named to the database; after a refusal it knows of nobody who signs in.
        """
        mail = (username or kwargs.get("email") or "").strip().lower()
        if not mail or not password:
            return None
        enter_sign_in(mail)
        people = User.objects.select_related("organisation").filter(email__iexact=mail)
        user: User | None = people.first()
        if user is None:
            User().set_password(password)
        elif check_password(password, user.password, partial(_strengthen, user)) and user.is_active:
            name_actor(user)
            return user
        enter_sign_in("")
        return None

    def get_user(self, user_id: int) -> User | None:
        """The user of a session, while he is active."""
        enter_sign_in(str(user_id))
        user = User.objects.select_related("organisation", "team").filter(pk=user_id).first()
        return user if user is not None and user.is_active else None


def _strengthen(user: User, password: str) -> None:
    """Keep the password that was right by the hash that is the first today."""
    if user.is_active:
        name_actor(user)
        user.password = make_password(password)
        user.save(update_fields=["password"])
