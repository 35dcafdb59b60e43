"""Field catalogue and tags in the admin, written by services; customers to look up, with the way to their page."""

from __future__ import annotations

import json
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from crm.core.admin import ServiceModelAdmin
from crm.core.errors import Conflict, Forbidden, Invalid
from customers import services
from customers.choices import FieldEntity
from customers.models import Customer, FieldDefinition, Tag
from customers.services.catalogue import CHANGEABLE
from customers.services.catalogue_exchange import FieldDifference, Step, fingerprint

MOST_BYTES: Final = 512 * 1024


class CatalogueFileForm(forms.Form):
    """A catalogue as a file, or once more as the text that a comparison was shown for."""

    file = forms.FileField(label=_("Catalogue (JSON)"), required=False, max_length=200)
    text = forms.CharField(required=False, widget=forms.HiddenInput)
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """`catalogue` is what the file or the text says, `text` its JSON."""
        data = super().clean() or {}
        file, text = data.get("file"), data.get("text") or ""
        if file is not None and file.size > MOST_BYTES:
            raise ValidationError({"file": gettext("A catalogue is not larger than 512 kB.")})
        if file is None and not text:
            raise ValidationError({"file": gettext("This field is required.")})
        try:
            data["catalogue"] = json.loads(file.read() if file is not None else text)
        except (ValueError, RecursionError):
            raise ValidationError({"file": gettext("This is no field catalogue of FreshPlan.")}) from None
        return data


def _line(one: FieldDifference) -> dict[str, Any]:
    """A difference as the page shows it; a new field's values stand in the file."""
    changes = [] if one.step is Step.NEW else [(name, *(map(_shown, pair))) for name, pair in one.changes.items()]
    return {
        "label": one.label,
        "key": one.key,
        "entity": FieldEntity(one.entity).label,
        "is_new": one.step is Step.NEW,
        "changes": [
            (FieldDefinition._meta.get_field(name).verbose_name, *pair)  # type: ignore[union-attr]
            for name, *pair in changes
        ],
        "refusal": one.refusal,
    }


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return (json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)) or "–"


@admin.register(FieldDefinition)
class FieldDefinitionAdmin(ServiceModelAdmin):
    """The field catalogue: a new field stands on every page at once."""

    change_right = add_right = "catalogue.edit"
    list_display = ("label_de", "key", "entity", "type", "group", "position", "sensitivity", "is_hot", "is_active")
    list_filter = ("entity", "group", "type", "sensitivity", "is_hot", "is_active")
    search_fields = ("key", "label_de", "label_en")
    ordering = ("entity", "group", "position", "pk")
    fieldsets = (
        (
            None,
            {"fields": ("entity", "key", "type", "label_de", "label_en", "help_de", "help_en", "group", "position")},
        ),
        (_("Rules"), {"fields": ("validation", "visible_if", "sensitivity")}),
        (_("Use"), {"fields": ("is_hot", "hot_slot", "is_active")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Entity and key stay; a new field is active."""
        return ("entity", "key", "hot_slot") if obj else ("hot_slot", "is_active")

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        """By the services, a new field's place in the lists as well."""
        data, changed = form.cleaned_data, set(form.changed_data)
        if not change:
            values = {name: data[name] for name in CHANGEABLE if name in data and name != "type"}
            made = services.define_field(
                scope=request.scope, entity=data["entity"], key=data["key"], type=data["type"], values=values
            )
            obj.pk = made.pk
            changed &= {"is_hot"}
        changes = {name: data[name] for name in (*CHANGEABLE, "is_hot", "is_active") if name in changed}
        services.edit_field(scope=request.scope, definition_id=obj.pk, changes=changes)

    def get_urls(self) -> list[URLPattern]:
        """The catalogue's way to and from other installations as well."""
        guard = self.admin_site.admin_view
        return [
            path("export/", guard(self.export_view), name="customers_fielddefinition_export"),
            path("import/", guard(self.import_view), name="customers_fielddefinition_import"),
            *super().get_urls(),
        ]

    def export_view(self, request: Any) -> HttpResponse:
        """All fields as a JSON file."""
        answer = JsonResponse(
            services.export_catalogue(scope=request.scope), json_dumps_params={"ensure_ascii": False, "indent": 1}
        )
        answer["Content-Disposition"] = 'attachment; filename="field-catalogue.json"'
        return answer

    def import_view(self, request: Any) -> HttpResponse:
        """A file is compared first; what was seen is then taken over, whole or not at all."""
        if not self.has_add_permission(request):
            raise Forbidden(gettext("This role may not change the field catalogue."))
        form = CatalogueFileForm(request.POST or None, request.FILES or None)
        differences: list[FieldDifference] = []
        if form.is_valid():
            catalogue, seen = form.cleaned_data["catalogue"], form.cleaned_data["seen"]
            try:
                if seen:
                    done = services.import_catalogue(scope=request.scope, catalogue=catalogue, seen=seen)
                    text = ngettext("%(count)d field taken over.", "%(count)d fields taken over.", done)
                    messages.success(request, text % {"count": done})
                    return redirect("admin:customers_fielddefinition_changelist")
            except Conflict as refused:
                messages.error(request, refused.message)
            try:
                differences = services.compare_catalogue(scope=request.scope, catalogue=catalogue)
            except Invalid as refused:
                form.add_error("file", refused.message)
        context = self.admin_site.each_context(request) | {
            "title": gettext("Take a field catalogue over"),
            "opts": self.model._meta,
            "form": form,
            "compared": bool(differences),
            "lines": [_line(one) for one in differences if one.step is not Step.SAME],
            "same": sum(one.step is Step.SAME for one in differences),
            "text": json.dumps(form.cleaned_data["catalogue"], ensure_ascii=False) if differences else "",
            "seen": fingerprint(differences),
            "is_refused": any(one.refusal for one in differences),
        }
        return render(request, "admin/customers/fielddefinition/import.html", context)


@admin.register(Tag)
class TagAdmin(ServiceModelAdmin):
    """The words that customers are marked with; they come and go on the customers' pages."""

    list_display = ("name",)
    search_fields = ("name",)


@admin.register(Customer)
class CustomerAdmin(ServiceModelAdmin):
    """Customers, to look up; they are changed on their own page, which also holds their history."""

    list_display = ("customer_number", "company_name", "account_type", "status", "owner", "page")
    list_filter = ("status", "account_type", "business_type")
    search_fields = ("^customer_number", "^name_key")
    ordering = ("-pk",)
    list_select_related = ("owner",)
    list_per_page = 50
    fields = readonly_fields = (
        "page",
        "customer_number",
        "company_name",
        "trading_name",
        "account_type",
        "chain",
        "status",
        "status_since",
        "owner",
        "business_type",
        "source",
        "xentral_customer_id",
        "created_at",
        "updated_at",
    )

    @admin.display(description=_("Page"))
    def page(self, customer: Customer) -> SafeString:
        """The way to the customer's own page."""
        return format_html('<a href="{}">{}</a>', reverse("customers:detail", args=[customer.pk]), _("open"))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The history on the customer's own page."""
        return redirect(reverse("customers:detail", args=[int(object_id)]) + "?tab=history")
