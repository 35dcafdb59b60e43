"""Saved views of lists: one's own and shared ones, kept, changed, copied, pinned; the same services as the pages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.access import Scope
from crm.core.api.lists import CURSORS, page_body
from crm.core.api.problems import InvalidQuery
from crm.core.api.serializers import example, read_body
from crm.core.api.versions import etag, require_match
from crm.core.api.views import ApiView
from crm.core.errors import Invalid
from crm.core.listing import ListState
from crm.core.listing.saved import is_refused, kept, listing_keys, listing_named, restored
from crm.core.paging import Sort
from organisation import services
from organisation.api.serializers import (
    CopiedViewSerializer,
    NewSavedViewSerializer,
    PinSerializer,
    SavedViewChangesSerializer,
    SavedViewPageSerializer,
    SavedViewSerializer,
)
from organisation.models import SavedView

AREA: Final = "views"
WHICH: Final = OpenApiParameter("list", OpenApiTypes.STR, enum=listing_keys(), description="Those of one list alone.")


class SavedViewsView(ApiView):
    """All views that the caller sees."""

    area = AREA

    @extend_schema(
        operation_id="saved_views_list",
        summary="List saved views",
        parameters=[WHICH, *CURSORS],
        responses=SavedViewPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """One's own and those that are shared with one, by name."""
        rows = SavedView.objects.visible_to(self.scope).with_pin_of(self.scope)
        wanted = request.query_params.get("list")
        if wanted is not None:
            if listing_named(wanted) is None:
                raise InvalidQuery(_("The filter has faults."), errors={"list": _("There is no such list.")})
            rows = rows.filter(list_key=wanted)
        body = page_body(
            request, rows, sort=Sort("name"), shown=lambda page: _shown(self.scope, page), reserved=("list",)
        )
        return Response(body)

    @extend_schema(
        operation_id="saved_views_create",
        summary="Save a view",
        request=NewSavedViewSerializer,
        responses={201: SavedViewSerializer},
        examples=example(
            {
                "list": "customers",
                "name": "At risk",
                "state": {"filter": {"field": "status", "op": "eq", "value": "RISIKO"}},
            }
        ),
    )
    def post(self, request: Request) -> Response:
        """Keeps search, filter, order, columns and height of rows under a name; private until it is shared by PATCH."""
        body = read_body(NewSavedViewSerializer(data=request.data))
        with _faults_in_their_place():
            view = services.save_view(
                scope=self.scope, list_key=body["list"], name=body["name"], state=body.get("state", {})
            )
        return _answer(self.scope, view.pk, status=201, place=request.path)


class SavedViewView(ApiView):
    """One view."""

    area = AREA
    versioned = frozenset({"PATCH", "DELETE"})

    @extend_schema(operation_id="saved_views_read", summary="Read a saved view", responses=SavedViewSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Its state as far as it is the caller's to ask; `url` opens the list in it."""
        return _answer(self.scope, pk)

    @extend_schema(
        operation_id="saved_views_change",
        summary="Rename, change or share a saved view",
        request=SavedViewChangesSerializer,
        responses=SavedViewSerializer,
        examples=example({"name": "At risk in summer"}),
    )
    def patch(self, request: Request, pk: int) -> Response:
        """One's own alone. Team leads share with the teams that they lead, managers with any team and with everybody."""
        changes = read_body(SavedViewChangesSerializer(data=request.data))
        require_match(request, SavedView.objects.visible_to(self.scope), pk=pk)
        with _faults_in_their_place():
            services.change_view(scope=self.scope, view_id=pk, **changes)
        return _answer(self.scope, pk)

    @extend_schema(operation_id="saved_views_delete", summary="Delete a saved view", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """One's own, or, for managers, a shared one; gone for everybody who had it."""
        require_match(request, SavedView.objects.visible_to(self.scope), pk=pk)
        services.delete_view(scope=self.scope, view_id=pk)
        return Response(status=204)


class CopyView(ApiView):
    """A copy of one's own."""

    area = AREA

    @extend_schema(
        operation_id="saved_views_copy",
        summary="Copy a saved view",
        request=CopiedViewSerializer,
        responses={201: SavedViewSerializer},
        extensions={"x-needs-data": True},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Private, under a free name where none is given; 403 where the view asks for what is not the caller's to ask."""
        body = read_body(CopiedViewSerializer(data=request.data))
        made = services.copy_view(scope=self.scope, view_id=pk, name=body.get("name", ""))
        return _answer(self.scope, made.pk, status=201, place="/api/saved-views/")


class PinView(ApiView):
    """A tab above the list."""

    area = AREA

    @extend_schema(
        operation_id="saved_views_pin",
        summary="Pin a saved view, or take its pin away",
        request=PinSerializer,
        responses=SavedViewSerializer,
        examples=example({"is_pinned": True}),
    )
    def put(self, request: Request, pk: int) -> Response:
        """Whether the view is one of the caller's own tabs above the list; a new one is the last."""
        body = read_body(PinSerializer(data=request.data))
        services.pin_view(scope=self.scope, view_id=pk, pinned=body["is_pinned"])
        return _answer(self.scope, pk)


@contextlib.contextmanager
def _faults_in_their_place() -> Iterator[None]:
    """A fault of a part of the state, such as state/filter/field, at that part's place in the body."""
    try:
        yield
    except Invalid as error:
        if not any("/" in name for name in error.errors):
            raise
        found: dict[str, Any] = {}
        for name, text in error.errors.items():
            *path, last = name.split("/")
            inner = found
            for part in path:
                inner = inner.setdefault(part, {})
            inner[last] = [text]
        raise ValidationError(found) from None


def _answer(scope: Scope, pk: int, *, status: int = 200, place: str = "") -> Response:
    view = SavedView.objects.visible_to(scope).with_pin_of(scope).get_or_not_found(pk=pk)
    headers = {"ETag": etag(view.version)} | ({"Location": f"{place}{pk}/"} if place else {})
    return Response(_shown(scope, [view])[0], status=status, headers=headers)


def _shown(scope: Scope, rows: Iterable[Any]) -> Any:
    """Views as JSON. A state that asks for what is not the caller's to ask is not told: its condition may be the secret."""
    found: list[dict[str, Any]] = []
    empty: dict[str, ListState] = {}
    for row in rows:
        listing = listing_named(row.list_key)
        if listing is None:  # a list that this release does not have
            continue
        if row.list_key not in empty:
            empty[row.list_key] = restored({}, scope, listing)
        state = restored(row.state, scope, listing, view=str(row.pk), like=empty[row.list_key])
        refused = is_refused(state)
        shown = {"list": row.list_key, "is_refused": refused, "is_pinned": row.pin_position is not None}
        shown |= {"state": None if refused else kept(state), "url": None if refused else state.url()}
        names = ("id", "name", "owner_id", "audience", "team_id", "version", "created_at", "updated_at")
        found.append({name: getattr(row, name) for name in names} | shown)
    return SavedViewSerializer(found, many=True).data
