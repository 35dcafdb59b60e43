"""Wordings of mails: shipped as files in both languages, edited as rows over them; placeholders are `{{ name }}`.

Deliberately no template language: who edits a wording must not be able to reach anything but its placeholders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.core.errors import Invalid

FOLDER: Final = Path(__file__).parent / "mails"
_PLACEHOLDER: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_STRAY: Final = re.compile(r"\{\{|\}\}|\{%")


class PlaceholderEmpty(ValueError):
    """A placeholder of the wording has no value: the mail is not sent."""


@dataclass(frozen=True, slots=True)
class Template:
    """A mail that the product writes: which placeholders its wording may use, and which of them are secret."""

    key: str
    label: str | Promise
    placeholders: frozenset[str]
    secret: frozenset[str] = frozenset()


TEMPLATES: Final = {
    one.key: one
    for one in (
        Template(
            "account.set_up",
            gettext_lazy("Link to set up an account"),
            frozenset({"name", "address", "organisation"}),
            frozenset({"address"}),
        ),
        Template(
            "account.reset",
            gettext_lazy("Link for a new password"),
            frozenset({"name", "address", "organisation"}),
            frozenset({"address"}),
        ),
        Template(
            "notice", gettext_lazy("Notice by mail"), frozenset({"name", "title", "text", "address", "organisation"})
        ),
        Template("digest", gettext_lazy("Digest"), frozenset({"name", "count", "list", "address", "organisation"})),
    )
}


@dataclass(frozen=True, slots=True)
class Wording:
    """Subject and text of one template in one language; `number` 0 is the shipped one."""

    subject: str
    body: str
    number: int = 0

    def fill(self, values: Mapping[str, Any]) -> tuple[str, str]:
        """Subject and text with their placeholders filled. Raises PlaceholderEmpty naming the first without a value."""

        def value(match: re.Match[str]) -> str:
            text = str(values.get(match[1], "") if values.get(match[1]) is not None else "")
            if not text.strip():
                raise PlaceholderEmpty(match[1])
            return text

        return _PLACEHOLDER.sub(value, self.subject), _PLACEHOLDER.sub(value, self.body)

    def names(self) -> set[str]:
        """The placeholders it uses."""
        return set(_PLACEHOLDER.findall(f"{self.subject} {self.body}"))


@cache
def shipped(key: str, language: str) -> Wording:
    """The wording of the release: the file's first line is the subject, the text follows an empty line."""
    subject, _empty, body = (FOLDER / f"{key}.{language}.txt").read_text(encoding="utf-8").partition("\n\n")
    return Wording(subject.strip(), body.strip() + "\n")


def checked(key: str, subject: str, body: str) -> tuple[str, str]:
    """Subject and text as they may be kept. Raises Invalid (field subject or body)."""
    template = TEMPLATES[key]
    clean = subject.strip(), body.replace("\r\n", "\n").strip() + "\n"
    if not clean[0] or len(clean[0]) > 200 or not clean[0].isprintable():
        raise Invalid(_("One line of at most 200 characters."), field="subject")
    if not clean[1].strip() or len(clean[1]) > 20_000 or "\0" in clean[1]:
        raise Invalid(_("A text of at most 20,000 characters."), field="body")
    for field, text in zip(("subject", "body"), clean, strict=True):
        unknown = set(_PLACEHOLDER.findall(text)) - template.placeholders
        if unknown or _STRAY.search(_PLACEHOLDER.sub("", text)):
            named = ", ".join(sorted(f"{{{{ {name} }}}}" for name in template.placeholders))
            raise Invalid(_("Only these placeholders: %(names)s") % {"names": named}, field=field)
    if template.secret & set(_PLACEHOLDER.findall(clean[0])):
        raise Invalid(_("A link does not belong into the subject."), field="subject")
    missing = template.secret - set(_PLACEHOLDER.findall(clean[1]))
    if missing:
        named = ", ".join(f"{{{{ {name} }}}}" for name in sorted(missing))
        raise Invalid(_("Without %(names)s this mail is of no use.") % {"names": named}, field="body")
    return clean
