"""Phone numbers: E.164 inside, national outside."""

from __future__ import annotations

import phonenumbers
from django.utils.translation import gettext as _

from crm.core.errors import Invalid


def to_e164(text: str, region: str = "DE") -> str:
    """`text` as E.164, read as a number of `region` where it has no country code; "" stays "".

    Raises Invalid for text that is no possible number.
    """
    if not text.strip():
        return ""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise Invalid(_("A phone number with area code, for example 030 23125 417."))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
