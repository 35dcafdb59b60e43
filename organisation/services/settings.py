"""Values of settings: one's own preferences by everyone, the organisation's by right, global ones by the operator."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.core.options import Level, Option, option_named, options_changed
from organisation.choices import OPERATOR
from organisation.events import SettingChanged
from organisation.models import SettingValue
from outbox.services import publish


@transaction.atomic
def set_value(
    *, scope: Scope, key: str, level: str, value: object, reason: str = "", version: int | None = None
) -> SettingValue:
    """Set a value: level USER for oneself, ORGANISATION for all in it, GLOBAL for all organisations. It holds at once.

    `version` is that of the value seen there, 0 where none was set, None not to compare. Raises NotFound (no such setting),
    Invalid (level, value, or no reason for what is not one's own), Forbidden, Conflict (changed since).
    """
    option, at = _allowed(scope, key, level)
    row = _locked(scope, option, at, version)
    stored = option.stored(option.clean(value))
    if row is not None and row.value == stored:
        return row
    with activate(scope.with_reason(_reason(at, reason))):
        if row is None:
            row = SettingValue(key=option.key, **_place(scope, at))
        row.value = stored
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:  # somebody else was first with this value
            raise Conflict(_("Someone changed this setting meanwhile.")) from None
        _tell(scope, option, at)
    row.refresh_from_db()
    return row


@transaction.atomic
def clear_value(*, scope: Scope, key: str, level: str, reason: str = "", version: int | None = None) -> None:
    """Take a value away, so that the next level's holds. Raises as `set_value`; nothing happens where none is set."""
    option, at = _allowed(scope, key, level)
    row = _locked(scope, option, at, version)
    if row is None:
        return
    with activate(scope.with_reason(_reason(at, reason))):
        row.delete()
        _tell(scope, option, at)


def may_set(scope: Scope, option: Option[Any], level: Level) -> bool:
    """Whether the scope may set this setting at this level."""
    if level not in option.levels:
        return False
    if level is Level.USER:
        return scope.user_id is not None
    if level is Level.GLOBAL:
        return scope.role == OPERATOR
    return scope.allows("settings.change_security" if option.security else "settings.change")


def _allowed(scope: Scope, key: str, level: str) -> tuple[Option[Any], Level]:
    option = option_named(key)
    if option is None:
        raise NotFound(_("There is no such setting."))
    if level not in set(option.levels):
        raise Invalid(_("This setting is not set there."), field="level")
    if not may_set(scope, option, Level(level)):
        raise Forbidden(_("This role may not do this."))
    return option, Level(level)


def _place(scope: Scope, level: Level) -> dict[str, int | None]:
    return {
        "organisation_id": None if level is Level.GLOBAL else scope.organisation_id,
        "user_id": scope.user_id if level is Level.USER else None,
    }


def _locked(scope: Scope, option: Option[Any], level: Level, version: int | None) -> SettingValue | None:
    rows = SettingValue.objects.visible_to(scope).select_for_update(of=("self",))
    row: SettingValue | None = rows.filter(key=option.key, **_place(scope, level)).first()
    if version is not None and version != (row.version if row else 0):
        raise Conflict(_("Someone changed this setting meanwhile."), version=row.version if row else 0)
    return row


def _reason(level: Level, reason: str) -> str:
    text = " ".join(reason.split())
    if not text and level is not Level.USER:
        raise Invalid(_("A reason is needed; it stands in the history."), field="reason")
    return text


def _tell(scope: Scope, option: Option[Any], level: Level) -> None:
    options_changed(scope)
    if level is not Level.GLOBAL:  # events are of an organisation
        user = scope.user_id if level is Level.USER else None
        publish(SettingChanged(organisation_id=scope.organisation_id, key=option.key, level=level.value, user_id=user))
