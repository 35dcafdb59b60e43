"""What an account's views share: the visible account, the refusal that says why and who helps, the dialog."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from crm.core.access import CrmRequest
from crm.core.errors import Forbidden
from crm.core.forms import ServiceForm
from customers.models import Customer
from customers.why import helpers_for, why_visible

View = Callable[..., HttpResponse]


def visible_customer(request: CrmRequest, pk: int) -> Customer:
    """The account, if the scope may read it; hidden and missing ones look the same (NotFound)."""
    return Customer.objects.visible_to(request.scope).for_detail().get_or_not_found(pk=pk)


def explains_refusal(view: View) -> View:
    """A Forbidden of this account becomes a page that says why, who can help, and that nothing was saved (403)."""

    @functools.wraps(view)
    def explained(request: CrmRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Forbidden as error:
            return refusal(request, error, kwargs.get("pk"))

    return explained


def refusal(request: CrmRequest, error: Forbidden, pk: int | None) -> HttpResponse:
    """The page of a refusal. At most five queries."""
    customer = Customer.objects.visible_to(request.scope).for_detail().filter(pk=pk).first() if pk else None
    context = {
        "message": error.message,
        "customer": customer,
        "why": why_visible(request.scope, customer) if customer else None,
        "helpers": helpers_for(request.scope, customer),
        "request_id": getattr(request, "request_id", ""),
        "role": request.user.get_role_display(),  # type: ignore[union-attr]
    }
    return render(request, "customers/forbidden.html", context, status=403)


def answer_dialog(
    request: CrmRequest,
    form: ServiceForm,
    *,
    done: bool,
    customer: Customer | None,
    title: str,
    submit: str,
    said: str = "",
    **more: Any,
) -> HttpResponse:
    """A small form: as an htmx request the dialog's content, else a page of its own; once done, back to the account."""
    back = reverse("customers:detail", args=[customer.pk]) if customer else reverse("customers:list")
    if done:
        if said:
            messages.success(request, said)
        return to(request, more.get("then", back))
    template = "customers/dialog.html" + ("#body" if request.htmx else "")
    context = {
        "form": form,
        "customer": customer,
        "title": title,
        "submit": submit,
        "back": back,
        "action": request.path,
    }
    context |= more
    return render(request, template, context, status=422 if form.errors else 200)


def to(request: CrmRequest, url: str) -> HttpResponse:
    """Go to a page, by htmx or without."""
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": url})
    return redirect(url)
