"""Which customers: some by their ids, or all that a list's filter and search find, kept as the filter and not as ids."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from crm.core import filters
from crm.core.access import Scope
from crm.core.errors import Invalid
from customers.list_fields import CUSTOMER_FIELDS
from customers.models import Customer, CustomerHot
from customers.search import resembling, search

MOST_IDS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """`ids`, or without them the list's `tree` (the filter's JSON) and `words` searched for.

    What a filter means is held still while the batches go on: `highest` is the largest id that there was, so that no later
    customer is touched, `at` the instant that relative days count from, and `similar` whether the words as typed found
    nobody, so that similar ones took their place. A customer who comes to match while the batches go on, and whose turn
    is still to come, is changed too.
    """

    ids: tuple[int, ...] | None = None
    tree: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    similar: bool = False
    highest: int = 0
    at: datetime | None = None

    @classmethod
    def of_ids(cls, ids: Sequence[int]) -> Self:
        """These customers. Raises Invalid for none, or for more than MOST_IDS."""
        if not ids:
            raise Invalid(_("Nobody is selected."), field="ids")
        if len(ids) > MOST_IDS:
            raise Invalid(
                _("At most %(most)d at a time; for more there is the filter.") % {"most": MOST_IDS}, field="ids"
            )
        return cls(ids=tuple(sorted(set(ids))))

    @classmethod
    def of_filter(cls, scope: Scope, tree: Mapping[str, Any], words: str = "") -> Self:
        """All that the list shows for this filter and search. Raises Invalid for a filter that is not valid."""
        node = filters.parse(tree, CUSTOMER_FIELDS, scope)
        highest = Customer.objects.visible_to(scope).aggregate(highest=Max("pk"))["highest"] or 0
        made = cls(tree=filters.tree(node), words=words.strip(), highest=highest, at=scope.now)
        if made.words and not made.matching(scope).exists():
            return dataclasses.replace(made, similar=True)
        return made

    def matching(self, scope: Scope) -> QuerySet[CustomerHot]:
        """The customers that are meant and that the scope sees, in no order. Raises Invalid (a field is no longer there)."""
        rows = CustomerHot.objects.visible_to(scope)
        if self.ids is not None:
            return rows.filter(pk__in=self.ids)
        then = dataclasses.replace(scope, now=self.at or scope.now)
        node = filters.parse(self.tree, CUSTOMER_FIELDS, scope)
        rows = rows.filter(filters.compile(node, then), pk__lte=self.highest)
        if not self.words:
            return rows
        return resembling(rows, self.words, scope).customers if self.similar else search(rows, self.words, scope)

    def next_ids(self, scope: Scope, *, after: int, types: Collection[str], most: int) -> list[int]:
        """The next of them behind the id `after`, of these account types; named ids whatever they are, or if they are."""
        if self.ids is not None:
            return [pk for pk in self.ids if pk > after][:most]
        found = self.matching(scope).filter(pk__gt=after, account_type__in=types).order_by("pk")
        return list(found.values_list("pk", flat=True)[:most])

    def still_matching(self, scope: Scope, ids: Sequence[int]) -> frozenset[int]:
        """Of these the ones that are still meant, for after their rows are locked; named ids always are."""
        if self.ids is not None:
            return frozenset(ids)
        return frozenset(self.matching(scope).filter(pk__in=ids).values_list("pk", flat=True))

    def count(self, scope: Scope) -> int:
        """How many they are now."""
        return len(self.ids) if self.ids is not None else self.matching(scope).count()

    def parameters(self) -> dict[str, Any]:
        """As a task keeps it."""
        if self.ids is not None:
            return {"ids": list(self.ids)}
        return {
            "filter": self.tree,
            "words": self.words,
            "similar": self.similar,
            "highest": self.highest,
            "at": self.at.isoformat() if self.at else None,
        }

    @classmethod
    def from_parameters(cls, kept: Mapping[str, Any]) -> Self:
        """The other way round."""
        if "ids" in kept:
            return cls(ids=tuple(kept["ids"]))
        return cls(
            tree=kept["filter"],
            words=kept["words"],
            similar=kept["similar"],
            highest=kept["highest"],
            at=datetime.fromisoformat(kept["at"]),
        )
