"""Whose the chain keys of a file are: a key is taken for the organisation, also by an account out of the actor's sight."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from customers.choices import AccountType
from customers.models import Customer, ExternalKey

CHAIN_KEY: Final = "chain:"  # the prefix of a chain's external key


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The account that holds a chain key; `refusal` says why rows cannot come under it, empty where they can."""

    customer_id: int
    refusal: str = ""


def chain_key_holders(scope: Scope, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], KeyHolder]:
    """Who holds which of these (source, chain key); those held by nobody are free for a new CHAIN."""
    if not keys:
        return {}
    with activate(scope.widened("import: chain keys that others hold")):
        held = ExternalKey.objects.filter(
            organisation_id=scope.organisation_id, key__in={f"{CHAIN_KEY}{key}" for _source, key in keys}
        )
        rows = [
            ((source, key.removeprefix(CHAIN_KEY)), *holder)
            for source, key, *holder in held.values_list(
                "source", "key", "customer_id", "customer__deleted_at", "customer__account_type"
            )
        ]
    ids = [customer_id for _key, customer_id, *_rest in rows]
    # Under the actor's own scope, so that row-level security has its say too.
    in_organisation = Customer.objects.filter(organisation_id=scope.organisation_id, pk__in=ids)
    readable = set(in_organisation.filter(Customer.objects.readable_by(scope)).values_list("pk", flat=True))
    changeable = set(
        Customer.objects.visible_to(scope).changeable_by(scope).filter(pk__in=ids).values_list("pk", flat=True)
    )
    found = {}
    for key, customer_id, deleted_at, account_type in rows:
        if key not in keys:
            continue
        if customer_id not in readable:
            refusal = _("This chain belongs to somebody else; the row is skipped.")
        elif deleted_at is not None:
            refusal = _("This chain lies in the trash; the row is skipped.")
        elif customer_id not in changeable:
            refusal = _("Shared for reading; the row is skipped.")
        elif account_type != AccountType.CHAIN:
            refusal = _("This key belongs to a customer that is no chain; the row is skipped.")
        else:
            refusal = ""
        found[key] = KeyHolder(customer_id, refusal)
    return found
