"""The field catalogue from one installation to another, as JSON: told whole, compared first, taken over whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict, DomainError, Invalid
from customers.choices import FieldEntity
from customers.models import FieldDefinition
from customers.services.catalogue import CHANGEABLE, define_field, edit_field

FORMAT: Final = "freshplan.field-catalogue.1"
MOST: Final = 500  # fields in a file
TOLD: Final = (*CHANGEABLE, "is_hot", "is_active")
SHAPES: Final[dict[str, type]] = {
    **dict.fromkeys(("label_de", "label_en", "help_de", "help_en", "group", "type", "sensitivity"), str),
    "position": int,
    "validation": dict,
    "visible_if": dict,
    "is_hot": bool,
    "is_active": bool,
}


class Step(StrEnum):
    """What taking a file's field over would do here."""

    NEW = "NEW"
    CHANGED = "CHANGED"
    SAME = "SAME"


@dataclass(slots=True)
class FieldDifference:
    """One field of the file: `changes` maps what differs to (here, in the file); `refusal` says why it cannot be."""

    entity: str
    key: str
    label: str
    step: Step
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    refusal: str = ""


def export_catalogue(*, scope: Scope) -> dict[str, Any]:
    """Every field of the organisation, out of use or not, as `compare_catalogue` takes it. Raises Forbidden."""
    scope.require("catalogue.edit")
    fields = FieldDefinition.objects.visible_to(scope).order_by("entity", "group", "position", "pk")
    return {
        "format": FORMAT,
        "fields": [
            {"entity": one.entity, "key": one.key} | {name: getattr(one, name) for name in TOLD} for one in fields
        ],
    }


def compare_catalogue(*, scope: Scope, catalogue: Any) -> list[FieldDifference]:
    """What `import_catalogue` would do, with each refusal: tried in truth, by the same services, and taken back.

    Fields that the file does not name are not touched. Raises Forbidden, Invalid (no such file).
    """
    with transaction.atomic():
        found = list(_take_over(scope, _entries(catalogue)))
        transaction.set_rollback(True)
    return found


def fingerprint(differences: list[FieldDifference]) -> str:
    """Names a comparison, so that what is taken over is what was seen."""
    return hashlib.sha256(repr(differences).encode()).hexdigest()


@transaction.atomic
def import_catalogue(*, scope: Scope, catalogue: Any, seen: str) -> int:
    """Take the file's fields over, all or none; how many were made or changed. `seen` is the comparison's fingerprint.

    Raises Forbidden, Invalid (no such file), Conflict (a field is refused, or the difference is no longer the one seen).
    """
    done = list(_take_over(scope, _entries(catalogue)))
    if any(one.refusal for one in done):
        raise Conflict(_("Some fields cannot be taken over."))
    if fingerprint(done) != seen:
        raise Conflict(_("The catalogue was changed meanwhile. This is the difference now."))
    return sum(one.step is not Step.SAME for one in done)


def _take_over(scope: Scope, entries: list[Mapping[str, Any]]) -> Iterator[FieldDifference]:
    scope.require("catalogue.edit")
    here = {(one.entity, one.key): one for one in FieldDefinition.objects.visible_to(scope)}
    for entry in entries:
        one, told = here.get((entry["entity"], entry["key"])), {name: entry[name] for name in TOLD if name in entry}
        changes = {
            name: (None if one is None else getattr(one, name), value)
            for name, value in told.items()
            if one is None or getattr(one, name) != value
        }
        step = Step.NEW if one is None else Step.CHANGED if changes else Step.SAME
        difference = FieldDifference(entry["entity"], entry["key"], entry["label_de"], step, changes)
        try:
            with transaction.atomic():
                _write(scope, one, entry, {name: value for name, (_old, value) in changes.items()})
        except (Invalid, Conflict) as refused:
            difference.refusal = _said(refused)
        yield difference


def _write(scope: Scope, one: FieldDefinition | None, entry: Mapping[str, Any], changes: dict[str, Any]) -> None:
    if one is None:
        values = {name: value for name, value in changes.items() if name in CHANGEABLE and name != "type"}
        one = define_field(scope=scope, entity=entry["entity"], key=entry["key"], type=entry["type"], values=values)
        changes = {name: changes[name] for name in ("is_hot", "is_active") if name in changes}
    if changes:
        edit_field(scope=scope, definition_id=one.pk, changes=changes)


def _said(refused: DomainError) -> str:
    return " ".join(refused.errors.values()) if isinstance(refused, Invalid) and refused.errors else refused.message


def _entries(catalogue: Any) -> list[Mapping[str, Any]]:
    """The fields of a well-formed file; raises Invalid with the first thing that is wrong and where."""
    if not isinstance(catalogue, dict) or catalogue.get("format") != FORMAT or not _is_storable(catalogue):
        raise Invalid(_("This is no field catalogue of FreshPlan."), field="file")
    entries = catalogue.get("fields")
    if not isinstance(entries, list) or not entries or len(entries) > MOST:
        raise Invalid(_("A catalogue has 1 to %(most)d fields.") % {"most": MOST}, field="file")
    seen = set()
    for number, entry in enumerate(entries, start=1):
        if wrong := _wrong(entry):
            raise Invalid(_("Field %(number)d: %(wrong)s") % {"number": number, "wrong": wrong}, field="file")
        if (place := (entry["entity"], entry["key"])) in seen:
            raise Invalid(_("The field %(key)s stands there twice.") % {"key": entry["key"]}, field="file")
        seen.add(place)
    return entries


def _is_storable(catalogue: Any) -> bool:
    """Whether the database takes it: JSON of Python also has NaN, halves of letters and the letter that ends a text in C."""
    try:
        return b"\\u0000" not in json.dumps(catalogue, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False


def _wrong(entry: Any) -> str:
    if not isinstance(entry, dict):
        return _("It has the wrong shape.")
    if entry.get("entity") not in FieldEntity.values or not isinstance(entry.get("key"), str):
        return _("Entity or key is missing or unknown.")
    missing = sorted({"label_de", "label_en", "type"} - entry.keys())
    if missing:
        return _("There is no %(names)s.") % {"names": ", ".join(missing)}
    unknown = sorted(entry.keys() - {"entity", "key", *TOLD})
    if unknown:
        return _("Unknown: %(names)s.") % {"names": ", ".join(unknown)}
    shapeless = sorted(name for name in TOLD if name in entry and type(entry[name]) is not SHAPES[name])
    return _("Wrong kind of value: %(names)s.") % {"names": ", ".join(shapeless)} if shapeless else ""
