"""The editor of one field where it stands: a column of the account, or a value of the field catalogue."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Field

from crm.core.access import Scope
from crm.core.digits import typed_number
from crm.core.forms import ServiceForm
from crm.core.templatetags.formats import number
from customers.choices import FieldType
from customers.forms import YES_NO, day_input, labelled
from customers.models import Customer, FieldDefinition
from customers.shown import choice_label
from organisation.models import User


class InlineForm(ServiceForm):
    """One field, edited in place. `was` is what it began with: the row's version, or a catalogue value as JSON."""

    was = forms.JSONField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, field: forms.Field, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["value"] = field


class MoneyField(forms.DecimalField):
    """An amount as people type it in their language: 1.234,56 or 1,234.56."""

    widget = forms.TextInput

    def to_python(self, value: Any) -> Any:
        """The amount; raises ValidationError for what is no number."""
        return super().to_python(typed_number(value) if isinstance(value, str) else value)

    def prepare_value(self, value: Any) -> Any:
        """As it is typed: without the sign of the currency."""
        return number(value, 0 if value == int(value) else 2) if isinstance(value, Decimal) else value

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """A phone shows its number keys."""
        return {"inputmode": "decimal"}


def column_field(name: str) -> forms.Field:
    """The form field that edits a column of the account in place."""
    column: Field[Any, Any] = Customer._meta.get_field(name)  # type: ignore[assignment]
    if column.get_internal_type() == "BooleanField":
        return forms.TypedChoiceField(choices=YES_NO[1:], coerce=lambda text: text == "true", label=column.verbose_name)
    if column.get_internal_type() == "DecimalField":
        return MoneyField(max_digits=12, decimal_places=2, min_value=0, required=False, label=column.verbose_name)
    if column.get_internal_type() == "DateField":
        return forms.DateField(required=False, widget=day_input(), label=column.verbose_name)
    if name == "phone":
        return forms.CharField(
            max_length=40, required=False, widget=forms.TextInput({"type": "tel"}), label=column.verbose_name
        )
    if name == "website":
        return forms.URLField(max_length=300, required=False, assume_scheme="https", label=column.verbose_name)
    made = column.formfield()
    assert made is not None  # noqa: S101 - every editable column has a form field
    return made


def value_field(definition: FieldDefinition, scope: Scope) -> forms.Field:  # noqa: PLR0911 - one answer a type
    """The form field that edits a catalogue value in place; the service checks what is typed."""
    required: dict[str, Any] = {"required": False, "label": definition.label}
    choices = [(choice["value"], choice_label(choice)) for choice in definition.validation.get("choices", [])]
    match definition.type:
        case FieldType.CHOICE:
            return forms.ChoiceField(choices=labelled(choices), **required)
        case FieldType.MULTI_CHOICE:
            return forms.MultipleChoiceField(
                choices=choices, widget=forms.SelectMultiple({"size": min(8, len(choices))}), **required
            )
        case FieldType.BOOLEAN:
            return forms.ChoiceField(choices=YES_NO, **required)
        case FieldType.DATE:
            return forms.CharField(widget=day_input(), **required)
        case FieldType.LONG_TEXT:
            return forms.CharField(widget=forms.Textarea({"rows": 4}), **required)
        case FieldType.USER:
            people = User.objects.visible_to(scope).active().order_by("name").values_list("pk", "name")
            return forms.ChoiceField(choices=labelled([(str(pk), name) for pk, name in people]), **required)
        case FieldType.INTEGER | FieldType.DECIMAL | FieldType.MONEY:
            return forms.CharField(widget=forms.TextInput({"inputmode": "decimal"}), **required)
    kinds = {FieldType.EMAIL: "email", FieldType.URL: "url", FieldType.PHONE: "tel"}
    return forms.CharField(widget=forms.TextInput({"type": kinds.get(FieldType(definition.type), "text")}), **required)
