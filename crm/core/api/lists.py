"""Lists: filters in the short form of the one language, ordering, pages by cursor.

    {"results": [...], "next": "/api/customers/?after=…", "previous": null}

The same parameters as the pages': `q`, `sort` (a column, `-column` descending), `size`, `after`, `before`, and every
filter field by its name. What is not known is 400 and never passed over: a mistyped filter would show too much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from crm.core.access import CrmRequest
from crm.core.api.problems import InvalidQuery
from crm.core.digits import whole_number
from crm.core.errors import Invalid
from crm.core.listing import Listing, ListState
from crm.core.paging import DEFAULT_SIZE, LARGEST_SIZE, Page, Sort, paginate

M = TypeVar("M", bound=Model)
PAGE_PARAMETERS: Final = ("after", "before", "size")
CURSORS: Final = [
    OpenApiParameter("after", str, description="Cursor of the page behind: taken from `next`."),
    OpenApiParameter(
        "before", str, description="Cursor of the page before: taken from `previous`; `end` is the last page."
    ),
    OpenApiParameter(
        "size",
        {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE, "default": DEFAULT_SIZE},
        description="Rows a page.",
    ),
]
"""For `@extend_schema(parameters=[…, *CURSORS])` of a list."""
LISTING: Final = [
    OpenApiParameter("q", str, description="Words to search for; each must begin a word of the record."),
    OpenApiParameter("sort", str, description="Name of a column; with a leading `-` descending."),
    OpenApiParameter(
        "filter",
        OpenApiTypes.STR,
        description="A filter as JSON tree, for what the parameters by field name cannot say.",
    ),
    *CURSORS,
]
"""For lists over a `Listing`, beside the names of their filter fields."""


def read_state(request: Request, listing: Listing) -> ListState:
    """What the address says of a list. Raises InvalidQuery naming each faulty parameter."""
    state = ListState.read(cast(CrmRequest, request._request), listing)
    refuse_faults(state)
    return replace(state, path=request.path)


def refuse_faults(state: ListState) -> None:
    """Raise InvalidQuery where the address has faults; call it again after `state.page`, which reads the cursor."""
    try:
        state.require_sound()
    except Invalid as error:
        raise InvalidQuery(error.message, errors=error.errors) from None


def state_body(state: ListState, results: Sequence[Any]) -> dict[str, Any]:
    """The answer for a page of a `ListState`."""
    return {"results": list(results), "next": state.next_url or None, "previous": state.previous_url or None}


def page_body(
    request: Request,
    rows: QuerySet[M],
    *,
    sort: Sort,
    shown: Callable[[Sequence[M]], Any],
    reserved: Sequence[str] = (),
) -> dict[str, Any]:
    """The answer for a page of a plain queryset in one fixed order; `shown` turns its rows into JSON values.

    Other parameters than the cursors' and those that the endpoint reads itself, `reserved`, are refused. Raises InvalidQuery.
    """
    params = request.query_params
    unknown = {name: _("There is no such parameter.") for name in params if name not in {*PAGE_PARAMETERS, *reserved}}
    if unknown:
        raise InvalidQuery(_("The filter has faults."), errors=unknown)
    try:
        page = paginate(
            rows,
            sort=sort,
            after=params.get("after", ""),
            before=params.get("before", ""),
            size=_size(params.get("size")),
        )
    except Invalid as error:
        raise InvalidQuery(error.message, errors=error.errors) from None
    return {
        "results": shown(page.rows),
        "next": _beside(request, page, "after"),
        "previous": _beside(request, page, "before"),
    }


def _size(text: str | None) -> int:
    if not text:
        return DEFAULT_SIZE
    size = whole_number(text)
    if size is None or not 1 <= size <= LARGEST_SIZE:
        raise InvalidQuery(
            _("The filter has faults."), errors={"size": _("Between 1 and %(count)d rows.") % {"count": LARGEST_SIZE}}
        )
    return size


def _beside(request: Request, page: Page[Any], way: str) -> str | None:
    cursor = page.next_cursor if way == "after" else page.previous_cursor
    if not cursor:
        return None
    kept = [(name, value) for name, values in request.query_params.lists() for value in values]
    pairs = [(name, value) for name, value in kept if name not in {"after", "before"}]
    return f"{request.path}?{urlencode([*pairs, (way, cursor)])}"
