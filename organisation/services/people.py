"""Users: created by administrators, set up by a link that works once, never deleted."""

from __future__ import annotations

from collections.abc import Sequence

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.core.phones import to_e164
from organisation.access import enter_sign_in, name_actor
from organisation.choices import Language, LinkPurpose, Role
from organisation.cleaning import clean_language, clean_name
from organisation.events import SecondFactorReset, UserCreated, UserDeactivated, UserReactivated, UserUpdated
from organisation.links import create_link, redeem, withdraw_links
from organisation.models import Team, User
from organisation.rights import SINGLE_RIGHTS
from organisation.services.tokens import end_tokens
from organisation.sessions import end_sign_ins
from outbox.services import publish


@transaction.atomic
def create_user(
    *,
    scope: Scope,
    email: str,
    name: str,
    role: str = Role.REP,
    team: Team | None = None,
    language: str = Language.DE,
    phone: str = "",
) -> User:
    """Add a person to the scope's organisation, without a password: `new_set_up_link` gives him his way in.

    Raises Forbidden without `people.manage`, Invalid for a malformed value, Conflict (field email) for a taken address.
    """
    scope.require("people.manage")
    user = User(
        organisation_id=scope.organisation_id,
        email=_clean_mail(email),
        name=clean_name(name),
        role=_clean_role(role),
        team=_own_team(scope, team),
        language=clean_language(language),
        phone=_clean_phone(phone),
    )
    user.set_unusable_password()
    _save(user)
    publish(UserCreated(user_id=user.pk, role=user.role))
    return user


@transaction.atomic
def change_user(
    *,
    scope: Scope,
    user_id: int,
    version: int,
    name: str,
    role: str,
    team: Team | None,
    email: str | None = None,
    phone: str = "",
    added_rights: Sequence[str] = (),
    withdrawn_rights: Sequence[str] = (),
) -> User:
    """Change what an administrator decides about a person. A new role, right or address ends the person's sessions,
    a new address his unused links too.

    Raises NotFound, Forbidden, Conflict (changed since `version`; the last administrator), Invalid.
    """
    user = _locked(scope, user_id)
    _same_version(user, version)
    new = {
        "email": user.email if email is None else _clean_mail(email),
        "name": clean_name(name),
        "role": _clean_role(role),
        "team": _own_team(scope, team),
        "phone": _clean_phone(phone),
        "added_rights": sorted(_clean_rights(added_rights)),
        "withdrawn_rights": sorted(_clean_rights(withdrawn_rights)),
    }
    fields = [field for field, value in new.items() if getattr(user, field) != value]
    if not fields:
        return user
    if "role" in fields and user.role == Role.ADMINISTRATOR:
        _keep_an_administrator(scope, user, field="role")
    for field in fields:
        setattr(user, field, new[field])
    _save(user, fields)
    if {"email", "role", "added_rights", "withdrawn_rights"} & set(fields) and user.pk != scope.user_id:
        end_sign_ins(user.pk)
    if "email" in fields:
        withdraw_links(scope=scope, user=user)  # they went to the address before
    publish(UserUpdated(user_id=user.pk, fields=sorted(fields)))
    user.refresh_from_db()
    return user


@transaction.atomic
def deactivate_user(*, scope: Scope, user_id: int, version: int) -> User:
    """End a person's access at once: all sessions, unused links and tokens. His records stay his until they are handed over.

    Raises NotFound, Forbidden, Conflict (changed since `version`; the last administrator; oneself).
    """
    user = _locked(scope, user_id)
    _same_version(user, version)
    if user.pk == scope.user_id:
        raise Conflict(_("Nobody deactivates himself."))
    if not user.is_active:
        return user
    if user.role == Role.ADMINISTRATOR:
        _keep_an_administrator(scope, user)
    user.is_active = False
    user.save(update_fields=["is_active"])
    end_sign_ins(user.pk)
    withdraw_links(scope=scope, user=user)
    end_tokens(scope=scope, user_id=user.pk)
    publish(UserDeactivated(user_id=user.pk))
    user.refresh_from_db()
    return user


@transaction.atomic
def reactivate_user(*, scope: Scope, user_id: int, version: int) -> User:
    """Give a person his access back, with password and second factor as they were. Raises as `deactivate_user`."""
    user = _locked(scope, user_id)
    _same_version(user, version)
    if not user.is_active:
        user.is_active = True
        user.save(update_fields=["is_active"])
        publish(UserReactivated(user_id=user.pk))
        user.refresh_from_db()
    return user


@transaction.atomic
def new_set_up_link(*, scope: Scope, user_id: int) -> str:
    """The token of a new link by which the person sets his password; earlier ones stop working.

    Raises NotFound, Forbidden, Conflict for somebody deactivated.
    """
    user = _locked(scope, user_id)
    if not user.is_active:
        raise Conflict(_("This account is deactivated."))
    return create_link(scope=scope, user=user, purpose=LinkPurpose.SET_UP)


@transaction.atomic
def reset_second_factor(*, scope: Scope, user_id: int, reason: str) -> User:
    """Take a lost second factor away; the next sign-in asks for a new one; sessions and unused links end.

    The administrator has proved who it is. Raises NotFound, Forbidden, Conflict for oneself, Invalid without a reason.
    """
    user = _locked(scope, user_id)
    if user.pk == scope.user_id:
        raise Conflict(_("One's own second factor is changed in the security settings."))
    if not reason.strip():
        raise Invalid(_("Say how the person has proved who it is."), field="reason")
    Authenticator.objects.filter(user_id=user.pk).delete()
    with activate(scope.with_reason(reason.strip())):
        user.save(update_fields=["is_active"])  # a new version: the account's history keeps who did it and why
    end_sign_ins(user.pk)
    withdraw_links(scope=scope, user=user)
    publish(SecondFactorReset(user_id=user.pk))
    return user


@transaction.atomic
def change_own_profile(*, scope: Scope, name: str, phone: str = "", language: str = Language.DE) -> User:
    """Change one's own name, phone and language. Raises NotFound, Invalid."""
    user: User = User.objects.visible_to(scope).select_for_update(of=("self",)).get_or_not_found(pk=scope.user_id)
    new = {"name": clean_name(name), "phone": _clean_phone(phone), "language": clean_language(language)}
    fields = [field for field, value in new.items() if getattr(user, field) != value]
    if fields:
        for field in fields:
            setattr(user, field, new[field])
        user.save(update_fields=fields)
        publish(UserUpdated(user_id=user.pk, fields=sorted(fields)))
    return user


@transaction.atomic
def change_own_language(*, scope: Scope, language: str) -> User:
    """Change the language of one's own pages. Raises NotFound, Invalid."""
    user: User = User.objects.visible_to(scope).select_for_update(of=("self",)).get_or_not_found(pk=scope.user_id)
    if user.language != clean_language(language):
        user.language = language
        user.save(update_fields=["language"])
        publish(UserUpdated(user_id=user.pk, fields=["language"]))
    return user


@transaction.atomic
def set_password_by_link(*, digest: bytes, password: str) -> User:
    """Use a set-up link up and set the person's password; all his sessions end. Works before anybody is signed in.

    Raises Invalid for a weak password, which leaves the link good; NotFound for a link that is not good.
    """
    user_id = redeem(digest, LinkPurpose.SET_UP)
    if user_id is None:
        raise NotFound(_("This link is not valid (any more)."))
    enter_sign_in(str(user_id))
    user: User = User.objects.select_related("organisation").get(pk=user_id)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(
            " ".join(error.messages), field="password1"
        ) from None  # the link stays good: the redeeming is rolled back
    name_actor(user)
    user.set_password(password)
    user.save(update_fields=["password"])
    end_sign_ins(user.pk)
    return user


def _save(user: User, fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            user.save(update_fields=fields)
    except IntegrityError:
        # Another organisation's user may have it: the message tells neither.
        raise Conflict(_("This address cannot be used."), field="email") from None


def _locked(scope: Scope, user_id: int) -> User:
    user: User = User.objects.visible_to(scope).select_for_update(of=("self",)).get_or_not_found(pk=user_id)
    scope.require("people.manage")
    return user


def _same_version(user: User, version: int) -> None:
    if user.version != version:
        raise Conflict(_("Someone changed this account meanwhile."), version=user.version)


def _keep_an_administrator(scope: Scope, user: User, field: str | None = None) -> None:
    others = User.objects.visible_to(scope).active().filter(role=Role.ADMINISTRATOR).exclude(pk=user.pk)
    # Locked, so that two administrators do not take each other away at the same moment.
    if not list(others.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)):
        raise Conflict(_("The last administrator stays one."), field=field)


def _own_team(scope: Scope, team: Team | None) -> Team | None:
    if team is not None and team.organisation_id != scope.organisation_id:
        raise Forbidden(_("This team belongs to another organisation."))
    return team


def _clean_mail(email: str) -> str:
    mail = email.strip().lower()
    try:
        validate_email(mail)
    except ValidationError:
        raise Invalid(_("An e-mail address, for example name@company.de."), field="email") from None
    return mail


def _clean_phone(phone: str) -> str:
    try:
        return to_e164(phone)
    except Invalid as error:
        raise Invalid(error.message, field="phone") from None


def _clean_role(role: str) -> str:
    if role not in Role.values:
        raise Invalid(_("There is no such role."), field="role")
    return role


def _clean_rights(rights: Sequence[str]) -> set[str]:
    if not set(rights) <= SINGLE_RIGHTS:
        raise Invalid(_("This right follows from the role alone."), field="added_rights")
    return set(rights)
