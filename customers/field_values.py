"""The types of catalogue fields: from what a person or program gives to the canonical JSON value, or a clear refusal."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.digits import typed_number, whole_number
from crm.core.errors import Invalid
from crm.core.phones import to_e164
from customers.choices import FieldType
from customers.models import FieldDefinition
from organisation.models import User

MOST_TEXT: Final = {FieldType.TEXT: 200, FieldType.LONG_TEXT: 4000}
PATTERN_TEXT: Final = 200
WEB: Final = URLValidator(schemes=["http", "https"])
MAIL: Final = EmailValidator()
TRUE: Final = {"true", "1", "on", "yes", "ja"}
FALSE: Final = {"false", "0", "off", "no", "nein"}


def canonical(definition: FieldDefinition, value: Any, scope: Scope) -> Any:
    """The value as stored, or None where it is empty. Raises Invalid with a message for this one field."""
    if value in (None, "", []):
        if definition.validation.get("required"):
            raise Invalid(_("This field is required."))
        return None
    parsed = _PARSERS[FieldType(definition.type)](definition, value, scope)
    _check_range(definition, parsed)
    return parsed


def _text(definition: FieldDefinition, value: Any, scope: Scope) -> str:
    if not isinstance(value, str):
        raise Invalid(_("A text is expected."))
    text = value.strip()
    most = MOST_TEXT[FieldType(definition.type)]
    if len(text) > most:
        raise Invalid(_("At most %(most)d characters, here %(here)d.") % {"most": most, "here": len(text)})
    pattern = definition.validation.get("pattern")
    if pattern and (len(text) > PATTERN_TEXT or not re.fullmatch(pattern, text)):
        raise Invalid(_("The text does not have the form that is asked for."))
    return text


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise Invalid(_("A number is expected."))
    try:
        number = Decimal(typed_number(value) if isinstance(value, str) else str(value))
    except InvalidOperation:
        raise Invalid(_("A number is expected.")) from None
    if not number.is_finite() or abs(number) > Decimal(10) ** 12:
        raise Invalid(_("This number is too large."))
    return number


def _number(places: int) -> Callable[[FieldDefinition, Any, Scope], int | float]:
    def parse(definition: FieldDefinition, value: Any, scope: Scope) -> int | float:
        number = _decimal(value)
        rounded = round(number, places)
        if rounded != number:
            raise Invalid(_("At most %(places)d decimal places.") % {"places": places})
        return int(rounded) if rounded == rounded.to_integral_value() else float(rounded)

    return parse


def _boolean(definition: FieldDefinition, value: Any, scope: Scope) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in TRUE | FALSE:
        return text in TRUE
    raise Invalid(_("Yes or no is expected."))


def _date(definition: FieldDefinition, value: Any, scope: Scope) -> str:
    text = str(value).strip()
    german = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text)
    try:
        day = date(int(german[3]), int(german[2]), int(german[1])) if german else date.fromisoformat(text)
    except ValueError:
        raise Invalid(_("A date is expected, for example 20.11.2026.")) from None
    return day.isoformat()


def _known(definition: FieldDefinition) -> list[str]:
    return [choice["value"] for choice in definition.validation.get("choices", [])]


def _choice(definition: FieldDefinition, value: Any, scope: Scope) -> str:
    if value not in _known(definition):
        raise Invalid(_("This is none of the choices."))
    return str(value)


def _choices(definition: FieldDefinition, value: Any, scope: Scope) -> list[str]:
    if not isinstance(value, (list, tuple)):
        raise Invalid(_("A list of choices is expected."))
    known = _known(definition)
    if any(item not in known for item in value):
        raise Invalid(_("This is none of the choices."))
    return sorted(set(value), key=known.index)


def _validated_by(
    validator: Callable[[str], None], message: Callable[[], str]
) -> Callable[[FieldDefinition, Any, Scope], str]:
    def parse(definition: FieldDefinition, value: Any, scope: Scope) -> str:
        text = str(value).strip()
        try:
            validator(text)
        except ValidationError:
            raise Invalid(message()) from None
        return text

    return parse


def _user(definition: FieldDefinition, value: Any, scope: Scope) -> int:
    number = None if isinstance(value, bool) else whole_number(str(value))
    if number is None or not User.objects.visible_to(scope).filter(pk=number).exists():
        raise Invalid(_("There is no such person."))
    return number


def _phone(definition: FieldDefinition, value: Any, scope: Scope) -> str:
    return to_e164(str(value))


_PARSERS: Final[dict[FieldType, Callable[[FieldDefinition, Any, Scope], Any]]] = {
    FieldType.TEXT: _text,
    FieldType.LONG_TEXT: _text,
    FieldType.INTEGER: _number(0),
    FieldType.DECIMAL: _number(4),
    FieldType.MONEY: _number(2),
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.CHOICE: _choice,
    FieldType.MULTI_CHOICE: _choices,
    FieldType.URL: _validated_by(WEB, lambda: _("A web address is expected, beginning with https://.")),
    FieldType.EMAIL: _validated_by(MAIL, lambda: _("A mail address is expected, for example kueche@example.org.")),
    FieldType.PHONE: _phone,
    FieldType.USER: _user,
}


def _check_range(definition: FieldDefinition, value: Any) -> None:
    """min and max of the definition: of numbers the value, of dates the day."""
    least, most = definition.validation.get("min"), definition.validation.get("max")
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return
    if isinstance(value, str) and definition.type != FieldType.DATE:
        return
    if least is not None and value < least:
        raise Invalid(_("At least %(least)s is expected.") % {"least": least})
    if most is not None and value > most:
        raise Invalid(_("At most %(most)s is expected.") % {"most": most})
