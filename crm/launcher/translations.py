"""German texts: collected from sources and templates, compiled, and checked for gaps. English is the source itself.

`python -m crm.launcher.translations` writes new texts into `locale/de/LC_MESSAGES/django.po`; `--check` changes nothing
and names what is missing, unsure or no longer used. Babel and Django do the work; no gettext programs are needed.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from crm.launcher.environment import ROOT, done_for

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

LANGUAGE = "de"
SOURCES = ("crm", "outbox", "organisation", "messaging", "jobs", "customers")
TEMPLATES = ("templates", *SOURCES)
SCRIPTS = ("static",)
# gettext is the lazy and the plain one alike: the keyword is the function's name.
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%\([a-z_]+\)[sd]|%[sd]|\{[a-z_]*\}")


def catalogue(language: str = LANGUAGE) -> Path:
    """The file of a language."""
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def compile_all() -> None:
    """Write the compiled catalogue beside each source, when that changed."""
    from babel.messages.mofile import write_mo

    sources = sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po"))
    for source in sources:
        target = source.with_suffix(".mo")
        stamp = ROOT / "var" / "stamps" / f"messages-{source.parts[-3]}"
        if not target.exists():
            stamp.unlink(missing_ok=True)
        with done_for(stamp, [source]) as needed:
            if needed:
                fresh = target.with_name(f"{target.name}.{os.getpid()}")
                with fresh.open("wb") as file:
                    write_mo(file, _read(source))
                fresh.rename(target)


def extract() -> Catalog:
    """Every text of the product that is shown to people."""
    from babel.messages.catalog import Catalog

    found = Catalog(project="FreshPlan CRM", charset="utf-8")
    for path, messages in _texts():
        for _line, identifier, _comments, context in messages:
            found.add(identifier, context=context, locations=[(str(path.relative_to(ROOT)), 0)])
    return found


def update() -> int:
    """Bring the German file up to what is used now; new texts come untranslated, unused ones go. The exit code."""
    from babel.messages.pofile import write_po

    path, now = catalogue(), extract()
    kept = _read(path)
    now.creation_date = kept.creation_date
    kept.update(now, no_fuzzy_matching=True)
    kept.obsolete.clear()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, kept, width=120, no_location=True, sort_output=True)
    open_texts = sum(1 for message in kept if message.id and not _translated(message))
    print(f"{path.relative_to(ROOT)}: {len(kept)} texts, {open_texts} without a translation")
    return 0


def check() -> int:
    """Print what is wrong, one line each, and how much there is; 1 when there is anything."""
    kept, now = _read(catalogue()), extract()
    there = {(message.id, message.context): message for message in kept if message.id}
    used = {(message.id, message.context): message for message in now if message.id}
    wrong = []
    for key, message in used.items():
        where = message.locations[0][0]
        match there.get(key):
            case None:
                wrong.append(f"{where}: not in the German file: {_first(message)!r}")
            case german if german.fuzzy:
                wrong.append(f"{where}: marked as unsure: {_first(message)!r}")
            case german if not _translated(german):
                wrong.append(f"{where}: not translated: {_first(message)!r}")
            case german if not _same_placeholders(german):
                wrong.append(f"{where}: other placeholders in German: {_first(message)!r}")
    wrong += [f"no longer used: {_first(there[key])!r}" for key in there.keys() - used.keys()]
    for line in wrong:
        print(line)
    print(f"{len(used)} texts, {len(wrong)} not in order in German")
    return 1 if wrong else 0


def _read(path: Path) -> Catalog:
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po

    if not path.exists():
        return Catalog(locale=path.parts[-3], project="FreshPlan CRM", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def _texts() -> Iterator[tuple[Path, list[tuple[int, str | tuple[str, ...], list[str], str | None]]]]:
    """File and its texts: (line, text or texts, comments, context)."""
    from babel.messages.extract import extract as read

    for path in _files(SOURCES, "*.py"):
        yield path, list(read("python", io.BytesIO(path.read_bytes()), keywords=KEYWORDS))
    for path in _files(TEMPLATES, "*.html", "*.txt"):
        yield path, list(read("python", io.BytesIO(_as_python(path).encode()), keywords=KEYWORDS))
    for path in _files(SCRIPTS, "*.js"):
        yield path, list(read("javascript", io.BytesIO(path.read_bytes()), keywords=KEYWORDS))


def _as_python(path: Path) -> str:
    """A template as calls of gettext; without indents, which are no Python."""
    from django.conf import settings
    from django.utils.translation.template import templatize

    if not settings.configured:
        settings.configure()
    text = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    return "\n".join(line.strip() for line in text.splitlines())


def _files(folders: tuple[str, ...], *patterns: str) -> list[Path]:
    found = {path for folder in folders for pattern in patterns for path in (ROOT / folder).rglob(pattern)}
    return sorted(path for path in found if "migrations" not in path.parts and "launcher" not in path.parts)


def _first(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _translated(message: Message) -> bool:
    text = message.string
    return all(text) if isinstance(text, (tuple, list)) else bool(text)


def _same_placeholders(message: Message) -> bool:
    """Each German form uses placeholders of the source only, and a single form uses all of them."""
    if isinstance(message.id, str):
        return set(PLACEHOLDER.findall(message.id)) == set(PLACEHOLDER.findall(str(message.string)))
    known = {name for form in message.id for name in PLACEHOLDER.findall(form)}
    return all(set(PLACEHOLDER.findall(form)) <= known for form in message.string or ())


def main(arguments: list[str]) -> int:
    """Collect, or with `--check` only look. The exit code."""
    return check() if "--check" in arguments else update()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
