"""The account's page, its tabs, and the editing of one field where it stands."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from crm.core.access import CrmRequest
from crm.core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from customers import panels, services
from customers.choices import FieldEntity
from customers.history import HistoryReader
from customers.inline_forms import InlineForm, column_field, value_field
from customers.models import Customer, CustomerFieldValue, FieldDefinition
from customers.restricted import note_restricted_read
from customers.services.merging import kept_instead_of
from customers.shown import column_text, value_text
from customers.views.refusals import explains_refusal, visible_customer
from customers.why import why_visible
from organisation.models import User

TABS = ("overview", "fields", "history")


@login_required
@require_GET
def detail(request: CrmRequest, pk: int) -> HttpResponse:
    """The account's page; `?tab=` overview, fields or history. At most 30 queries, session and scope included.

    The address of an account that was merged into another leads to that one.
    """
    try:
        customer = visible_customer(request, pk)
    except NotFound:
        kept_id = kept_instead_of(request.scope, pk)
        if kept_id is None:
            raise
        return redirect("customers:detail", pk=kept_id)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else TABS[0]
    context = {**panels.head(request.scope, customer), "tab": tab}
    if tab == "overview":
        context["overview"] = panels.overview(request.scope, customer, context["can"])
    elif tab == "fields":
        context["groups"] = panels.field_groups(request.scope, customer, context["can"])
    else:
        context |= _history(request, customer)
    if tab != "overview":
        note_restricted_read(request.scope, pk)
    return render(request, "customers/detail.html", context)


@login_required
@require_GET
def preview(request: CrmRequest, pk: int) -> HttpResponse:
    """The account beside the list: what its overview says, to read and to edit; without script the account's page. At most 25 queries."""
    customer = visible_customer(request, pk)
    if not request.htmx:
        return redirect("customers:detail", pk=pk)
    context = panels.head(request.scope, customer)
    context["overview"] = panels.overview(request.scope, customer, context["can"])
    return render(request, "customers/preview.html", context)


def _history(request: CrmRequest, customer: Customer) -> dict[str, Any]:
    reader = HistoryReader(request.scope, customer)
    day, before = _day(request.GET.get("as_of", "")), _instant(request, request.GET.get("before", ""))
    changes, older = reader.changes(before=before)
    context: dict[str, Any] = {"changes": changes, "older": older, "as_of_day": day, "is_first_page": before is None}
    if day is not None:  # the end of that day on the organisation's wall clock
        context["as_of"] = reader.as_of(datetime.combine(day, time.max, tzinfo=ZoneInfo(request.scope.zone)))
    return context


def _day(text: str) -> date | None:
    """The day that an address names; None where it names none, as 31 February."""
    try:
        return parse_date(text)
    except ValueError:
        return None


def _instant(request: CrmRequest, text: str) -> datetime | None:
    """The instant that an address names, without a zone on the organisation's wall clock; None where it names none."""
    try:
        instant = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        return None
    return instant.replace(tzinfo=ZoneInfo(request.scope.zone)) if instant and instant.tzinfo is None else instant


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def field(request: CrmRequest, pk: int, name: str) -> HttpResponse:
    """One column in place: GET opens the editor (`?read=1` closes it), POST saves. At most 15 queries."""
    customer = visible_customer(request, pk)
    if name not in panels.INLINE or (name in panels.MONEY[:1] and not request.scope.allows("money.read")):
        raise NotFound(_("Not found."))
    may = panels.can(request.scope, customer, why_visible(request.scope, customer))
    if request.method == "GET" and request.GET.get("read"):
        return _read(request, panels.fact(request.scope, customer, name, may))
    _require_change(may)
    before = _initial(customer, name)
    form = InlineForm(request.POST if request.method == "POST" else None, field=column_field(name), initial=before)
    if request.method == "GET" or not form.is_valid():
        return _edit(request, panels.fact(request.scope, customer, name, may), form, was=customer.version)
    value = form.cleaned_data["value"]
    try:
        customer = services.update_customer(
            scope=request.scope, customer_id=pk, changes={name: value}, version=_version(form.cleaned_data["was"])
        )
    except Conflict as error:
        if "conflicts" not in error.extra:
            return _refused(request, form, error, panels.fact(request.scope, customer, name, may), customer.version)
        return _clash(request, visible_customer(request, pk), name, form, column_text(name, value), may)
    except (NotFound, Forbidden):
        raise
    except DomainError as error:
        return _refused(request, form, error, panels.fact(request.scope, customer, name, may), customer.version)
    back = InlineForm(field=column_field(name), initial=before)
    return _saved(request, panels.fact(request.scope, customer, name, may), back, was=customer.version)


def _require_change(may: panels.Can) -> None:
    if not may.change:
        raise Forbidden(_("This customer is shared for reading. The owner or a manager can change it."))


def _version(was: Any) -> int | None:
    return was if isinstance(was, int) and not isinstance(was, bool) else None


def _initial(customer: Customer, name: str) -> dict[str, Any]:
    value = getattr(customer, name)
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif name == "phone":
        value = column_text(name, value)
    return {"value": value}


def _answer(request: CrmRequest, fact: panels.Fact, status: int = 200, **context: Any) -> HttpResponse:
    """The field. In a list's cell (`?cell=1`) its name says whose it is: the same column stands in every row."""
    if fact.url and "cell" in request.GET:
        number = request.resolver_match.kwargs["pk"]  # type: ignore[union-attr]
        fact = replace(fact, name=f"{fact.name}-{number}", url=f"{fact.url}?cell=1")
    return render(request, "customers/field.html", {"fact": fact, **context}, status=status)


def _read(request: CrmRequest, fact: panels.Fact, state: str = "read") -> HttpResponse:
    return _answer(request, fact, state=state)


def _saved(request: CrmRequest, fact: panels.Fact, back: InlineForm, was: Any) -> HttpResponse:
    """The field as it is now; `back` holds what it was, to take the change back."""
    return _answer(request, fact, state="saved", undo=back["value"], was=json.dumps(was))


def _edit(request: CrmRequest, fact: panels.Fact, form: InlineForm, was: Any) -> HttpResponse:
    return _answer(request, fact, 422 if form.errors else 200, control=form["value"], was=json.dumps(was))


def _refused(request: CrmRequest, form: InlineForm, error: DomainError, fact: panels.Fact, was: Any) -> HttpResponse:
    """The service said no: the reason stands at the field."""
    messages = list(error.errors.values()) if isinstance(error, Invalid) and error.errors else [error.message]
    form.add_error("value", messages)
    return _edit(request, fact, form, was)


def _clash(
    request: CrmRequest, customer: Customer, name: str, form: InlineForm, shown: str, may: panels.Can
) -> HttpResponse:
    """Somebody else saved the same column meanwhile: both values, to choose from."""
    fact = panels.fact(request.scope, customer, name, may)
    last = (
        customer.history.filter(id=customer.pk).order_by("-history_id").values_list("history_actor", flat=True).first()
    )
    clash = {
        "value": fact.text or "–",
        "was": customer.version,
        "mine": form["value"].value() or "",
        "shown": shown or "–",
        "who": _who(request, last or ""),
        "input": "value",
    }
    return _answer(request, fact, 409, state="conflict", clash=clash)


def _who(request: CrmRequest, actor: str) -> str:
    kind, _colon, number = actor.partition(":")
    if kind == "user" and number.isdigit():
        name = User.objects.visible_to(request.scope).filter(pk=int(number)).values_list("name", flat=True).first()
        return name or _("Somebody")
    return _("Somebody")


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def value(request: CrmRequest, pk: int, key: str) -> HttpResponse:
    """One catalogue value in place, as `field`. An unknown key and one this role may not read look the same (404)."""
    customer = visible_customer(request, pk)
    definitions = FieldDefinition.objects.visible_to(request.scope).active().of_entity(FieldEntity.CUSTOMER)
    definition = definitions.readable_in(request.scope).get_or_not_found(key=key)
    may = panels.can(request.scope, customer, why_visible(request.scope, customer))
    stored = (
        CustomerFieldValue.objects.visible_to(request.scope)
        .filter(customer=customer, definition=definition)
        .values_list("value", flat=True)
        .first()
    )
    fact = _value_fact(request, customer, definition, stored, may)
    if request.method == "GET" and request.GET.get("read"):
        note_restricted_read(request.scope, pk)
        return _read(request, fact)
    _require_change(may)
    if not fact.url:
        raise Forbidden(fact.lock)
    form = InlineForm(
        request.POST if request.method == "POST" else None,
        field=value_field(definition, request.scope),
        initial={"value": _typed(definition, stored)},
    )
    if request.method == "GET" or not form.is_valid():
        return _edit(request, fact, form, was=stored)
    return _save_value(request, customer, definition, form, fact, may)


def _save_value(
    request: CrmRequest,
    customer: Customer,
    definition: FieldDefinition,
    form: InlineForm,
    fact: panels.Fact,
    may: panels.Can,
) -> HttpResponse:
    typed = form.cleaned_data["value"]
    try:
        written = services.write_fields(
            scope=request.scope,
            customer_id=customer.pk,
            values={definition.key: typed or None},
            seen={definition.key: form.cleaned_data["was"]} if "was" in form.data else None,
        )
    except Conflict as error:
        conflicts: dict[str, Any] = error.extra["conflicts"]  # type: ignore[assignment]
        values: dict[str, Any] = error.extra["values"]  # type: ignore[assignment]
        now, mine = conflicts[definition.key][1], values[definition.key]
        current = _value_fact(request, customer, definition, now, may)
        clash = {
            "value": current.text or "–",
            "was": json.dumps(now),
            "mine": ",".join(typed) if isinstance(typed, list) else typed,
            "shown": value_text(definition, mine, {}) or "–",
            "who": _("Somebody"),
            "input": "value",
        }
        return _answer(request, current, 409, state="conflict", clash=clash)
    except Invalid as error:
        return _refused(request, form, error, fact, form.cleaned_data["was"])
    saved = written[definition.key]
    back = InlineForm(field=value_field(definition, request.scope), initial=form.initial)
    return _saved(request, _value_fact(request, customer, definition, saved, may), back, was=saved)


def _value_fact(
    request: CrmRequest, customer: Customer, definition: FieldDefinition, stored: Any, may: panels.Can
) -> panels.Fact:
    people = panels.people_of(request.scope, [definition])
    return panels.catalogue_fact(request.scope, customer, definition, stored, people, may)


def _typed(definition: FieldDefinition, stored: Any) -> Any:
    """A stored value as the editor begins with it."""
    if isinstance(stored, bool):
        return "true" if stored else "false"
    if isinstance(stored, float) or definition.type == "PHONE":
        return value_text(definition, stored, {}).replace("\u00a0€", "")
    return stored
