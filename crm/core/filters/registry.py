"""The fields of one kind of record: fixed ones, and those that the catalogue adds at run time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from django.db.models import Model

from crm.core.access import Scope
from crm.core.filters.fields import FilterField, mismatch

Provider = Callable[[Scope], Iterable[FilterField]]
Fields = Mapping[str, FilterField]

# What list pages use for themselves; no field may be called so.
RESERVED = frozenset({"q", "sort", "after", "before", "columns", "density", "filter", "size", "view"})


class FilterRegistry:
    """What one entity can be filtered by.

    `static` fields stand in code; a `provider` gives more per scope, whose keys carry a prefix with a dot
    (`fields.cuisine`), so that no manager's key can take another field's or a parameter's name. Upper apps add theirs
    by `register` from their `apps.py`.
    """

    def __init__(self, entity: str, static: Iterable[FilterField] = (), provider: Provider | None = None) -> None:
        self.entity = entity
        self.provider = provider
        self._static: dict[str, FilterField] = {}
        self.register(*static)

    def register(self, *fields: FilterField) -> None:
        """Add fields. Raises ValueError for a key that is taken, reserved or has a dot."""
        for field in fields:
            if field.key in self._static or field.key in RESERVED or "." in field.key:
                raise ValueError(f"{self.entity}: {field.key!r} cannot be the key of a filter field")
            self._static[field.key] = field

    def fields_for(self, scope: Scope) -> dict[str, FilterField]:
        """The fields that exist for this scope, by key. Asks the provider, so call it once a request and pass it on."""
        fields = dict(self._static)
        for field in self.provider(scope) if self.provider else ():
            if "." not in field.key:
                raise ValueError(f"{self.entity}: the added field {field.key!r} needs a prefix with a dot")
            fields[field.key] = field
        return {key: field for key, field in fields.items() if field.is_open_to(scope)}

    def mismatches(self, model: type[Model]) -> list[str]:
        """Fixed fields whose column on `model` could not use an index under its policies; a test holds this empty."""
        return [text for field in self._static.values() if (text := mismatch(field, model))]


def resolve(registry: FilterRegistry | Fields, scope: Scope) -> Fields:
    """The fields of a registry for a scope, or the ones that were resolved before."""
    return registry.fields_for(scope) if isinstance(registry, FilterRegistry) else registry
