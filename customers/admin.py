"""Field catalogue and tags in the admin, written by services; customers to look up, with the way to their page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from crm.core.admin import ServiceModelAdmin
from customers import services
from customers.models import Customer, FieldDefinition, Tag
from customers.services.catalogue import CHANGEABLE


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
