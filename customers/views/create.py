"""The form for a new customer: one Django form for blur and save, and the hint at duplicates while typing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.core.access import CrmRequest, Scope
from crm.core.digits import whole_number
from crm.core.errors import DomainError, Forbidden, Invalid, NotFound
from customers import services
from customers.chains import chains_for_choice, chosen_chain
from customers.choices import AccountType
from customers.duplicates import Evidence, find_twins
from customers.forms import CustomerForm
from customers.models import Customer
from customers.views.people import season_patterns
from customers.views.refusals import explains_refusal, refusal, to


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def create(request: CrmRequest) -> HttpResponse:
    """A new customer. `?chain=` begins with a location of that chain. At most 25 queries."""
    request.scope.require("customers.create")
    form = CustomerForm(
        request.POST if request.method == "POST" else None, scope=request.scope, initial=_begin(request)
    )
    if request.method == "POST" and form.is_valid():
        customer = _save(request.scope, form)
        if customer is not None:
            messages.success(request, _("%(name)s created") % {"name": customer.company_name})
            more = "another" in request.POST
            return to(
                request, reverse("customers:create" if more else "customers:detail", args=[] if more else [customer.pk])
            )
    return render(request, "customers/create.html", _context(request, form), status=422 if form.errors else 200)


def _begin(request: CrmRequest) -> dict[str, Any]:
    chain_id = whole_number(request.GET.get("chain", ""))
    if chain_id is not None and request.scope.allows("customers.add_location"):
        return {"account_type": AccountType.LOCATION, "chain_id": chain_id}
    return {}


def _context(request: CrmRequest, form: CustomerForm) -> dict[str, Any]:
    return {
        "form": form,
        "chain": chosen_chain(request.scope, form["chain_id"].value()),
        "patterns": season_patterns(),
        "matches": _matches(request) if form.is_bound else [],
        "notes": {
            AccountType.INDEPENDENT.value: _("one house, one kitchen"),
            AccountType.CHAIN.value: _("has locations"),
            AccountType.LOCATION.value: _("belongs to a chain"),
        },
    }


def _save(scope: Scope, form: CustomerForm) -> Customer | None:
    """Account, address and contact in one transaction; None when the form now holds the reason."""
    data = form.cleaned_data
    try:
        with transaction.atomic():
            customer = services.create_customer(
                scope=scope,
                account_type=data["account_type"],
                chain_id=data["chain_id"],
                owner_id=data["owner_id"],
                values=form.values(),
            )
            if address := form.address():
                services.add_address(scope=scope, customer_id=customer.pk, values=address)
            if contact := form.contact():
                services.add_contact(scope=scope, customer_id=customer.pk, values=contact)
    except Forbidden:
        raise
    except NotFound:
        form.refuse(Invalid(_("This chain is not there, or not yours."), field="chain_id"))
    except DomainError as error:
        if error.field == "owner":
            error.field = "owner_id"
        elif error.field == "chain":
            error.field = "chain_id"
        form.refuse(error)
    else:
        return customer
    return None


@login_required
@require_POST
def check(request: CrmRequest, name: str) -> HttpResponse:
    """One field on leaving it, by the same form as on save: its part of the page, with its error. Two queries."""
    try:
        request.scope.require("customers.create")
    except Forbidden as error:
        return refusal(request, error, None)
    form = CustomerForm(request.POST, scope=request.scope)
    if name not in form.fields:
        raise NotFound(_("Not found."))
    form.is_valid()
    for other in list(form.errors):
        if other != name:
            del form.errors[other]
    return render(request, "customers/create.html#one", {"control": form[name], "span": request.GET.get("span", "12")})


@login_required
@require_POST
def twins(request: CrmRequest) -> HttpResponse:
    """Possible duplicates of what is typed. Two queries."""
    try:
        request.scope.require("customers.create")
    except Forbidden as error:
        return refusal(request, error, None)
    return render(request, "customers/create.html#twins", {"matches": _matches(request)})


def _typed(request: CrmRequest, name: str) -> str:
    """What was typed so far, before any form checks it; PostgreSQL takes no NUL."""
    return request.POST.get(name, "").replace("\0", "")


def _matches(request: CrmRequest) -> list[dict[str, Any]]:
    """What `duplicate_hint` shows."""
    compared = ("phone", "email", "website", "vat_id", "street", "house_number", "postcode", "city")
    found = find_twins(
        request.scope,
        Evidence(name=_typed(request, "company_name"), **{name: _typed(request, name) for name in compared}),
    )
    matches: list[dict[str, Any]] = []
    for twin in found.visible:
        owner = twin.customer.owner.name if twin.customer.owner else _("nobody")
        parts = (twin.customer.customer_number, twin.customer.get_status_display(), owner)
        matches.append(
            {
                "name": twin.customer.company_name,
                "url": reverse("customers:detail", args=[twin.customer.pk]),
                "kind": twin.customer.business_type,
                "score": twin.score,
                "reasons": twin.reasons,
                "note": " · ".join(parts),
            }
        )
    if found.hidden:
        matches.append({"protected": _("Exists already. Ask a sales manager.")})
    return matches


@login_required
@require_POST
def chains(request: CrmRequest) -> HttpResponse:
    """Chains whose name holds what is typed, that a location may join. One query."""
    request.scope.require("customers.create")
    found = list(chains_for_choice(request.scope, _typed(request, "chain_search")))
    return render(request, "customers/create.html#chains", {"chains": found, "searched": True})
