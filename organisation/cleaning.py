"""What the services of organisations, teams and people take as a name and as a language."""

from __future__ import annotations

from django.utils.translation import gettext as _

from crm.core.errors import Invalid
from organisation.choices import Language


def clean_name(name: str, most: int = 120) -> str:
    """The name without spare blanks. Raises Invalid (field name) outside 2 to `most` characters."""
    clean = " ".join(name.split())
    if not 2 <= len(clean) <= most:
        raise Invalid(_("A name of 2 to %(most)s characters.") % {"most": most}, field="name")
    return clean


def clean_language(language: str) -> str:
    """A language of the pages. Raises Invalid (field language) for another."""
    if language not in Language.values:
        raise Invalid(_("There is no such language."), field="language")
    return language
