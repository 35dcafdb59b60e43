"""Finding customers by words: name, trading name, number, town, postcode; beginnings of words, and mistyped ones.

Each typed word must begin one of the customer's words; that comparison is leakproof, so the policies keep its index and the
wall lies before any limit. Only where nothing is found, similar words of the vocabulary take the place of the typed ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import BigIntegerField, BooleanField, Exists, Func, OuterRef, Q, QuerySet, Value

from crm.core.access import Scope
from crm.core.folding import fold_words
from customers.models import CustomerHot, CustomerWord

MOST_WORDS: Final = 6
MOST_SIMILAR: Final = 20
SHORTEST_MISTYPED: Final = 4
MOST_TOGETHER: Final = 10_000
RARE: Final = 3  # letters; half of all customers have a word that begins with one or two given ones
_HIGHEST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Found:
    """The customers found by words like the typed ones; `similar` are the best of those words, none where there are none."""

    customers: QuerySet[CustomerHot]
    similar: tuple[str, ...] = ()


class _Among(Func):
    """`column = ANY (array)`: thousands of ids as one parameter."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY ("
    output_field = BooleanField()


def search(customers: QuerySet[CustomerHot], text: str, scope: Scope) -> QuerySet[CustomerHot]:
    """Those of `customers` that have all words of `text` as typed (at most six are read). Several words ask one query."""
    typed = fold_words(text)[:MOST_WORDS]
    if not typed:
        return customers.none()
    return _with_all(customers, {word: _begins(word) for word in typed}, scope)


def resembling(customers: QuerySet[CustomerHot], text: str, scope: Scope) -> Found:
    """Those of `customers` that have words like those of `text`: for when nobody has them as typed. At most two queries."""
    typed = fold_words(text)[:MOST_WORDS]
    alternatives = _similar_words(typed)
    if not any(alternatives):
        return Found(customers.none())
    conditions = {
        word: Q(word__in=words) if words else _begins(word) for word, words in zip(typed, alternatives, strict=True)
    }
    return Found(_with_all(customers, conditions, scope), tuple(words[0] for words in alternatives if words))


def _begins(word: str) -> Q:
    return Q(word__gte=word, word__lt=word + _HIGHEST)


def _with_all(customers: QuerySet[CustomerHot], typed: dict[str, Q], scope: Scope) -> QuerySet[CustomerHot]:
    """Those that have for each typed word one of their own on which its condition holds.

    In the order of a list, the rows that have two rare words together lie far apart: walked one by one until a page is
    full they took 0.2 s of 1,000,000, all of them taken together first and sorted then 0.03 s. Where very many have all
    the words, walking is faster.
    """
    words = CustomerWord.objects.visible_to(scope).order_by()
    sets = [words.filter(condition).values("customer_id") for word, condition in typed.items() if len(word) >= RARE]
    if len(sets) > 1:
        together = sets[0].intersection(*sets[1:])
        ids = [row["customer_id"] for row in together[: MOST_TOGETHER + 1]]
        if len(ids) <= MOST_TOGETHER:
            customers = customers.filter(_Among("customer_id", Value(ids, output_field=ArrayField(BigIntegerField()))))
            typed = {word: condition for word, condition in typed.items() if len(word) < RARE}
    own = words.filter(customer_id=OuterRef("customer_id"))
    return customers.filter(*(Exists(own.filter(condition)) for condition in typed.values()))


def _similar_words(typed: list[str]) -> list[list[str]]:
    """For each typed word those of the organisation's vocabulary like it, itself among them where it is one, best first."""
    found: list[list[str]] = [[] for _word in typed]
    asked = [word if len(word) >= SHORTEST_MISTYPED else None for word in typed]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.place, s.word FROM unnest(%s::text[]) WITH ORDINALITY AS t (typed, place)"
            " CROSS JOIN LATERAL customers_similar_words(t.typed, %s) s"
            " WHERE t.typed IS NOT NULL ORDER BY t.place, s.score DESC, s.word",
            [asked, MOST_SIMILAR],
        )
        for place, word in cursor.fetchall():
            found[place - 1].append(word)
    return found
