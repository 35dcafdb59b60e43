"""Numbers, days, spans and phone numbers as pages.md writes them, in both languages."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.template import engines
from django.utils import translation

from crm.core.templatetags import formats

NBSP = formats.NBSP


@pytest.mark.parametrize(
    ("value", "places", "de", "en"),
    [
        (1234.56, 2, "1.234,56", "1,234.56"),
        (Decimal("-1234567.885"), 2, "−1.234.567,89", "−1,234,567.89"),
        (12431, 0, "12.431", "12,431"),
        (-0.001, 0, "0", "0"),
        (None, 0, "–", "–"),
        ("", 0, "–", "–"),
        ("no figure", 0, "–", "–"),
    ],
)
def test_number(value: object, places: int, de: str, en: str) -> None:
    with translation.override("de"):
        assert formats.number(value, places) == de  # type: ignore[arg-type]
    with translation.override("en"):
        assert formats.number(value, places) == en  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "places", "de", "en"),
    [
        (Decimal("1234.56"), 2, f"1.234,56{NBSP}€", "€1,234.56"),
        (38420, 0, f"38.420{NBSP}€", "€38,420"),
        (-5, 2, f"−5,00{NBSP}€", "−€5.00"),
        (None, 2, "–", "–"),
    ],
)
def test_money(value: object, places: int, de: str, en: str) -> None:
    with translation.override("de"):
        assert formats.money(value, places) == de  # type: ignore[arg-type]
    with translation.override("en"):
        assert formats.money(value, places) == en  # type: ignore[arg-type]


def test_percent_and_change_carry_a_real_minus_and_a_sign() -> None:
    with translation.override("de"):
        assert formats.percent(-21) == f"−21{NBSP}%"
        assert formats.change(6) == f"+6{NBSP}%"
        assert formats.change(0) == f"0{NBSP}%"
    with translation.override("en"):
        assert formats.change(-21) == "−21%"


def test_days_in_both_languages() -> None:
    on = date(2026, 11, 18)
    with patch.object(formats, "_today", return_value=date(2026, 11, 20)):
        with translation.override("de"):
            assert formats.day(on) == "18.11.2026"
            assert formats.weekday(on) == "Mi 18.11."
            assert formats.weekday(date(2027, 1, 4)) == "Mo 04.01.2027"
        with translation.override("en"):
            assert formats.day(on) == "18 Nov 2026"
            assert formats.weekday(on) == "Wed 18 Nov"
    assert formats.day(None) == "–"


def test_instants_stand_on_the_wall_clock_of_the_organisation() -> None:
    late = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
    with translation.override("de"):
        assert formats.day(late) == "20.11.2026"
        assert formats.clock(late) == "00:30"
        assert formats.moment(late) == "20.11.2026, 00:30"


@pytest.mark.parametrize(
    ("on", "text"),
    [
        (date(2026, 11, 20), "today"),
        (date(2026, 11, 19), "yesterday"),
        (date(2026, 11, 21), "tomorrow"),
        (date(2026, 10, 7), "44 d ago"),
        (date(2026, 11, 23), "in 3 d"),
    ],
)
def test_ago(on: date, text: str) -> None:
    with translation.override("en"), patch.object(formats, "_today", return_value=date(2026, 11, 20)):
        assert formats.ago(on) == text


def test_span() -> None:
    with translation.override("de"):
        assert formats.span(date(2026, 7, 20), date(2026, 8, 10)) == "20.07.–10.08."
        assert formats.span(date(2026, 12, 20), date(2027, 1, 10)) == "20.12.2026–10.01.2027"
    with translation.override("en"):
        assert formats.span(date(2026, 7, 20), date(2026, 8, 10)) == "20 Jul–10 Aug"


@pytest.mark.parametrize(
    ("given", "de", "en"),
    [
        ("+493023125417", "030 23125 417", "+49 30 23125417"),
        ("+4915112345678", "01511 23456 78", "+49 1511 2345678"),
        ("+4312345678", "+43 1 2345678", "+43 1 2345678"),
        ("no number", "no number", "no number"),
        ("", "", ""),
    ],
)
def test_phone(given: str, de: str, en: str) -> None:
    with translation.override("de"):
        assert formats.phone(given) == de
    with translation.override("en"):
        assert formats.phone(given) == en


def test_filters_need_no_load() -> None:
    with translation.override("de"):
        assert engines["django"].from_string("{{ n|money:0 }}").render({"n": 5}) == f"5{NBSP}€"
