"""What the page of failed mails says: kinds of errors as words."""

from __future__ import annotations

import re
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from messaging.models import Message
from messaging.sending import RETRY_AFTER
from messaging.wordings import TEMPLATES

_GAP: Final = "no value: "
_AT: Final[dict[str, Any]] = {  # by the step of SMTP that was answered with a no
    "RCPT": gettext_lazy("The mail server does not take this recipient (%(code)s)."),
    "sign-in": gettext_lazy("The mail server refuses our sign-in (%(code)s)."),
    "": gettext_lazy("The mail server refuses the mail (%(code)s)."),
}
_ANSWER: Final = re.compile(r"SMTP (\d+) at (.+)")


def template_label(message: Message) -> str:
    """Which mail it is."""
    template = TEMPLATES.get(message.template)
    return str(template.label) if template else message.template


def reason_of(message: Message) -> str:
    """Why it failed, and so what would help."""
    error = message.error
    if answer := _ANSWER.fullmatch(error):
        return str(_AT.get(answer[2], _AT[""])) % {"code": answer[1]}
    if error.startswith(_GAP):
        return _("A placeholder of its template has no value: %(name)s") % {"name": error.removeprefix(_GAP)}
    if error == "worker lost" or error.endswith(" after the mail"):
        return _("The answer of the mail server was lost twice: it may have arrived.")
    if error == "address beyond ASCII":
        return _("The mail server takes no address with such letters.")
    if message.attempts <= len(RETRY_AFTER):
        return _("The mail could not be written (%(kind)s).") % {"kind": error}
    return _("The mail server could not be reached for six hours (%(kind)s).") % {"kind": error}
