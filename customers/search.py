"""Finding customers by words: name, trading name, number, town, postcode; beginnings of words, and mistyped ones.

Each typed word must begin one of the customer's words; that comparison is leakproof, so the policies keep its index and the
wall lies before any limit. Only where nothing is found, similar words of the vocabulary take the place of the typed ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from crm.core.access import Scope
from crm.core.folding import fold_words
from customers.models import CustomerHot, CustomerWord

MOST_WORDS: Final = 6
MOST_SIMILAR: Final = 20
SHORTEST_MISTYPED: Final = 4
_HIGHEST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Found:
    """The customers found by words like the typed ones; `similar` are the best of those words, none where there are none."""

    customers: QuerySet[CustomerHot]
    similar: tuple[str, ...] = ()


def search(customers: QuerySet[CustomerHot], text: str, scope: Scope) -> QuerySet[CustomerHot]:
    """Those of `customers` that have all words of `text` as typed (at most six are read)."""
    typed = fold_words(text)[:MOST_WORDS]
    if not typed:
        return customers.none()
    return customers.filter(*(_has(scope, _begins(word)) for word in typed))


def resembling(customers: QuerySet[CustomerHot], text: str, scope: Scope) -> Found:
    """Those of `customers` that have words like those of `text`: for when nobody has them as typed. A query for each word."""
    typed = fold_words(text)[:MOST_WORDS]
    alternatives = [_similar_words(word) for word in typed]
    if not any(alternatives):
        return Found(customers.none())
    conditions = (
        _has(scope, Q(word__in=words) if words else _begins(word))
        for word, words in zip(typed, alternatives, strict=True)
    )
    return Found(customers.filter(*conditions), tuple(words[0] for words in alternatives if words))


def _begins(word: str) -> Q:
    return Q(word__gte=word, word__lt=word + _HIGHEST)


def _has(scope: Scope, condition: Q) -> Exists:
    words = CustomerWord.objects.visible_to(scope).filter(condition)
    return Exists(words.filter(customer_id=OuterRef("customer_id")))


def _similar_words(typed: str) -> list[str]:
    """Words of the organisation's vocabulary like `typed`, itself among them where it is one, best first."""
    if len(typed) < SHORTEST_MISTYPED:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT word FROM customers_similar_words(%s, %s)", [typed, MOST_SIMILAR])
        return [row[0] for row in cursor.fetchall()]
