"""The starter catalogue: fields that food sales asks for, in German and English, as data beside this module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from django.db import transaction

from crm.core.access import Scope
from customers.choices import FieldEntity
from customers.models import FieldDefinition
from customers.services.catalogue import define_field, set_hot

STARTER: Final = Path(__file__).with_name("catalogue_starter.json")


def starter_fields() -> list[dict[str, Any]]:
    """The fields of the starter catalogue: `key`, `type`, `is_hot` and what `define_field` takes as values."""
    fields: list[dict[str, Any]] = json.loads(STARTER.read_text(encoding="utf-8"))
    return fields


@transaction.atomic
def install_starter_catalogue(*, scope: Scope) -> int:
    """Add the starter fields that the organisation does not have; the number added. Fields there stay as they are.

    Raises Forbidden without the right to edit the catalogue, Conflict where no slot is free for a hot field.
    """
    scope.require("catalogue.edit")
    there = FieldDefinition.objects.visible_to(scope).of_entity(FieldEntity.CUSTOMER).values_list("key", flat=True)
    missing = [field for field in starter_fields() if field["key"] not in set(there)]
    for field in missing:
        values = dict(field)
        key, kind, is_hot = values.pop("key"), values.pop("type"), values.pop("is_hot", False)
        definition = define_field(scope=scope, entity=FieldEntity.CUSTOMER, key=key, type=kind, values=values)
        if is_hot:
            set_hot(scope=scope, definition_id=definition.pk, hot=True)
    return len(missing)
