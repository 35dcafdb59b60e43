"""Organisation, teams and users in the admin: read by the scope, written by services."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.core.admin import ServiceModelAdmin
from organisation import services
from organisation.links import address_of
from organisation.models import Organisation, Team, User


class NewOrganisationForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new organisation with its first administrator."""

    admin_name = forms.CharField(label=gettext_lazy("Administrator's name"), max_length=120)
    admin_mail = forms.EmailField(label=gettext_lazy("Administrator's e-mail"), max_length=254)

    class Meta:
        model = Organisation
        fields = ("name", "zone", "language")


@admin.register(Organisation)
class OrganisationAdmin(ServiceModelAdmin):
    """One's own organisation; a new one is set up beside it, with an administrator of its own."""

    list_display = ("name", "zone", "language", "is_demo")
    readonly_fields = ("is_demo",)
    change_right = add_right = "organisation.edit"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The first administrator is asked for once."""
        return (
            ("name", "zone", "language", "is_demo") if obj else ("name", "zone", "language", "admin_name", "admin_mail")
        )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form of a new organisation asks for its administrator."""
        return super().get_form(request, obj, change, **(kwargs if obj else kwargs | {"form": NewOrganisationForm}))

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        """By the services; a new organisation's link is shown once."""
        values = {name: form.cleaned_data[name] for name in ("name", "zone", "language")}
        if change:
            services.change_organisation(scope=request.scope, version=obj.version, **values)
            return
        created, _admin, token = services.create_organisation(
            admin_mail=form.cleaned_data["admin_mail"], admin_name=form.cleaned_data["admin_name"], **values
        )
        obj.pk = created.pk
        text = _("Link for the administrator, good once and for seven days: %(address)s") % {
            "address": address_of(token)
        }
        messages.info(request, text)


@admin.register(Team)
class TeamAdmin(ServiceModelAdmin):
    """Teams."""

    list_display = ("name",)
    search_fields = ("name",)
    fields = ("name", "leads", "postcode_regions")
    change_right = add_right = "people.manage"

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        """By the services."""
        values = {name: form.cleaned_data[name] for name in ("name", "leads", "postcode_regions")}
        if change:
            services.change_team(scope=request.scope, team_id=obj.pk, version=obj.version, **values)
            return
        obj.pk = services.create_team(scope=request.scope, **values).pk


@admin.register(User)
class UserAdmin(ServiceModelAdmin):
    """People; adding one here makes no link: the people page does."""

    list_display = ("name", "email", "role", "team", "is_active")
    list_filter = ("role", "is_active")
    list_select_related = ("team",)
    search_fields = ("name", "email")
    fields = ("name", "email", "role", "team", "phone", "added_rights", "withdrawn_rights", "is_active", "language")
    readonly_fields = ("email", "is_active", "language")
    change_right = "people.manage"

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        """By the services."""
        names = ("name", "role", "team", "phone", "added_rights", "withdrawn_rights")
        values = {name: form.cleaned_data[name] for name in names}
        services.change_user(scope=request.scope, user_id=obj.pk, version=obj.version, **values)
