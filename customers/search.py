"""Finding customers by words: name, trading name, number, town, postcode, phone; beginnings of words, and mistyped ones.
Contacts by theirs: name, e-mail address and its host, phones.

Each typed word must begin one of the record's words; that comparison is leakproof, so the policies keep its index and the
wall lies before any limit. Only where nothing is found, similar words of the vocabulary take the place of the typed ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import BigIntegerField, BooleanField, Exists, Func, Model, OuterRef, Q, QuerySet, Value

from crm.core.access import Scope
from crm.core.folding import fold, fold_words
from customers.models import Contact, ContactWord, CustomerHot, CustomerWord

MOST_WORDS: Final = 6
MOST_SIMILAR: Final = 20
SHORTEST_MISTYPED: Final = 4
MOST_TOGETHER: Final = 10_000
RARE: Final = 3  # letters; half of all customers have a word that begins with one or two given ones
FEWEST_DIGITS: Final = 4  # inside a number; its beginning may be shorter
_HIGHEST = "\U0010ffff"
_PHONE = re.compile(r"[-+0-9 ()/.\u2013]+")
_TRUNK = re.compile(r"^(\+|00)\s*49|^0+")


R = TypeVar("R", bound=Model)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where the words of one kind of record stand, and what the search role is asked of them."""

    words: type[CustomerWord | ContactWord]
    key: str
    similar: str
    by_digits: str


_CUSTOMERS = _Kind(
    CustomerWord,
    "customer_id",
    "SELECT t.place, s.word FROM unnest(%s::text[]) WITH ORDINALITY AS t (typed, place)"
    " CROSS JOIN LATERAL customers_similar_words(t.typed, %s) s"
    " WHERE t.typed IS NOT NULL ORDER BY t.place, s.score DESC, s.word",
    "SELECT id FROM customers_by_digits(%s, %s)",
)
_CONTACTS = _Kind(
    ContactWord,
    "contact_id",
    _CUSTOMERS.similar.replace("customers_similar_words", "customers_similar_contact_words"),
    "SELECT id FROM customers_contacts_by_digits(%s, %s)",
)


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
    alternatives = _similar_words(typed, _CUSTOMERS)
    if not any(alternatives):
        return Found(customers.none())
    conditions = _as_alternatives(typed, alternatives)
    return Found(_with_all(customers, conditions, scope), tuple(words[0] for words in alternatives if words))


def _as_alternatives(typed: list[str], alternatives: list[list[str]], best: int = MOST_SIMILAR) -> dict[str, Q]:
    """For each typed word the `best` of its alternatives; without one it must begin a word as typed."""
    pairs = zip(typed, alternatives, strict=True)
    return {word: Q(word__in=words[:best]) if words else _begins(word) for word, words in pairs}


def phone_digits(text: str) -> str:
    """The digits of a phone or of a part of one, without the country's and the trunk prefix of Germany; "" for other text.

    The twin of SQL's `customers_phone_key`, which keeps whole numbers: a test holds both equal.
    """
    if not _PHONE.fullmatch(text.strip()):
        return ""
    return re.sub(r"[^0-9]|^0+", "", _TRUNK.sub("", text.strip().replace("(0)", "")))


def find_customers(scope: Scope, text: str, most: int) -> list[CustomerHot]:
    """At most `most` customers for the palette: by words as typed, by a part of a phone or number, else by the likest words.

    In the order of the words that they were found by: sorting all that a frequent word finds by name took 1 s of 200,000.
    """
    typed = fold_words(text)[:MOST_WORDS]
    ids = _ids(scope, text, typed, most, _CUSTOMERS) if typed else []
    return _in_order(CustomerHot.objects.visible_to(scope).select_related("customer"), ids, most)


def find_contacts(scope: Scope, text: str, most: int) -> list[Contact]:
    """At most `most` contacts: as `find_customers`, and by e-mail."""
    typed = fold_words(text)[:MOST_WORDS]
    if typed and "@" in text:
        typed = [fold(text)]
    ids = _ids(scope, text, typed, most, _CONTACTS) if typed else []
    return _in_order(Contact.objects.visible_to(scope).select_related("customer"), ids, most)


def _in_order(rows: QuerySet[R], ids: list[int], most: int) -> list[R]:
    found = rows.in_bulk(ids) if ids else {}
    return [found[pk] for pk in dict.fromkeys(ids) if pk in found][:most]


def _ids(scope: Scope, text: str, typed: list[str], most: int, kind: _Kind) -> list[int]:
    """Ids by the words as typed and by digits; where there are none, by the likest word of each, then by all that are like."""
    ids = _having(scope, {word: _begins(word) for word in typed}, most, kind)
    if len(ids) < most and (digits := phone_digits(text)):
        ids += _with_digits(scope, digits, most, kind)
    if ids:
        return ids
    alternatives = _similar_words(typed, kind)
    if not any(alternatives):
        return []
    ids = _having(scope, _as_alternatives(typed, alternatives, best=1), most, kind)
    if len(ids) < most and max(map(len, alternatives)) > 1:
        ids += _having(scope, _as_alternatives(typed, alternatives), most, kind)
    return ids


def _having(scope: Scope, words: dict[str, Q], most: int, kind: _Kind) -> list[int]:
    """Ids of those that have all `words`, walked along what the longest one stands for until there are enough."""
    longest = max(words, key=len)
    seen = kind.words.objects.visible_to(scope).order_by()
    own = seen.filter(**{kind.key: OuterRef(kind.key)})
    others = (Exists(own.filter(condition)) for word, condition in words.items() if word != longest)
    found: QuerySet[Any] = seen.filter(words[longest], *others)
    # One may have several such words: a few more are read.
    ids = found.order_by("word", kind.key).values_list(kind.key, flat=True)[: 3 * most]
    return list(dict.fromkeys(ids))


def _with_digits(scope: Scope, digits: str, most: int, kind: _Kind) -> list[int]:
    """Ids of those with a phone that begins with `digits`, or, where these are enough to tell, has them inside."""
    words = kind.words.objects.visible_to(scope).filter(_begins(digits))
    ids = list(words.order_by("word", kind.key).values_list(kind.key, flat=True)[:most])
    if len(ids) < most and len(digits) >= FEWEST_DIGITS:
        with connection.cursor() as cursor:
            cursor.execute(kind.by_digits, [digits, most])
            ids += [row[0] for row in cursor.fetchall()]
    return list(dict.fromkeys(ids))


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


def _similar_words(typed: list[str], kind: _Kind) -> list[list[str]]:
    """For each typed word those of the organisation's vocabulary like it, itself among them where it is one, best first."""
    found: list[list[str]] = [[] for _word in typed]
    asked = [word if len(word) >= SHORTEST_MISTYPED else None for word in typed]
    with connection.cursor() as cursor:
        cursor.execute(kind.similar, [asked, MOST_SIMILAR])
        for place, word in cursor.fetchall():
            found[place - 1].append(word)
    return found
