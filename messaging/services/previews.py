"""What a mail would say about a real person: for the preview and the test mail. Its links lead nowhere."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from crm.core.access import Scope
from messaging.models import Notice
from messaging.services.messages import path_to_address
from messaging.wordings import TEMPLATES
from organisation.models import Organisation, User


def example_values(*, scope: Scope, key: str, language: str, person: User) -> dict[str, Any]:
    """Values for every placeholder: the person's, and the actor's own newest notices; no link lets anybody in."""
    own = list(Notice.objects.visible_to(scope).filter(user_id=scope.user_id).newest())
    with translation.override(language):
        values = {
            "name": person.name,
            "organisation": Organisation.objects.visible_to(scope).get_or_not_found().name,
            "address": path_to_address(reverse("messaging:notices")),
            "count": max(len(own), 1),
            "title": own[0].title if own else _("No notice yet"),
            "text": own[0].text if own else _("Here stands what a notice says."),
            "list": lines_of(own) or _("Here stand the notices, one a line."),
        }
        if TEMPLATES[key].secret:
            values["address"] = path_to_address(reverse("set_up_link", args=["example"]))
    return {name: value for name, value in values.items() if name in TEMPLATES[key].placeholders}


def lines_of(notices: list[Notice]) -> str:
    """Notices as a list in the active language, each with its address."""
    return "\n".join(
        f"– {' '.join(one.title.split())}" + (f"\n  {path_to_address(one.address)}" if one.address else "")
        for one in notices
    )
