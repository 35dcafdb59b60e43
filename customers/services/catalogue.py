"""The field catalogue: add fields, change them, take them out of use, make them filter and sort lists."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict, Duplicate, Invalid
from customers.choices import FieldEntity, FieldType, Sensitivity
from customers.events import FieldDefinitionHotChanged
from customers.models import CustomerFieldValue, FieldDefinition
from customers.models.projection import DATE_SLOTS, NUMBER_SLOTS, TEXT_SLOTS
from customers.services.locking import apply, refuse_stale
from jobs.services import start_task
from outbox.services import publish

PROJECT_FIELD: Final = "customers.project_field"

CHANGEABLE: Final = (
    "label_de",
    "label_en",
    "help_de",
    "help_en",
    "group",
    "position",
    "type",
    "validation",
    "visible_if",
    "sensitivity",
)
NUMBERS: Final = {FieldType.INTEGER, FieldType.DECIMAL, FieldType.MONEY}
RULES: Final = {"required", "min", "max", "pattern", "choices"}
SLOTS: Final[dict[str, tuple[str, ...]]] = {
    FieldType.TEXT: TEXT_SLOTS,
    FieldType.CHOICE: TEXT_SLOTS,
    FieldType.BOOLEAN: TEXT_SLOTS,
    FieldType.EMAIL: TEXT_SLOTS,
    FieldType.PHONE: TEXT_SLOTS,
    FieldType.URL: TEXT_SLOTS,
    FieldType.INTEGER: NUMBER_SLOTS,
    FieldType.DECIMAL: NUMBER_SLOTS,
    FieldType.MONEY: NUMBER_SLOTS,
    FieldType.USER: NUMBER_SLOTS,
    FieldType.DATE: DATE_SLOTS,
}


@transaction.atomic
def define_field(*, scope: Scope, entity: str, key: str, type: str, values: Mapping[str, Any]) -> FieldDefinition:
    """A new field, at once on every page. A key is never reused, not even after its field went out of use.

    `values` maps names of CHANGEABLE to values. Raises Forbidden, Invalid (per field), Duplicate (key taken).
    """
    scope.require("catalogue.edit")
    definition = FieldDefinition(organisation_id=scope.organisation_id, created_at=scope.now)
    apply(definition, {"entity": entity, "key": key, "type": type, **values}, allowed=("entity", "key", *CHANGEABLE))
    _require(definition)
    _check_rules(definition)
    try:
        with transaction.atomic():
            definition.save(force_insert=True)
    except IntegrityError:
        raise Duplicate(_("This key is taken; a key is never used again."), field="key") from None
    return definition


@transaction.atomic
def change_field(
    *, scope: Scope, definition_id: int, changes: Mapping[str, Any], version: int | None = None
) -> FieldDefinition:
    """Change labels, group, order, rules, sensitivity, and the type while no value exists.

    Raises NotFound, Forbidden, Invalid (per field), Conflict (type with values; hot and RESTRICTED; changed meanwhile).
    """
    definition = _locked(scope, definition_id)
    refuse_stale(definition, changes, version)
    new_type = changes.get("type", definition.type)
    if new_type != definition.type and CustomerFieldValue.objects.filter(definition=definition).exists():
        raise Conflict(_("The type cannot change any more: there are values already."), field="type")
    if new_type != definition.type and definition.is_hot:
        raise Conflict(_("A field that lists sort by keeps its type. Take it out of the lists first."), field="type")
    if changes.get("sensitivity") == Sensitivity.RESTRICTED and definition.is_hot:
        raise Conflict(
            _("A field that lists sort by cannot be restricted. Take it out of the lists first."), field="sensitivity"
        )
    was_open = definition.sensitivity != Sensitivity.RESTRICTED
    if changed := apply(definition, changes, allowed=CHANGEABLE):
        _require(definition)
        _check_rules(definition)
        definition.save(update_fields=changed)
        if was_open != (definition.sensitivity != Sensitivity.RESTRICTED):
            _tell(scope, definition, definition.hot_slot)
    return definition


@transaction.atomic
def edit_field(*, scope: Scope, definition_id: int, changes: Mapping[str, Any]) -> FieldDefinition:
    """What an editor of the catalogue changes at once: names of CHANGEABLE, `is_hot` and `is_active`.

    First what leaves the lists, then the definition, then what enters them. Raises what each of these steps raises.
    """
    one: dict[str, Any] = {"scope": scope, "definition_id": definition_id}
    hot, active = changes.get("is_hot"), changes.get("is_active")
    if hot is False:
        set_hot(**one, hot=False)
    if active is True:
        reactivate_field(**one)
    change_field(**one, changes={name: value for name, value in changes.items() if name in CHANGEABLE})
    if hot is True:
        set_hot(**one, hot=True)
    if active is False:
        deactivate_field(**one)
    return FieldDefinition.objects.visible_to(scope).get_or_not_found(pk=definition_id)


@transaction.atomic
def deactivate_field(*, scope: Scope, definition_id: int) -> FieldDefinition:
    """Take a field out of use; its values stay, its slot is free once it is emptied. Raises NotFound, Forbidden."""
    definition = _locked(scope, definition_id)
    if definition.is_active:
        slot, definition.is_active = definition.hot_slot, False
        definition.save(update_fields=["is_active", *_free(definition)])
        _tell(scope, definition, slot)
    return definition


@transaction.atomic
def reactivate_field(*, scope: Scope, definition_id: int) -> FieldDefinition:
    """Take a field back into use, with the values it had. Raises NotFound, Forbidden."""
    definition = _locked(scope, definition_id)
    if not definition.is_active:
        definition.is_active = True
        definition.save(update_fields=["is_active"])
        _tell(scope, definition, "")
    return definition


@transaction.atomic
def set_hot(*, scope: Scope, definition_id: int, hot: bool) -> FieldDefinition:
    """Let lists filter and sort by the field, or no longer; a worker fills its slot, or empties it, in batches.

    Until it is filled lists read the values; until it is emptied no other field gets it. Raises NotFound, Forbidden,
    Conflict with the reason (not of customers, out of use, RESTRICTED, of a type without slots, still being emptied, or
    no slot is free).
    """
    definition = _locked(scope, definition_id)
    if definition.is_hot == hot:
        return definition
    slot = definition.hot_slot
    if not hot:
        definition.save(update_fields=_free(definition))
        _tell(scope, definition, slot)
        return definition
    slot = _free_slot(scope, definition)
    # A field made in this very transaction has no values that another one could be writing.
    is_new = definition.created_at == scope.now
    is_ready = is_new and not CustomerFieldValue.objects.filter(definition=definition).exists()
    definition.is_hot, definition.hot_slot, definition.hot_ready_at = True, slot, scope.now if is_ready else None
    definition.save(update_fields=["is_hot", "hot_slot", "hot_ready_at"])
    _tell(scope, definition, slot, has_values=not is_ready)
    return definition


def finish_projection(*, scope: Scope, definition_id: int) -> None:
    """All holders of a value are projected: the field's slot is filled, the one it gave back is empty.

    Called by the task that did it, under the product's own scope, in the transaction of its last batch.
    """
    definition = FieldDefinition.objects.select_for_update(of=("self",)).get_or_not_found(pk=definition_id)
    changed = []
    if definition.hot_slot and definition.hot_ready_at is None:
        definition.hot_ready_at = scope.now
        changed.append("hot_ready_at")
    if definition.freed_slot:
        definition.freed_slot = ""
        changed.append("freed_slot")
    if changed:
        definition.save(update_fields=changed)


def _free(definition: FieldDefinition) -> list[str]:
    """Take its slot away, which others get once it is emptied; the names of the changed fields."""
    definition.freed_slot = definition.hot_slot or definition.freed_slot
    definition.is_hot, definition.hot_slot, definition.hot_ready_at = False, "", None
    return ["is_hot", "hot_slot", "hot_ready_at", "freed_slot"]


def _tell(scope: Scope, definition: FieldDefinition, slot: str, *, has_values: bool = True) -> None:
    """Publish that the field's place in lists changed, and let a worker project who holds a value."""
    publish(FieldDefinitionHotChanged(definition_id=definition.pk, slot=slot))
    if has_values and definition.entity == FieldEntity.CUSTOMER:
        start_task(scope=scope, kind=PROJECT_FIELD, label=definition.key, parameters={"definition_id": definition.pk})


def _locked(scope: Scope, definition_id: int) -> FieldDefinition:
    scope.require("catalogue.edit")
    return FieldDefinition.objects.visible_to(scope).select_for_update(of=("self",)).get_or_not_found(pk=definition_id)


def _free_slot(scope: Scope, definition: FieldDefinition) -> str:
    if definition.entity != FieldEntity.CUSTOMER:
        raise Conflict(_("Only fields of customers have slots in lists."), field="is_hot")
    if not definition.is_active:
        raise Conflict(_("A field out of use has no slot in lists."), field="is_hot")
    if definition.sensitivity == Sensitivity.RESTRICTED:
        raise Conflict(_("A restricted field has no slot in lists: lists would tell what it says."), field="is_hot")
    family = SLOTS.get(definition.type)
    if family is None:
        raise Conflict(_("Lists cannot sort by fields of this type."), field="is_hot")
    if definition.freed_slot:
        raise Conflict(_("The slot that this field had is still being emptied. Try again in a moment."), field="is_hot")
    # Locked together, so that two managers do not take the same slot.
    same = FieldDefinition.objects.visible_to(scope).filter(entity=definition.entity)
    having = same.exclude(hot_slot="", freed_slot="").select_for_update(of=("self",))
    taken = {slot for pair in having.values_list("hot_slot", "freed_slot") for slot in pair}
    free = next((slot for slot in family if slot not in taken), None)
    if free is None:
        raise Conflict(
            _("All %(count)d slots of this kind are taken. Take another field out of the lists first.")
            % {"count": len(family)},
            field="is_hot",
        )
    return free


def _require(definition: FieldDefinition) -> None:
    missing = [name for name in ("key", "label_de", "label_en", "group", "type") if not getattr(definition, name)]
    if missing:
        raise Invalid(
            _("Please check the marked fields."), errors={name: _("This field is required.") for name in missing}
        )


def _check_rules(definition: FieldDefinition) -> None:
    """The shape of `validation` and `visible_if`; raises Invalid for the field at fault."""
    rules = definition.validation
    if not isinstance(rules, dict) or set(rules) - RULES:
        raise Invalid(_("Known rules are: %(rules)s.") % {"rules": ", ".join(sorted(RULES))}, field="validation")
    if definition.type in {FieldType.CHOICE, FieldType.MULTI_CHOICE}:
        _check_choices(rules.get("choices"))
    if "pattern" in rules:
        try:
            re.compile(rules["pattern"])
        except (re.error, TypeError):
            raise Invalid(_("The pattern is no regular expression."), field="validation") from None
    _check_limits(definition.type, rules.get("min"), rules.get("max"))
    condition = definition.visible_if
    if condition and not (
        isinstance(condition, dict) and set(condition) == {"field", "equals"} and isinstance(condition["field"], str)
    ):
        raise Invalid(_("A condition names a field and the value it equals."), field="visible_if")


def _check_limits(kind: str, least: Any, most: Any) -> None:
    """min and max are compared with values, so they are of the values' kind; None is no limit."""
    limits = [limit for limit in (least, most) if limit is not None]
    if kind in NUMBERS:
        if not all(_is_number(limit) for limit in limits):
            raise Invalid(_("The least and the largest value of this field are numbers."), field="validation")
    elif kind == FieldType.DATE:
        if not all(_is_day(limit) for limit in limits):
            raise Invalid(
                _("The least and the largest value of this field are dates such as 2026-11-20."), field="validation"
            )
    elif limits:
        raise Invalid(_("Only numbers and dates have a least and a largest value."), field="validation")
    if len(limits) == 2 and least > most:
        raise Invalid(_("The least value is above the largest one."), field="validation")


def _is_number(limit: Any) -> bool:
    # Compared, not converted: JSON has whole numbers that no float holds.
    return isinstance(limit, (int, float)) and not isinstance(limit, bool) and -math.inf < limit < math.inf


def _is_day(limit: Any) -> bool:
    try:
        return isinstance(limit, str) and date.fromisoformat(limit).isoformat() == limit
    except ValueError:
        return False


def _check_choices(choices: Any) -> None:
    well_formed = (
        isinstance(choices, list)
        and choices
        and all(
            isinstance(choice, dict)
            and all(isinstance(choice.get(name, ""), str) for name in ("value", "label_de", "label_en"))
            and choice.get("value")
            for choice in choices
        )
    )
    if not well_formed:
        raise Invalid(_("Choices are a list of value and labels in both languages."), field="validation")
    values = [choice["value"] for choice in choices]
    if len(set(values)) < len(values):
        raise Invalid(_("A choice is named twice."), field="validation")
