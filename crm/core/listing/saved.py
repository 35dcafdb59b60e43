"""A list's state as what is kept of it under a name: words, filter, order, columns, height of rows. Never rows, never a place.

    {"q": "", "filter": {...}, "sort": "-name", "columns": ["status", "city"], "density": "compact"}

It is read back with the rights of whoever opens it (`restored`), so a part that is not his is a problem, as in an address.
An app registers a list whose states can be kept when it is ready: `register_listing(CUSTOMERS)`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from django.http import QueryDict

from crm.core import filters
from crm.core.access import Scope
from crm.core.listing.offered import Listing
from crm.core.listing.state import ListState

_listings: Final[dict[str, Listing]] = {}


def register_listing(listing: Listing) -> None:
    """Let states of this list be kept, under its `key`."""
    _listings[listing.key] = listing


def listing_named(key: str) -> Listing | None:
    """The list whose states are kept under `key`, or None."""
    return _listings.get(key)


def listing_keys() -> list[str]:
    """The keys of all lists whose states can be kept."""
    return sorted(_listings)


def kept(state: ListState) -> dict[str, Any]:
    """What of a state is kept, as JSON."""
    return {
        "q": state.search,
        "filter": filters.tree(state.node),
        "sort": "" if state.sort_key == state.usual_sort else state.sort_key,
        "columns": list(state.column_keys),
        "density": state.density,
    }


def restored(
    raw: Mapping[str, Any],
    scope: Scope,
    listing: Listing,
    *,
    view: str = "",
    like: ListState | None = None,
) -> ListState:
    """The state that was kept, as `scope` may have it; `view` is the mark that its addresses carry, `like` another of the
    same list and scope, where there is one: many are read quickly then.

    Who shows rows by it asks `is_refused` first: without a condition that is not the reader's it would show more.
    """
    params = QueryDict(mutable=True)
    params["q"], params["sort"], params["density"] = (str(raw.get(name) or "") for name in ("q", "sort", "density"))
    params["columns"] = ",".join(str(key) for key in raw.get("columns") or ())
    params["view"] = view
    if tree := raw.get("filter"):
        params["filter"] = json.dumps(tree, ensure_ascii=False)
    return ListState.of(params, scope, listing, like=like)


def is_refused(state: ListState) -> bool:
    """Whether a condition could not be read: its field is unknown to this reader, or a value no longer exists."""
    return any(problem.place.startswith("filter") for problem in state.problems)


def is_same(one: ListState, other: ListState) -> bool:
    """Whether both show the same rows in the same order and shape; how many to a page, and where, is nobody's view."""
    return _shape(one) == _shape(other)


def _shape(state: ListState) -> tuple[Any, ...]:
    shown = [column.key for column in state.columns]
    # An address puts what has a short form first: the order of conditions that must all hold is nobody's either.
    parts = {json.dumps(filters.tree(part), sort_keys=True, default=str) for part in filters.conjuncts(state.node)}
    return state.search, parts, state.sort_key, shown, state.density


def moved(state: ListState, wish: str) -> tuple[str, ...]:
    """The columns to show after `wish`, "status:up" or "status:down": the one steps past its neighbour. Else as they are."""
    keys = [column.key for column in state.columns if not column.fixed]
    key, _colon, way = wish.rpartition(":")
    if key not in keys or way not in {"up", "down"}:
        return tuple(keys)
    at = keys.index(key)
    to = max(0, min(len(keys) - 1, at + (1 if way == "down" else -1)))
    keys.insert(to, keys.pop(at))
    return tuple(keys)
