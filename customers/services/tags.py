"""Tags on customers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Invalid
from customers.events import CustomerUpdated
from customers.models import CustomerTag, Tag
from customers.services.locking import lock_customer
from outbox.services import publish

LONGEST: Final = 40  # characters of a tag


@transaction.atomic
def set_tags(*, scope: Scope, customer_id: int, names: Iterable[str], seen: Iterable[str] | None = None) -> None:
    """Give the customer exactly these tags; unknown ones are made. Raises NotFound, Forbidden, Invalid (over 40 characters).

    `seen` are the tags that the user saw: what others added or removed since stays as they left it. Without it nothing
    is compared.
    """
    customer = lock_customer(scope, customer_id)
    wanted = tag_names(names)
    there = CustomerTag.objects.filter(customer=customer)
    if seen is not None:
        then, now = set(seen), set(there.values_list("tag__name", flat=True))
        wanted = (now - (then - wanted)) | (wanted - then)
    tags = tags_named(scope, wanted)
    removed, _by_model = there.exclude(tag__in=tags).delete()
    known = set(there.values_list("tag_id", flat=True))
    added = [
        CustomerTag(customer=customer, tag=tag, organisation_id=scope.organisation_id)
        for tag in tags
        if tag.pk not in known
    ]
    CustomerTag.objects.bulk_create(added)
    if removed or added:
        publish(CustomerUpdated(customer_id=customer.pk, fields=("tags",)))


def tag_names(names: Iterable[str]) -> set[str]:
    """The names as they are kept. Raises Invalid (over 40 characters)."""
    wanted = {name.strip() for name in names if name.strip()}
    if any(len(name) > LONGEST for name in wanted):
        raise Invalid(_("A tag has at most 40 characters."), field="tags")
    return wanted


def tags_named(scope: Scope, names: Collection[str]) -> QuerySet[Tag]:
    """The tags with these names; those that there are not yet are made."""
    missing = [Tag(name=name, organisation_id=scope.organisation_id) for name in sorted(names)]
    Tag.objects.bulk_create(missing, ignore_conflicts=True)
    return Tag.objects.visible_to(scope).filter(name__in=names)
