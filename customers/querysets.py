"""Every read of customers with a name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Self

from django.db.models import Model, Q

from crm.core.access import OrganisationQuerySet, Scope, ScopedQuerySet

if TYPE_CHECKING:
    from customers.models import Customer, CustomerHot, DuplicatePair, FieldDefinition


def _owned_or_granted(scope: Scope, pk: str = "pk") -> Q:
    """The rule of reading accounts, for the table itself and for its projection."""
    if scope.owner_ids is None:
        return Q()
    rule = Q(owner_id__in=scope.owner_ids)
    if scope.granted_ids:
        rule |= Q(**{f"{pk}__in": scope.granted_ids}) | Q(chain_id__in=scope.granted_ids)
    return rule


class CustomerQuerySet(ScopedQuerySet["Customer"]):
    """Accounts: own, the team's, granted; a grant on a CHAIN covers its LOCATIONs. Unowned ones: who sees all."""

    def readable_by(self, scope: Scope) -> Q:
        """Owner, grant or role; the trash is left out by `visible_to`."""
        return _owned_or_granted(scope)

    def visible_to(self, scope: Scope) -> Self:
        """What the scope may read and nobody deleted."""
        return super().visible_to(scope).filter(deleted_at__isnull=True)

    def trashed_for(self, scope: Scope) -> Self:
        """The trash: what the actor deleted himself; for managers all. A merged account is none of it."""
        trash = super().visible_to(scope).filter(deleted_at__isnull=False, merged_into__isnull=True)
        return trash if scope.allows("trash.read_all") else trash.filter(deleted_by_id=scope.user_id)

    def known_to(self, scope: Scope) -> Self:
        """What the scope may read, and what lies in the trash of it: who saw an account may hear that it is gone."""
        return super().visible_to(scope)

    def changeable_by(self, scope: Scope) -> Self:
        """Own, the team's, granted with `change`; for readers of all nothing unless they write all."""
        if scope.writes_all:
            return self
        if scope.owner_ids is None:
            return self.none()
        rule = Q(owner_id__in=scope.owner_ids)
        if scope.changeable_ids:
            rule |= Q(pk__in=scope.changeable_ids) | Q(chain_id__in=scope.changeable_ids)
        return self.filter(rule)

    def for_detail(self) -> Self:
        """What the account page's head and facts show, in one query."""
        return self.select_related("owner", "owner__team", "chain")


class CustomerHotQuerySet(ScopedQuerySet["CustomerHot"]):
    """The projection that lists read: as visible as its customer, by its own copy of owner and chain."""

    def readable_by(self, scope: Scope) -> Q:
        """The same rule as the customer's."""
        return _owned_or_granted(scope, pk="customer_id")

    def for_list(self, sorted_by: str) -> Self:
        """What one row of the list shows, in one query; of the slots only the one that the list is `sorted_by`."""
        shown = (name for name in _narrow(self.model) if name != sorted_by)
        return self.select_related("customer", "owner").only(
            *shown, sorted_by, "customer__company_name", "customer__seasonal_months", "owner__name"
        )


@cache
def _narrow(model: type[CustomerHot]) -> tuple[str, ...]:
    """The projection's columns without its slots."""
    return tuple(field.attname for field in model._meta.concrete_fields if not field.name.startswith("hot_"))


class CustomerWordQuerySet(ScopedQuerySet[Any]):
    """Search words: as visible as their customer, by their own copy of owner and chain."""

    def readable_by(self, scope: Scope) -> Q:
        """The same rule as the customer's."""
        return _owned_or_granted(scope, pk="customer_id")


class CustomerFigureQuerySet(ScopedQuerySet[Any]):
    """Counts by owner: of the owners whose customers the scope sees."""

    def readable_by(self, scope: Scope) -> Q:
        """By owner alone: no grant covers a colleague's count."""
        return Q() if scope.owner_ids is None else Q(owner_id__in=scope.owner_ids)


class VocabularyQuerySet(ScopedQuerySet[Any]):
    """The vocabulary holds words of customers: whole for who sees all, closed to others."""

    def readable_by(self, scope: Scope) -> Q:
        """Others reach it through `customers_similar_words` alone."""
        return Q() if scope.sees_all else Q(pk__in=[])


class BelongsToCustomerQuerySet(ScopedQuerySet[Any]):
    """Rows that hang on a customer: as visible and as changeable as he is. Subqueries, never joins."""

    def _customers(self) -> CustomerQuerySet:
        related: type[Model] = self.model._meta.get_field("customer").related_model
        manager: CustomerQuerySet = related._default_manager.all()  # type: ignore[assignment]
        return manager

    def readable_by(self, scope: Scope) -> Q:
        """Its customer is visible."""
        if scope.owner_ids is None:
            return Q(customer__deleted_at__isnull=True)
        return Q(customer__in=self._customers().visible_to(scope))

    def of_listed(self, scope: Scope) -> Self:
        """For a subquery about a row of the projection, which is as visible as its customer: the rule stands there already.

        Row-level security says it again for each of these rows.
        """
        return self.filter(organisation_id=scope.organisation_id)

    def changeable_by(self, scope: Scope) -> Self:
        """Its customer is changeable."""
        if scope.writes_all:
            return self
        return self.filter(customer__in=self._customers().visible_to(scope).changeable_by(scope))


class DuplicatePairQuerySet(ScopedQuerySet["DuplicatePair"]):
    """Possible duplicates: for who sees both accounts, so that one's existence is told by no pair."""

    def readable_by(self, scope: Scope) -> Q:
        """Both are visible."""
        if scope.owner_ids is None:
            return Q(first__deleted_at__isnull=True, second__deleted_at__isnull=True)
        related: type[Model] = self.model._meta.get_field("first").related_model
        customers: CustomerQuerySet = related._default_manager.all()  # type: ignore[assignment]
        visible = customers.visible_to(scope)
        return Q(first__in=visible, second__in=visible)

    def changeable_by(self, scope: Scope) -> Self:
        """Both are changeable."""
        if scope.writes_all:
            return self
        related: type[Model] = self.model._meta.get_field("first").related_model
        customers: CustomerQuerySet = related._default_manager.all()  # type: ignore[assignment]
        changeable = customers.visible_to(scope).changeable_by(scope)
        return self.filter(first__in=changeable, second__in=changeable)


class FieldDefinitionQuerySet(OrganisationQuerySet["FieldDefinition"]):
    """The field catalogue of an organisation."""

    def active(self) -> Self:
        """Those that pages and API take."""
        return self.filter(is_active=True)

    def of_entity(self, entity: str) -> Self:
        """Of one kind of record, in the order of the pages."""
        return self.filter(entity=entity).order_by("group", "position", "pk")

    def readable_in(self, scope: Scope) -> Self:
        """Without RESTRICTED ones for roles that may not read them, and without money for who may not read money."""
        fields = self if scope.allows("fields.read_restricted") else self.exclude(sensitivity="RESTRICTED")
        return fields._money_for(scope)

    def writable_in(self, scope: Scope) -> Self:
        """Without RESTRICTED ones for roles that may not write them; nobody writes money that he may not read."""
        fields = self if scope.allows("fields.write_restricted") else self.exclude(sensitivity="RESTRICTED")
        return fields._money_for(scope)

    def _money_for(self, scope: Scope) -> Self:
        return self if scope.allows("money.read") else self.exclude(type="MONEY")

    def catalogue(self, scope: Scope, entity: str) -> list[FieldDefinition]:
        """The active definitions of an entity that the scope may read."""
        return list(self.visible_to(scope).active().of_entity(entity).readable_in(scope))


class ExchangeFileQuerySet(ScopedQuerySet[Any]):
    """What was exported and imported."""

    def readable_by(self, scope: Scope) -> Q:
        """One's own; who sees every row sees who took out or brought in what."""
        return Q() if scope.sees_all else Q(user_id=scope.user_id)

    def changeable_by(self, scope: Scope) -> Self:
        """One's own, to download or go on with; whatever the role."""
        return self if scope.role == "SYSTEM" else self.filter(user_id=scope.user_id)


class ExchangePartQuerySet(ScopedQuerySet[Any]):
    """The bytes of files."""

    def readable_by(self, scope: Scope) -> Q:
        """Those of one's own files, whatever the role; jobs take away the old ones."""
        return Q() if scope.role == "SYSTEM" else Q(file__user_id=scope.user_id)
