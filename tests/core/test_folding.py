"""Folding: what is the same, and that Python and SQL agree."""

# ruff: noqa: RUF001 - letters that look alike are what this is about

from __future__ import annotations

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.core.folding import fold, fold_words

# Letters that names in Europe are made of, signs, blanks of all kinds, and what folding treats specially.
LETTERS = st.characters(min_codepoint=1, max_codepoint=0x24FF, exclude_categories=("Cs", "Cn"))
SPECIAL = st.sampled_from(
    [
        *"aeouäöüÄÖÜßẞæÆœŒøØłŁđþÞıİŉςΣйЙ -.&'’\t\n\u00a0\u00ad\u200b\u3000\U0001f600",
        "ae",
        "oe",
        "ue",
        "a\u0308",
        "ﬁ",
        "ﬀ",
    ]
)
TEXTS = st.lists(st.one_of(SPECIAL, LETTERS), max_size=40).map("".join)
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def in_sql(texts: list[str]) -> list[tuple[str, list[str]]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT crm_fold(t), crm_fold_words(t) FROM unnest(%s::text[]) WITH ORDINALITY AS x (t, n) ORDER BY n",
            [texts],
        )
        return cursor.fetchall()


@pytest.mark.parametrize(
    ("same", "folded"),
    [
        (("Müller", "Mueller", "MULLER", "mu\u0308ller", "Mùller"), "muller"),
        (("Straße", "STRASSE", "strasse", "STRAẞE"), "strasse"),
        (("Bäckerei Özdemir", "Baeckerei  Oezdemir", " backerei\u00a0ozdemir\n"), "backerei ozdemir"),
        (("Łódź", "lodz"), "lodz"),
        (("Crème brûlée", "CREME BRULEE"), "creme brulee"),
        (("Æbleskiver", "Aebleskiver"), "ableskiver"),
        (("Smørrebrød", "Smörrebröd", "Smoerrebroed"), "smorrebrod"),
        (("Büeler", "Bueeler"), "buler"),
        (("İstanbul", "ISTANBUL", "ıstanbul"), "istanbul"),
        (("neue", "neuee", "neu"), "neu"),
        (("Ελλάς", "ΕΛΛΑΣ"), "ελλασ"),
        (("Йогурт", "ЙОГУРТ"), "иогурт"),
        (("", " \t "), ""),
    ],
)
def test_fold_makes_the_same_of_all_ways_of_writing(db: None, same: tuple[str, ...], folded: str) -> None:
    assert {fold(text) for text in same} == {folded}
    assert {row[0] for row in in_sql(list(same))} == {folded}


def test_words_are_distinct_in_their_order_and_cut() -> None:
    assert fold_words("Gasthaus „Zum Löwen“, Inh. Müller & Mueller (2. Haus)") == [
        "gasthaus", "zum", "lowen", "inh", "muller", "2", "haus",
    ]  # fmt: skip
    assert fold_words("x" * 50 + " " + "x" * 60) == ["x" * 40]
    assert fold_words("– & …") == []


@SHARED
@given(texts=st.lists(TEXTS, min_size=1, max_size=30))
def test_sql_folds_as_python_does(db: None, texts: list[str]) -> None:
    assert in_sql(texts) == [(fold(text), fold_words(text)) for text in texts]


def test_sql_folds_every_letter_as_python_does(db: None) -> None:
    """The whole basic plane, each letter alone and between two others."""
    letters = [chr(code) for code in range(1, 0x10000) if not 0xD800 <= code <= 0xDFFF]
    found = in_sql([f"a{letter}b" for letter in letters])
    assert [
        letter
        for letter, row in zip(letters, found, strict=True)
        if row != (fold(f"a{letter}b"), fold_words(f"a{letter}b"))
    ] == []


@given(TEXTS)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold_words(fold(text)) == fold_words(text)
