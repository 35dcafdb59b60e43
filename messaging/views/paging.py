"""Pages of these lists: a cursor that is damaged or of another day leads to the first one."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from crm.core.errors import Invalid
from crm.core.paging import Page, Sort, paginate

M = TypeVar("M", bound=Model)


def page_of(request: HttpRequest, rows: QuerySet[M], sort: Sort) -> Page[M]:
    """The page that the address asks for."""
    try:
        return paginate(rows, sort=sort, after=request.GET.get("after", ""), before=request.GET.get("before", ""))
    except Invalid:
        return paginate(rows, sort=sort)
