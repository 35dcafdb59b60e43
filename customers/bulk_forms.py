"""The forms of what is done with many customers; `promised` carries the number that the person agrees to."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.core.access import Scope
from customers import services
from customers.choices import Bulk
from customers.forms import GridForm, labelled, owner_choices
from customers.inline_forms import column_field, value_field
from customers.models import FieldDefinition, Tag
from customers.services.bulk import COLUMNS
from customers.services.fields import writable_fields
from customers.services.tags import LONGEST
from customers.shown import upper_first

MOST_TAGS: Final = 500
NOBODY: Final = "nobody"


class BulkForm(GridForm):
    """Nothing but the number: for what needs no answer."""

    promised = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, *args: Any, scope: Scope, again: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.complete(scope, again)

    def complete(self, scope: Scope, again: str) -> None:
        """Fill in what depends on the person; `again` is the form's own address, for one that asks in two steps."""

    def values(self) -> dict[str, Any]:
        """What the change takes."""
        return {name: value for name, value in self.cleaned_data.items() if name != "promised"}


class BulkOwnerForm(BulkForm):
    """Who looks after them, or nobody, said outright: many are not released by a press of Enter.

    A chain manager chooses as inside his chains; each row is checked by itself.
    """

    owner_id = forms.TypedChoiceField(
        label=gettext_lazy("Owner"), coerce=lambda text: None if text == NOBODY else int(text)
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=500, required=False, widget=forms.Textarea({"rows": 3})
    )

    def complete(self, scope: Scope, again: str) -> None:
        """The people who may be chosen."""
        owners = services.possible_owners(scope, next(iter(scope.changeable_ids), None))
        _nobody, *people = owner_choices(scope, owners, "")
        nobody = (NOBODY, _("nobody (release)"))
        self.fields["owner_id"].choices = labelled([*people, nobody]) if people else [nobody]  # type: ignore[attr-defined]


class BulkTagForm(BulkForm):
    """The tag to give."""

    tag = forms.CharField(label=gettext_lazy("Tag"), max_length=LONGEST)


class BulkUntagForm(BulkForm):
    """The tag to take away, one of those that there are."""

    tag = forms.ChoiceField(label=gettext_lazy("Tag"))

    def complete(self, scope: Scope, again: str) -> None:
        """The tags of the organisation."""
        names = Tag.objects.visible_to(scope).order_by("name").values_list("name", flat=True)[:MOST_TAGS]
        self.fields["tag"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]


class BulkReasonForm(BulkForm):
    """A step of the status, with its reason."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500, widget=forms.Textarea({"rows": 3}))


class BulkFieldForm(BulkForm):
    """Which field, and its value: another field brings another control, so the form is asked for again."""

    field = forms.ChoiceField(label=gettext_lazy("Field"))

    def complete(self, scope: Scope, again: str) -> None:
        """The columns, the catalogue's fields by group, and the control of the chosen one."""
        catalogue = {f"fields.{key}": definition for key, definition in writable_fields(scope).items()}
        columns = [(name, upper_first(str(column_field(name).label))) for name in COLUMNS]
        choices = [
            (_("Account"), columns),
            (_("Field catalogue"), [(key, one.label) for key, one in catalogue.items()]),
        ]
        chosen: Any = self["field"].value()
        if chosen not in COLUMNS and chosen not in catalogue:
            chosen = COLUMNS[0]
        self.fields["field"].choices = choices  # type: ignore[attr-defined]
        self.fields["field"].initial = chosen
        self.fields["field"].widget.attrs |= {
            "hx-get": again,
            "hx-target": "closest form",
            "hx-swap": "outerHTML",
        }
        self.fields["value"] = _control(chosen, catalogue.get(chosen), scope)


def _control(name: str, definition: FieldDefinition | None, scope: Scope) -> forms.Field:
    control = column_field(name) if definition is None else value_field(definition, scope)
    control.label = _("New value")
    control.help_text = "" if control.required else _("Empty clears the field.")
    return control


FORMS: Final[dict[str, type[BulkForm]]] = {
    Bulk.OWNER: BulkOwnerForm,
    Bulk.TAG: BulkTagForm,
    Bulk.UNTAG: BulkUntagForm,
    Bulk.ARCHIVE: BulkReasonForm,
    Bulk.REOPEN: BulkReasonForm,
    Bulk.FIELD: BulkFieldForm,
    Bulk.DELETE: BulkForm,
}
