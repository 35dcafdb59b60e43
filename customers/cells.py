"""What a list's row shows in each column. Fifty rows of ten cells are made for every page, so these are plain functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.components.signs import person, season, status, tag
from crm.core.filters import FilterField
from crm.core.listing import Column
from crm.core.templatetags.formats import day, money, number
from customers.choices import AccountType, BusinessType, FieldType, KitchenSize, RoiBucket, SampleStatus, SeasonNow
from customers.models import CustomerHot

Cell = Callable[[CustomerHot, Scope], Any]
NOTHING: Final = SafeString('<span class="fp-mute">–</span>')


def _day(value: datetime | date | None) -> Any:
    return NOTHING if value is None else day(value)


def _euros(cents: int | None) -> Any:
    return NOTHING if cents is None else money(Decimal(cents) / 100, 0)


def _labelled(labels: Mapping[str, Any], value: str | None) -> Any:
    return NOTHING if not value else labels.get(value, value)


def _season(row: CustomerHot, scope: Scope) -> Any:
    if row.season_now == SeasonNow.ALL_YEAR:
        return NOTHING
    label = SeasonNow(row.season_now).label
    return format_html(
        '{}<span class="visually-hidden">{}</span>', season(row.customer.seasonal_months, "mini", scope.today), label
    )


_BUSINESS, _ACCOUNT, _KITCHEN = dict(BusinessType.choices), dict(AccountType.choices), dict(KitchenSize.choices)
_SAMPLE, _ROI = dict(SampleStatus.choices), dict(RoiBucket.choices)

CELLS: Final[dict[str, Cell]] = {
    "status": lambda row, scope: status(row.status),
    "city": lambda row, scope: row.city or NOTHING,
    "season_now": _season,
    "owner": lambda row, scope: person(row.owner.name if row.owner else None, True),
    "last_contact_at": lambda row, scope: _day(row.last_contact_at),
    "last_order_at": lambda row, scope: _day(row.last_order_at),
    "expected_volume": lambda row, scope: _euros(row.expected_volume_cents),
    "actual_volume": lambda row, scope: _euros(row.actual_volume_cents),
    "renewal_date": lambda row, scope: _day(row.renewal_date),
    "number": lambda row, scope: row.customer_number,
    "business_type": lambda row, scope: _labelled(_BUSINESS, row.business_type),
    "account_type": lambda row, scope: _labelled(_ACCOUNT, row.account_type),
    "kitchen_size": lambda row, scope: _labelled(_KITCHEN, row.kitchen_size),
    "postcode": lambda row, scope: row.postcode or NOTHING,
    "lead_source": lambda row, scope: row.lead_source or NOTHING,
    "created_at": lambda row, scope: _day(row.created_at),
    "sample_status": lambda row, scope: _labelled(_SAMPLE, row.sample_status),
    "roi_bucket": lambda row, scope: _labelled(_ROI, row.roi_bucket),
    "next_appointment_at": lambda row, scope: _day(row.next_appointment_at),
    "open_opportunity": lambda row, scope: _euros(row.open_opportunity_cents),
}


def cell(column: Column, row: CustomerHot, scope: Scope) -> Any:
    """What stands in `column` of `row`."""
    if column.key in CELLS:
        return CELLS[column.key](row, scope)
    return catalogue_value(column.data, row.fields.get(column.data.extra["key"]))


SHOWN: Final[dict[object, Callable[[Any], Any]]] = {
    FieldType.BOOLEAN: lambda value: _("Yes") if value else _("No"),
    FieldType.DATE: lambda value: day(date.fromisoformat(value)),
    FieldType.MONEY: money,
    FieldType.INTEGER: number,
    FieldType.DECIMAL: number,
}


def catalogue_value(field: FilterField, value: Any) -> Any:
    """A catalogue value as text; of several choices each is a tag."""
    if value is None:
        return NOTHING
    labels = field.choice_labels or {}
    if isinstance(value, list):
        return SafeString(" ").join(tag(labels.get(item, item)) for item in value)
    shown = SHOWN.get(field.extra["type"])
    return shown(value) if shown else labels.get(str(value), value)
