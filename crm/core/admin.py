"""The admin: the same sign-in, scope, rights and services as the pages; never the superuser flag.

A model appears there by a `ServiceModelAdmin`. Registrations of libraries are left out: their tables are nobody's to
edit.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.options import ModelAdmin
from django.db.models import Field, ManyToManyField, Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope, ScopedQuerySet
from crm.core.errors import DomainError, Forbidden, NotFound

if TYPE_CHECKING:
    _Base = ModelAdmin[Any]
else:
    _Base = ModelAdmin


class CrmAdminSite(admin.AdminSite):
    """Open to who has the right `admin.open`; signed in by the product's own pages."""

    site_header = _("FreshPlan administration")
    site_title = _("FreshPlan administration")
    index_title = _("Administration")
    enable_nav_sidebar = True

    def register(
        self, model_or_iterable: Any, admin_class: type[ModelAdmin[Any]] | None = None, **options: Any
    ) -> None:
        """Only admins that read through the scope and write through services."""
        if admin_class is not None and issubclass(admin_class, ServiceModelAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the scope may open the admin."""
        scope = scope_of(request)
        return scope is not None and scope.allows("admin.open")

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Somebody signed in without the right is refused; somebody not signed in is sent to sign in."""
        inner = super().admin_view(view, cacheable)

        @functools.wraps(inner)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if scope_of(request) is not None and not self.has_permission(request):
                raise Forbidden(gettext("This role may not open the administration."))
            answer: HttpResponse = inner(request, *args, **kwargs)
            return answer

        return guarded

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The product's sign-in."""
        return redirect(
            f"{reverse('account_login')}?{urlencode({'next': request.GET.get('next', reverse('admin:index'))})}"
        )

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]
        """The product's sign-out."""
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]
        """The product's page for a new password."""
        return redirect("account_change_password")


def scope_of(request: HttpRequest) -> Scope | None:
    """The request's scope, or None before sign-in."""
    return getattr(request, "scope", None)


class ServiceModelAdmin(_Base):
    """Read-only, unless `change_right` or `add_right` names a right; then `save_model` calls a service."""

    view_right = "admin.open"
    change_right = ""
    add_right = ""
    show_facets = admin.ShowFacets.NEVER  # facets count every row
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows that the scope may read."""
        return _visible(self.model._default_manager.all(), request).order_by(*self.get_ordering(request))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """By `view_right`."""
        return self._allows(request, self.view_right)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """By `change_right`."""
        return self._allows(request, self.change_right)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """By `add_right`."""
        return self._allows(request, self.add_right)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never: what goes to the trash goes there on its page."""
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        """By `view_right`."""
        return self._allows(request, self.view_right)

    def _allows(self, request: HttpRequest, right: str) -> bool:
        scope = scope_of(request)
        return bool(right) and scope is not None and scope.allows("admin.open") and scope.allows(right)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool) -> None:
        """Subclasses with a right to write call their service here."""
        raise Forbidden(gettext("This cannot be changed here."))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing: the service has written it all."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A service's refusal is shown as a message."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (NotFound, Forbidden):
            raise
        except DomainError as error:
            messages.error(request, error.message)
            return redirect(request.get_full_path())

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only rows that the scope may read can be chosen."""
        return super().formfield_for_foreignkey(db_field, request, **(_choices(db_field, request) | kwargs))

    def formfield_for_manytomany(self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Only rows that the scope may read can be chosen."""
        return super().formfield_for_manytomany(db_field, request, **(_choices(db_field, request) | kwargs))

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """Nothing: the history's triggers write who did what."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """Nothing: the history's triggers write who did what."""


def _visible(rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
    scope = scope_of(request)
    if scope is None or not isinstance(rows, ScopedQuerySet):
        return rows.none()
    return rows.visible_to(scope)


def _choices(field: Field[Any, Any], request: HttpRequest) -> dict[str, Any]:
    related = field.related_model
    if related is None or isinstance(related, str):
        return {}
    return {"queryset": _visible(related._default_manager.all(), request)}
