"""The filters that the list is measured with: each hot field, and pairs of the six that people combine most."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

PAIRED = ("sample_status", "roi_bucket", "renewal_date", "owner", "status", "business_type")


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition: as the URL says it, and as somebody would write it in SQL about the hot table `h`."""

    name: str
    pairs: tuple[tuple[str, str], ...]
    sql: str

    @property
    def query(self) -> str:
        """The part of the URL."""
        return urlencode(self.pairs)


NONE = Filter("", (), "true")


def _is(key: str, column: str, value: str) -> Filter:
    return Filter(f"{key}={value}", ((key, value),), f"h.{column} = '{value}'")


def _span(key: str, column: str, first: date, last: date) -> Filter:
    value = f"{first}..{last}"
    is_day = column.endswith("_date") or column.startswith("hot_date")
    low, high = (
        (f"'{first}'", f"'{last + timedelta(days=1)}'")
        if is_day
        else (f"timestamptz '{first} Europe/Berlin'", f"timestamptz '{last + timedelta(days=1)} Europe/Berlin'")
    )
    return Filter(f"{key}={value}", ((key, value),), f"h.{column} >= {low} AND h.{column} < {high}")


def _starts(key: str, column: str, value: str) -> Filter:
    return Filter(
        f"{key} starts {value}",
        ((f"{key}__starts", value),),
        f"h.{column} >= '{value}' AND h.{column} < '{value}\U0010ffff'",
    )


def _at_least(key: str, column: str, value: int, scale: int) -> Filter:
    return Filter(f"{key}={value}..", ((key, f"{value}.."),), f"h.{column} >= {value * scale}")


def _empty(key: str, column: str) -> Filter:
    return Filter(f"{key} empty", ((f"{key}__empty", "1"),), f"h.{column} IS NULL")


def hot(owner: int, today: date) -> dict[str, list[Filter]]:
    """Every hot field with one or two values, the frequent one first. `owner` is somebody whom the asker sees."""
    month = today.replace(day=1)
    ends = month + timedelta(days=29)
    return {
        "sample_status": [_is("sample_status", "sample_status", value) for value in ("FEEDBACK_SUCCESS", "APPROVED")],
        "roi_bucket": [_is("roi_bucket", "roi_bucket", value) for value in ("NONE", "HIGH")],
        "renewal_date": [_empty("renewal_date", "renewal_date"), _span("renewal_date", "renewal_date", month, ends)],
        "owner": [Filter(f"owner={owner}", (("owner", str(owner)),), f"h.owner_id = {owner}")],
        "status": [_is("status", "status", value) for value in ("PROSPECT", "RISIKO")],
        "business_type": [_is("business_type", "business_type", value) for value in ("RESTAURANT", "ICE_CREAM")],
        "season_now": [_is("season_now", "season_now", "PAUSED")],
        "account_type": [_is("account_type", "account_type", "LOCATION")],
        "kitchen_size": [_is("kitchen_size", "kitchen_size", "INDUSTRIAL")],
        "name": [_starts("name", "name_key", "gasthaus")],
        "number": [_starts("number", "customer_number", "K-00001")],
        "city": [_starts("city", "city_key", "berl")],
        "postcode": [_starts("postcode", "postcode", "10")],
        "chain": [Filter("chain=1", (("chain", "1"),), "h.chain_id = 1")],
        "lead_source": [_is("lead_source", "lead_source", "referral")],
        "last_contact_at": [_span("last_contact_at", "last_contact_at", today - timedelta(days=30), today)],
        "last_order_at": [
            _span("last_order_at", "last_order_at", today - timedelta(days=100), today - timedelta(days=70))
        ],
        "next_appointment_at": [_span("next_appointment_at", "next_appointment_at", today, today + timedelta(days=14))],
        "created_at": [_span("created_at", "created_at", today - timedelta(days=60), today)],
        "open_opportunity": [_at_least("open_opportunity", "open_opportunity_cents", 1000, 100)],
        "expected_volume": [_at_least("expected_volume", "expected_volume_cents", 50_000, 100)],
        "actual_volume": [_at_least("actual_volume", "actual_volume_cents", 30_000, 100)],
        "cuisine": [_is("fields.cuisine", "hot_text_1", "italian")],
        "wholesaler": [_is("fields.wholesaler", "hot_text_2", "metro")],
        "delivery_day": [_is("fields.delivery_day", "hot_text_3", "friday")],
        "price_level": [_is("fields.price_level", "hot_text_4", "high")],
        "pos_system": [_starts("fields.pos_system", "hot_text_5", "vectron")],
        "has_terrace": [_is("fields.has_terrace", "hot_text_6", "true")],
        "seats": [_at_least("fields.seats", "hot_number_1", 200, 10_000)],
        "meals_a_day": [_at_least("fields.meals_a_day", "hot_number_2", 300, 10_000)],
        "food_budget": [_at_least("fields.food_budget", "hot_number_3", 5000, 10_000)],
        "opened_on": [_span("fields.opened_on", "hot_date_1", today - timedelta(days=700), today)],
    }


def combinations(owner: int, today: date) -> list[Filter]:
    """No filter, every single one, and each pair of the six with each of their values."""
    known = hot(owner, today)
    found = [NONE, *itertools.chain.from_iterable(known.values())]
    for one, other in itertools.combinations(PAIRED, 2):
        for a, b in itertools.product(known[one], known[other]):
            found.append(Filter(f"{a.name} & {b.name}", a.pairs + b.pairs, f"{a.sql} AND {b.sql}"))
    return found


# Through the values' table, without a slot.
NOT_HOT = (
    Filter("menu_change=weekly", (("fields.menu_change", "weekly"),), ""),
    Filter("kitchen_hours starts 11", (("fields.kitchen_hours__starts", "11"),), ""),
    Filter("freezer_m3=39..", (("fields.freezer_m3", "39.."),), ""),
    Filter("labels=kosher", (("fields.labels", "kosher"),), ""),
    Filter("is_nonprofit=true", (("fields.is_nonprofit", "true"),), ""),
    Filter("lease_ends", (("fields.lease_ends", "2026-01-01..2026-06-30"),), ""),
)
