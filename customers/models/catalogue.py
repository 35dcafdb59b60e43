"""The field catalogue: definitions, and one row per customer and field."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal, personal
from crm.core.models import OrganisationModel, VersionedModel, history_table
from customers.choices import FieldEntity, FieldType, Sensitivity
from customers.models.account import Customer
from customers.querysets import BelongsToCustomerQuerySet, FieldDefinitionQuerySet


class FieldDefinition(OrganisationModel, VersionedModel):
    """A field that managers add without a deploy. A key is never reused; a type changes only while no value exists."""

    entity = internal(
        models.CharField(_("entity"), max_length=12, choices=FieldEntity.choices, default=FieldEntity.CUSTOMER)
    )
    key = internal(
        models.CharField(
            _("key"),
            max_length=40,
            validators=[
                RegexValidator(r"^[a-z][a-z0-9_]*$", _("Small letters, digits and _, beginning with a letter."))
            ],
        )
    )
    label_de = internal(models.CharField(_("label (German)"), max_length=80))
    label_en = internal(models.CharField(_("label (English)"), max_length=80))
    help_de = internal(models.CharField(_("help (German)"), max_length=300, blank=True))
    help_en = internal(models.CharField(_("help (English)"), max_length=300, blank=True))
    group = internal(models.CharField(_("group"), max_length=40, default="general"))
    position = internal(models.PositiveIntegerField(_("order"), default=100))
    type = internal(models.CharField(_("type"), max_length=14, choices=FieldType.choices))
    validation = internal(
        models.JSONField(
            _("validation"),
            default=dict,
            blank=True,
            help_text=_('Any of required, min, max, pattern, choices: [{"value", "label_de", "label_en"}].'),
        )
    )
    visible_if = internal(
        models.JSONField(
            _("visible if"), default=dict, blank=True, help_text=_('{"field": key, "equals": value} of another field.')
        )
    )
    sensitivity = internal(
        models.CharField(_("sensitivity"), max_length=12, choices=Sensitivity.choices, default=Sensitivity.INTERNAL)
    )
    is_hot = internal(models.BooleanField(_("hot"), default=False, help_text=_("Lists filter and sort by it.")))
    hot_slot = internal(models.CharField(_("slot"), max_length=16, blank=True, editable=False))
    hot_ready_at = internal(
        models.DateTimeField(
            _("slot filled"), null=True, editable=False, help_text=_("Until then lists read the values themselves.")
        )
    )
    freed_slot = internal(
        models.CharField(_("slot being emptied"), max_length=16, blank=True, db_default="", default="", editable=False)
    )
    is_active = internal(models.BooleanField(_("active"), default=True))

    objects = FieldDefinitionQuerySet.as_manager()
    history = history_table()

    class Meta:
        verbose_name, verbose_name_plural = _("field definition"), _("field definitions")
        ordering = ["entity", "group", "position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "entity", "key"], name="field_key_once"),
            models.UniqueConstraint(
                fields=["organisation", "entity", "hot_slot"], condition=~Q(hot_slot=""), name="field_slot_once"
            ),
            models.CheckConstraint(condition=Q(type__in=FieldType.values), name="field_type_known"),
            models.CheckConstraint(condition=Q(entity__in=FieldEntity.values), name="field_entity_known"),
            models.CheckConstraint(condition=Q(sensitivity__in=Sensitivity.values), name="field_sensitivity_known"),
            models.CheckConstraint(
                condition=Q(is_hot=False) | ~Q(sensitivity=Sensitivity.RESTRICTED), name="field_restricted_never_hot"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The label in the active language."""
        return self.label_en if (get_language() or "").startswith("en") else self.label_de

    @property
    def ready_slot(self) -> str:
        """The slot that lists may read: "" until it is filled."""
        return self.hot_slot if self.hot_ready_at is not None else ""

    @property
    def help_text(self) -> str:
        """The help in the active language."""
        return self.help_en if (get_language() or "").startswith("en") else self.help_de


class CustomerFieldValue(OrganisationModel):
    """One value. `value` is canonical JSON by the field's type; the keys beside it are what filters compare.

    JSON forms: text, choice, date (`YYYY-MM-DD`), URL, mail, phone: string; number, money, user: number; yes or no: boolean;
    several choices: list of strings. `text_key` is the folded text, `number_key` the number times 10,000.
    """

    customer = internal(models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="field_values"))
    definition = internal(models.ForeignKey(FieldDefinition, on_delete=models.PROTECT, related_name="+"))
    value = personal(models.JSONField(_("value")))
    text_key = personal(
        models.GeneratedField(
            expression=Func(F("value"), function="crm_text_key"),
            output_field=models.TextField(null=True, db_collation="C"),
            db_persist=True,
        )
    )
    number_key = personal(
        models.GeneratedField(
            expression=Func(F("value"), function="crm_number_key"),
            output_field=models.BigIntegerField(null=True),
            db_persist=True,
        )
    )

    objects = BelongsToCustomerQuerySet.as_manager()
    history = history_table(without=["text_key", "number_key"])

    class Meta:
        verbose_name, verbose_name_plural = _("field value"), _("field values")
        constraints = [models.UniqueConstraint(fields=["customer", "definition"], name="field_value_once")]
        indexes = [
            models.Index(fields=["definition", "text_key", "customer"], name="field_value_by_text"),
            models.Index(
                fields=["definition", "number_key", "customer"],
                name="field_value_by_number",
                condition=Q(number_key__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.value)


class CustomerFieldChoice(OrganisationModel):
    """One choice of a field with several, as a row with a btree key. Kept by a trigger on the values."""

    customer = internal(models.ForeignKey(Customer, on_delete=models.DO_NOTHING, related_name="+"))
    definition = internal(models.ForeignKey(FieldDefinition, on_delete=models.PROTECT, related_name="+"))
    choice = internal(models.CharField(_("choice"), max_length=200, db_collation="C"))

    objects = BelongsToCustomerQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("choice"), _("choices")
        constraints = [
            models.UniqueConstraint(fields=["customer", "definition", "choice"], name="field_choice_once"),
        ]
        indexes = [models.Index(fields=["definition", "choice", "customer"], name="field_choice_by_choice")]

    def __str__(self) -> str:
        return self.choice
