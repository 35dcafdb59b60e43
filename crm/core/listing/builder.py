"""The page that builds a list's filter: groups of conditions over every field, made and changed by plain form requests.

A list gets one by a route at `Listing.builder_path` whose view is one line: `return build_filter(request, CUSTOMERS)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.core import filters
from crm.core.access import CrmRequest
from crm.core.digits import whole_number
from crm.core.errors import Invalid
from crm.core.filters import FieldType, FilterField, Node, Operator
from crm.core.filters.values import ME, Unreadable
from crm.core.folding import fold
from crm.core.listing.controls import COUNTED, MOMENT_WORDS, NUMBERS, Input, input_of, usual_operators
from crm.core.listing.draft import KINDS, Group, Row, drafted, is_draft, names_of, raw, raw_row, read_draft
from crm.core.listing.offered import Listing
from crm.core.listing.state import ListState

DEEPEST: Final = 2
"""Levels of groups within the outermost one; the language itself takes MOST_LEVELS, negations among them."""

KIND_LABELS: Final = {
    "all": gettext_lazy("all of these hold"),
    "any": gettext_lazy("at least one of these holds"),
    "none": gettext_lazy("none of these holds"),
    "not_all": gettext_lazy("not all of these hold"),
}


def build_filter(request: CrmRequest, listing: Listing) -> HttpResponse:
    """The builder for the filter in a list's address, or for the draft that its own form sent.

    `act=apply` leads to the list; what is wrong then stands at its condition (422), and all that was typed is kept.
    As an htmx request it is the form alone. At most 12 queries.
    """
    state = ListState.read(request, listing, reserved=names_of(request.GET))
    faulty = False
    if is_draft(request.GET):
        root = read_draft(request.GET, state.fields)
        if request.GET.get("act") == "apply":
            node = judged(root, state)
            if node is not None:
                return _go(request, state.url(node=node))
            faulty = True
    else:
        root = drafted(state.node)
        if not root.parts:
            root.parts.append(Row(is_new=True))
    context = {
        "state": state,
        "root": _shown_group(root.numbered(), state),
        "problems": [] if is_draft(request.GET) else state.problems,
        "inputs": state.pairs(node=filters.EVERYTHING),
    }
    template = "core/filter_builder.html" + ("#form" if request.htmx else "")
    response = render(request, template, context, status=422 if faulty else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _go(request: CrmRequest, url: str) -> HttpResponse:
    return HttpResponse(headers={"HX-Redirect": url}) if request.htmx else redirect(url)


def judged(root: Group, state: ListState) -> Node | None:
    """The filter of a draft; None with the reason at each condition that is wrong, or at the whole."""
    for row in root.rows():
        try:
            filters.parse(raw_row(row, state.fields), state.fields, state.scope)
        except Unreadable as unreadable:
            row.problem = str(unreadable)
        except Invalid as invalid:
            row.problem = " ".join(dict.fromkeys(map(str, invalid.errors.values())))
    if any(row.problem for row in root.rows()):
        return None
    try:
        return filters.parse(raw(root, state.fields), state.fields, state.scope)
    except Invalid as invalid:
        root.problem = " ".join(dict.fromkeys(map(str, invalid.errors.values())))
        return None


def _shown_group(group: Group, state: ListState) -> dict[str, Any]:
    return {
        "is_group": True,
        "place": group.place,
        "is_new": group.is_new,
        "problem": group.problem,
        "kinds": [(kind, KIND_LABELS[kind], kind == group.kind) for kind in KINDS],
        "parts": [
            _shown_group(part, state) if isinstance(part, Group) else _shown_row(part, state) for part in group.parts
        ],
        "may_nest": group.level < DEEPEST,
    }


def _shown_row(row: Row, state: ListState) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "place": row.place,
        "key": row.key,
        "is_new": row.is_new,
        "problem": row.problem,
        "groups": list(_fields_by_group(row.key, state)),
    }
    field = state.fields.get(row.key)
    if field is None:
        return shown
    operator = Operator(row.operator)
    kind = input_of(field, operator)
    offered = usual_operators(field)
    # An address may hold one that the builder does not offer.
    operators = offered if operator in offered else [operator, *offered]
    shown |= {
        "label": field.label,
        "help": field.help_text,
        "operators": [(each.value, field.operator_label(each), each is operator) for each in operators],
        "input": kind.value,
        "is_number": field.type in NUMBERS,
        "unit": "€" if field.type is FieldType.MONEY else "",
    }
    if kind is Input.CHOICES:
        shown["choices"] = _choices(field, row.values, state)
    elif kind is Input.YES_NO:
        wanted = "false" if row.values[:1] == ["false"] else "true"
        shown["choices"] = [
            (value, label, value == wanted) for value, label in (("true", _("yes")), ("false", _("no")))
        ]
    else:
        shown["values"] = _values(kind, row)
    return shown


def _values(kind: Input, row: Row) -> list[dict[str, Any]]:
    """Each value with the words beside it."""
    known = list(kind.words)
    texts, words = [*row.values, "", ""][: kind.count], [*row.words, "", ""][: kind.count]
    shown = []
    for number, (text, word) in enumerate(zip(texts, words, strict=True)):
        meant = word if word in known else (known[0] if known else "")
        is_day = kind.words is MOMENT_WORDS and meant not in COUNTED
        shown.append(
            {
                "number": number,
                "text": text,
                "words": [(each, label, each == meant) for each, label in kind.words.items()],
                # A day stands for itself, today and this month need no figure.
                "is_fixed": bool(known) and meant not in COUNTED and not (is_day and meant == known[0]),
                "is_day": is_day and "T" not in text,
                "is_count": meant in COUNTED,
            }
        )
    return shown


def _choices(field: FilterField, chosen: list[str], state: ListState) -> list[tuple[str, str, bool]]:
    """What can be chosen, and what is chosen though it is offered no more."""
    offered: dict[str, str] = {}
    if field.type is FieldType.USER:
        offered[ME] = _("me")
    if field.offered is not None:
        offered |= {str(pk): name for pk, name in field.offered(state.scope)}
    offered |= field.choice_labels or {}
    numbers = (whole_number(value) for value in chosen if value not in offered)
    gone = [number for number in numbers if number is not None]
    if gone and field.names:
        offered |= {str(pk): name for pk, name in field.names(state.scope, gone).items()}
    return [(value, label, value in chosen) for value, label in offered.items()]


def _fields_by_group(chosen: str, state: ListState) -> Iterator[tuple[str, list[tuple[str, str, bool]]]]:
    """The fields under their headings, of each its key, its label and whether it is `chosen`."""
    groups = state.listing.groups
    found: dict[str, list[tuple[str, str, bool]]] = {name: [] for name in groups}
    for field in state.fields.values():
        found.setdefault(str(field.group), []).append((field.key, str(field.label), field.key == chosen))
    for name, fields in found.items():
        if fields:
            yield _heading(groups, name), sorted(fields, key=lambda each: fold(each[1]))


def _heading(groups: Mapping[str, Any], name: str) -> str:
    # As a manager typed it, where it is none of those that are known.
    return str(groups.get(name) or name.replace("_", " ").capitalize())
