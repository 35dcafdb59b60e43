"""A field of the filter language, and the two ways from a condition to SQL: a column of the list's model, a subquery.

Only comparisons of one type with itself use an index under row-level security, so values arrive here already as the
column's own type: text (folded where the field is), bigint, date, aware datetime, boolean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import models
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from crm.core.access import Scope
from crm.core.filters.kinds import OPERATORS, FieldType, Operator, operator_label

Choices = Iterable[tuple[Any, Any]] | Callable[[], Iterable[tuple[Any, Any]]]
Names = Callable[[Scope, Sequence[int]], Mapping[int, str]]
Offered = Callable[[Scope], Iterable[tuple[int, str]]]

RESTRICTED: Final = "RESTRICTED"
READ_RESTRICTED: Final = "fields.read_restricted"
_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")


@dataclass(frozen=True, slots=True)
class Condition:
    """What one leaf asks, ready for SQL: `lookups` (Django lookup and value, all must hold), then perhaps turned round.

    `operator` and `scope` are there for builders that need more. Under ALL, `lookups` holds one `exact` per value.
    """

    operator: Operator
    lookups: tuple[tuple[str, Any], ...]
    negated: bool
    scope: Scope

    @property
    def is_about_presence(self) -> bool:
        """Whether it asks only if there is a value."""
        return self.operator in {Operator.EMPTY, Operator.NOT_EMPTY}

    def positive(self, path: str) -> Q:
        """The condition on `path`, not yet turned round."""
        return Q(*(Q(**{f"{path}__{lookup}": value}) for lookup, value in self.lookups))


Build = Callable[[Condition], Q]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list's own model, see `column`."""

    path: str
    blank: object = None

    def __call__(self, condition: Condition) -> Q:
        """The condition on the column. Turned round it holds for NULL too: ~Q adds `AND col IS NOT NULL` inside NOT."""
        held = condition.positive(self.path)
        if condition.is_about_presence and self.blank is not None:
            held |= Q(**{self.path: self.blank})
        return ~held if condition.negated else held


def column(path: str, *, blank: object = None) -> Column:
    """Compare a column of the list's model: `column("owner_id")`. `blank` is a value that counts as empty beside NULL.

    The column must have the field's type exactly (`FilterRegistry.mismatches` tells), and text the collation "C".
    """
    return Column(path, blank)


@dataclass(frozen=True, slots=True)
class Through:
    """Rows of another table that belong to the list's row, see `through`."""

    rows: Callable[[Scope], QuerySet[Any]]
    path: str
    link: str
    to: str

    def __call__(self, condition: Condition) -> Q:
        """EXISTS, or NOT EXISTS when turned round, which holds for rows without a value too."""
        related = self.rows(condition.scope).filter(**{self.link: OuterRef(self.to)}).order_by()
        if condition.is_about_presence:
            # `negated` means "not empty" here: a row with a value is there.
            present = Q(Exists(related.filter(**{f"{self.path}__isnull": False})))
            return present if condition.negated else ~present
        if condition.operator is Operator.ALL:
            return Q(*(Exists(related.filter(**{f"{self.path}__{name}": value})) for name, value in condition.lookups))
        held = Q(Exists(related.filter(condition.positive(self.path))))
        return ~held if condition.negated else held


def through(rows: Callable[[Scope], QuerySet[Any]], path: str, *, link: str, to: str = "pk") -> Through:
    """Compare a column of rows that hang on the list's row, by subquery (joins would double rows).

    `rows(scope)` gives the visible ones, `path` is their compared column, `link` their key to the list's column `to`:
    `through(lambda scope: FieldValue.objects.visible_to(scope).filter(definition_id=7), "text_key",
    link="customer_id")`.
    """
    return Through(rows, path, link, to)


@dataclass(frozen=True, slots=True)
class Present:
    """Whether rows of another table belong to the list's row, see `present`."""

    rows: Callable[[Scope], QuerySet[Any]]
    link: str
    to: str

    def __call__(self, condition: Condition) -> Q:
        """EXISTS for yes, NOT EXISTS for no."""
        found = Q(Exists(self.rows(condition.scope).filter(**{self.link: OuterRef(self.to)}).order_by()))
        ((_lookup, is_wanted),) = condition.lookups
        return found if is_wanted else ~found


def present(rows: Callable[[Scope], QuerySet[Any]], *, link: str, to: str = "pk") -> Present:
    """For BOOLEAN: whether a row hangs on the list's row, parameters as of `through`; such a field is never empty."""
    return Present(rows, link, to)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterField:
    """One thing that lists can be filtered by.

    `key` is its name in trees and URLs: small letters, digits, `_`; catalogue fields have a prefix (`fields.cuisine`).
    `build` makes a Q of a condition: `column(…)`, `through(…)` or a function of one's own.
    `operators` default to all of the type; `nullable=False` takes away `empty` and `not_empty`.
    `sensitivity` RESTRICTED hides it without the right "fields.read_restricted"; `right` names one more that it needs.
    `choices` are pairs of value and label (or a function that gives them); other values are refused.
    `scale` is how many of the column's units make one: MONEY 100 (cents), NUMBER 1; a slot times 10,000 says 10_000.
    `folded` says that the column holds folded text. `names` gives the labels of ids for USER and REFERENCE,
    `offered` the records that a builder lets choose from. `words` are other labels of operators than the type's own.
    """

    key: str
    label: Any
    type: FieldType
    build: Build
    operators: tuple[Operator, ...] = ()
    sensitivity: str = "INTERNAL"
    right: str = ""
    choices: Choices | None = None
    names: Names | None = None
    offered: Offered | None = None
    scale: int = 0
    folded: bool = False
    nullable: bool = True
    group: Any = ""
    help_text: Any = ""
    words: Mapping[Operator, Any] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ValueError(f"{self.key!r} is no key of a filter field")
        allowed = OPERATORS[self.type]
        operators = self.operators or allowed
        if not set(operators) <= set(allowed):
            raise ValueError(f"{self.key}: an operator that {self.type} does not have")
        if not self.nullable:
            operators = tuple(each for each in operators if each not in {Operator.EMPTY, Operator.NOT_EMPTY})
        object.__setattr__(self, "operators", operators)
        object.__setattr__(self, "scale", self.scale or (100 if self.type is FieldType.MONEY else 1))

    @property
    def choice_labels(self) -> dict[str, str] | None:
        """Label by value in the active language, or None where any value goes."""
        if self.choices is None:
            return None
        pairs = self.choices() if callable(self.choices) else self.choices
        return {str(value): str(label) for value, label in pairs}

    def operator_label(self, operator: Operator) -> str:
        """The operator in the active language, as it reads between label and value."""
        return str(self.words.get(operator) or operator_label(operator, self.type))

    def is_open_to(self, scope: Scope) -> bool:
        """Whether the scope may filter by it. To others it does not exist."""
        if self.sensitivity == RESTRICTED and not scope.allows(READ_RESTRICTED):
            return False
        return not self.right or scope.allows(self.right)


_COLUMNS: Final[dict[FieldType, tuple[type[models.Field[Any, Any]], ...]]] = {
    FieldType.TEXT: (models.TextField, models.CharField),
    FieldType.CHOICE: (models.TextField, models.CharField),
    FieldType.NUMBER: (models.BigIntegerField,),
    FieldType.MONEY: (models.BigIntegerField,),
    FieldType.DATE: (models.DateField,),
    FieldType.DATETIME: (models.DateTimeField,),
    FieldType.BOOLEAN: (models.BooleanField,),
    FieldType.USER: (models.ForeignKey, models.BigIntegerField),
    FieldType.REFERENCE: (models.ForeignKey, models.BigIntegerField, models.BigAutoField),
}


def mismatch(filter_field: FilterField, model: type[Model]) -> str:
    """Why a field's column would not use an index under row-level security, or "" where all is well."""
    build = filter_field.build
    if not isinstance(build, Column):
        return ""
    target = {each.attname: each for each in model._meta.concrete_fields} | {
        each.name: each for each in model._meta.concrete_fields
    }
    found = target.get(build.path)
    if found is None:
        return f"{filter_field.key}: {model.__name__} has no column {build.path}"
    known = _COLUMNS.get(filter_field.type, ())
    is_instant = filter_field.type is FieldType.DATE and isinstance(found, models.DateTimeField)
    if is_instant or not isinstance(found, known):
        return f"{filter_field.key}: {build.path} is a {type(found).__name__}, no {filter_field.type}"
    if Operator.STARTS in filter_field.operators and getattr(found, "db_collation", None) != "C":
        return f"{filter_field.key}: {build.path} has not the collation C"
    if filter_field.nullable != bool(found.null):
        return f"{filter_field.key}: nullable={filter_field.nullable}, but the column says {found.null}"
    return ""
