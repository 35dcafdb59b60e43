"""Contacts, addresses, season, tags and pains of an account: small forms beside its page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from crm.core.access import CrmRequest
from crm.core.digits import whole_number
from crm.core.forms import ServiceForm
from customers import services
from customers.choices import PATTERN_MONTHS, SeasonalPattern, SeasonNow
from customers.forms import AddressForm, ContactForm, PainsForm, SeasonForm, TagsForm
from customers.models import Address, Contact, Customer
from customers.panels import tags_of
from customers.season import pause_until, season_now
from customers.views.life import may, refuse
from customers.views.refusals import answer_dialog, explains_refusal, to, visible_customer


def _changeable(request: CrmRequest, pk: int) -> Customer:
    customer = visible_customer(request, pk)
    refuse(
        _("This customer is shared for reading. The owner or a manager can change it."),
        allowed=may(request, customer).change,
    )
    return customer


def _data(request: CrmRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _adding(service: Callable[..., Any]) -> Callable[..., Any]:
    """The service with the form's fields gathered as `values`."""

    def call(*, scope: Any, customer_id: int, **values: Any) -> Any:
        return service(scope=scope, customer_id=customer_id, values=values)

    return call


def _changing(
    service: Callable[..., Any],
    form: ServiceForm,
    *,
    always: tuple[str, ...] = (),
    ids: Mapping[str, int] = MappingProxyType({}),
) -> Callable[..., Any]:
    """The service with the form's changed fields gathered as `changes`, and the version the user saw."""

    def call(*, scope: Any, customer_id: int, **values: Any) -> Any:
        changes = {name: value for name, value in values.items() if name in (*form.changed_data, *always)}
        seen = whole_number(str(form.data.get("version", "")))
        return service(scope=scope, customer_id=customer_id, changes=changes, version=seen, **ids)

    return call


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that hang on an account, each edited in a dialog: what they are, their form, their services, their texts."""

    model: type[Contact] | type[Address]
    form: type[ContactForm] | type[AddressForm]
    add: Callable[..., Any]
    change: Callable[..., Any]
    key: str  # the argument that names the row
    removal: str  # name of the route that removes it
    title: Callable[[Any], str]
    new: Promise
    submit: Promise
    added: Promise
    saved: Promise


CONTACT: Final = Part(
    Contact,
    ContactForm,
    services.add_contact,
    services.change_contact,
    "contact_id",
    "customers:contact_remove",
    title=str,
    new=gettext_lazy("New contact"),
    submit=gettext_lazy("Add contact"),
    added=gettext_lazy("Contact added"),
    saved=gettext_lazy("Contact saved"),
)
ADDRESS: Final = Part(
    Address,
    AddressForm,
    services.add_address,
    services.change_address,
    "address_id",
    "customers:address_remove",
    title=lambda _row: _("Address"),
    new=gettext_lazy("New address"),
    submit=gettext_lazy("Add address"),
    added=gettext_lazy("Address added"),
    saved=gettext_lazy("Address saved"),
)


def _add(request: CrmRequest, pk: int, part: Part) -> HttpResponse:
    customer = _changeable(request, pk)
    form = part.form(_data(request))
    done = form.submit(_adding(part.add), scope=request.scope, customer_id=pk)
    return answer_dialog(
        request, form, done=done, customer=customer, title=str(part.new), submit=str(part.submit), said=str(part.added)
    )


def _change(request: CrmRequest, pk: int, row_id: int, part: Part) -> HttpResponse:
    customer = _changeable(request, pk)
    row: Any = part.model.objects.visible_to(request.scope).get_or_not_found(pk=row_id, customer_id=pk)
    form = part.form(_data(request), initial=part.form.initial_of(row))
    service = _changing(part.change, form, ids={part.key: row_id})
    done = form.submit(service, scope=request.scope, customer_id=pk)
    return answer_dialog(
        request,
        form,
        done=done,
        customer=customer,
        title=part.title(row),
        submit=_("Save"),
        said=str(part.saved),
        version=row.version,
        remove=reverse(part.removal, args=[pk, row_id]),
    )


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def add_contact(request: CrmRequest, pk: int) -> HttpResponse:
    """A new contact. At most 20 queries."""
    return _add(request, pk, CONTACT)


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def contact(request: CrmRequest, pk: int, contact_id: int) -> HttpResponse:
    """Change a contact. At most 20 queries."""
    return _change(request, pk, contact_id, CONTACT)


@login_required
@require_POST
@explains_refusal
def remove_contact(request: CrmRequest, pk: int, contact_id: int) -> HttpResponse:
    """Remove a contact; the history keeps what it was. At most 15 queries."""
    services.remove_contact(scope=request.scope, customer_id=pk, contact_id=contact_id)
    messages.success(request, _("Contact removed"))
    return to(request, reverse("customers:detail", args=[pk]))


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def add_address(request: CrmRequest, pk: int) -> HttpResponse:
    """A new address. At most 20 queries."""
    return _add(request, pk, ADDRESS)


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def address(request: CrmRequest, pk: int, address_id: int) -> HttpResponse:
    """Change an address. At most 20 queries."""
    return _change(request, pk, address_id, ADDRESS)


@login_required
@require_POST
@explains_refusal
def remove_address(request: CrmRequest, pk: int, address_id: int) -> HttpResponse:
    """Remove an address; the history keeps what it was. At most 15 queries."""
    services.remove_address(scope=request.scope, customer_id=pk, address_id=address_id)
    messages.success(request, _("Address removed"))
    return to(request, reverse("customers:detail", args=[pk]))


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def season(request: CrmRequest, pk: int) -> HttpResponse:
    """Switch, template and months. At most 20 queries."""
    customer = _changeable(request, pk)
    names = ("is_seasonal_business", "seasonal_pattern", "seasonal_months")
    form = SeasonForm(_data(request), initial={name: getattr(customer, name) for name in names})
    service = _changing(services.update_customer, form, always=names)
    done = form.submit(service, scope=request.scope, customer_id=pk)
    return answer_dialog(
        request,
        form,
        done=done,
        customer=customer,
        title=_("Season"),
        note=_("Outside the season no day counts towards risk and inactive."),
        submit=_("Save"),
        said=_("Season saved"),
        version=customer.version,
        season=True,
        patterns=season_patterns(),
        **_outlook(request, customer, form),
    )


@login_required
@require_POST
@explains_refusal
def season_preview(request: CrmRequest, pk: int) -> HttpResponse:
    """What would follow from the season that stands in the form, for the dialog. At most 15 queries; nothing is saved."""
    customer = _changeable(request, pk)
    context = {"customer": customer, **_outlook(request, customer, SeasonForm(request.POST))}
    return render(request, "customers/parts/outlook.html", context)


class Season(NamedTuple):
    """A season as it stands in a form."""

    is_seasonal_business: bool
    seasonal_months: list[int]


def _outlook(request: CrmRequest, customer: Customer, form: SeasonForm) -> dict[str, Any]:
    """Season today, the end of a pause, and when who orders no more is at risk and inactive, by the form's season."""
    typed = (
        form.cleaned_data
        if form.is_bound and form.is_valid()
        else {name: form[name].value() for name in Season._fields}
    )
    season = Season(bool(typed["is_seasonal_business"]), [int(month) for month in typed["seasonal_months"] or ()])
    today = request.scope.today
    if season.is_seasonal_business and not season.seasonal_months:
        return {"season_now": ""}
    now = season_now(season, today)
    return {
        "season_now": now.value,
        "next_day": pause_until(season.seasonal_months, today) if now == SeasonNow.PAUSED else None,
        "outlook": services.outlook_of(
            scope=request.scope,
            customer_id=customer.pk,
            seasonal=now != SeasonNow.ALL_YEAR,
            months=season.seasonal_months,
        ),
        "today": today,
    }


def season_patterns() -> list[dict[str, Any]]:
    """The templates of the month picker."""
    labels = dict(SeasonalPattern.choices)
    return [{"label": labels[name], "months": list(months)} for name, months in PATTERN_MONTHS.items()]


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def tags(request: CrmRequest, pk: int) -> HttpResponse:
    """The tags of an account. At most 20 queries."""
    customer = _changeable(request, pk)
    there = ", ".join(tags_of(request.scope, customer))
    form = TagsForm(_data(request), initial={"names": there, "seen": there})
    done = form.submit(services.set_tags, scope=request.scope, customer_id=pk)
    return answer_dialog(
        request, form, done=done, customer=customer, title=_("Tags"), submit=_("Save"), said=_("Tags saved")
    )


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def pains(request: CrmRequest, pk: int) -> HttpResponse:
    """What hurts in the house. At most 20 queries."""
    customer = _changeable(request, pk)
    form = PainsForm(_data(request))
    form.initial = {name: getattr(customer, name) for name in form.fields}
    service = _changing(services.update_customer, form)
    done = form.submit(service, scope=request.scope, customer_id=pk)
    return answer_dialog(
        request,
        form,
        done=done,
        customer=customer,
        title=_("Pains"),
        submit=_("Save"),
        said=_("Pains saved"),
        version=customer.version,
    )
