"""Stages that are told once: a prospect without an order, an agreement that ends; and the manager's word on a prospect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Invalid
from crm.core.options import option_value
from customers.choices import CustomerStatus, LifeStage, ReviewDecision
from customers.events import CustomerProspectWarned, CustomerRenewalDue, CustomerReviewRequired, CustomerUpdated
from customers.models import Customer, CustomerTag, LifeMark, Tag
from customers.options import REVIEW_DAYS, WARN_DAYS
from customers.services.locking import lock_customer
from customers.services.status import change_status
from customers.transitions import REVIEW_REQUIRED, WARNED
from outbox.services import publish, publish_many

BATCH: Final = 2_000  # customers a statement
RENEWALS: Final = ((LifeStage.RENEWAL_90, 31, 90), (LifeStage.RENEWAL_30, 0, 30))  # stage, days left: least and most

# The mark of a stage is its claim: whoever comes a second time, or at the same time, finds it there.
_PROSPECTS: Final = """
INSERT INTO customers_lifemark (organisation_id, customer_id, stage, day, made_at)
SELECT organisation_id, id, %(stage)s, day, %(now)s FROM (
    SELECT c.organisation_id, c.id, {day} AS day
      FROM customers_customer c
      LEFT JOIN customers_lifemark k ON k.customer_id = c.id AND k.stage = 'REVIEW_KEPT' AND k.made_at >= c.status_since
     WHERE c.organisation_id = %(organisation)s AND c.deleted_at IS NULL AND c.status = 'PROSPECT' AND c.id > %(last)s
       AND {since} + %(days)s::integer <= %(on)s::date AND (k.day IS NULL OR k.day <= %(on)s::date)
       AND NOT EXISTS (SELECT 1 FROM customers_lifemark m
                        WHERE m.customer_id = c.id AND m.stage = %(stage)s AND m.day = {day})
     ORDER BY c.id LIMIT %(batch)s FOR NO KEY UPDATE OF c) due
ON CONFLICT (customer_id, stage, day) DO NOTHING RETURNING customer_id, day
"""
_SINCE: Final = "(c.status_since AT TIME ZONE %(zone)s)::date"
_WARN: Final = _PROSPECTS.format(since=_SINCE, day=_SINCE)
_REVIEW: Final = _PROSPECTS.format(since=_SINCE, day=f"greatest({_SINCE}, k.day)")
_RENEW: Final = """
INSERT INTO customers_lifemark (organisation_id, customer_id, stage, day, made_at)
SELECT c.organisation_id, c.id, %(stage)s, c.renewal_date, %(now)s FROM customers_customer c
 WHERE c.organisation_id = %(organisation)s AND c.deleted_at IS NULL AND c.status <> 'ARCHIVIERT' AND c.id > %(last)s
   AND c.renewal_date BETWEEN %(on)s::date + %(least)s::integer AND %(on)s::date + %(most)s::integer
   AND NOT EXISTS (SELECT 1 FROM customers_lifemark m
                    WHERE m.customer_id = c.id AND m.stage = %(stage)s AND m.day = c.renewal_date)
 ORDER BY c.id LIMIT %(batch)s
ON CONFLICT (customer_id, stage, day) DO NOTHING RETURNING customer_id, day
"""


@transaction.atomic
def mark_prospects(*, scope: Scope) -> dict[str, int]:
    """Tag and tell of prospects without an order: after the days of warning, after those of review; how many of each.

    Plain days since the customer became a prospect, or was reopened; a manager's "keep until" silences. Each stage once,
    however often this runs. For jobs: the scope sees the whole organisation.
    """
    warn, review = option_value(WARN_DAYS, scope), option_value(REVIEW_DAYS, scope)
    warned = required = 0
    with activate(scope.with_reason(f"A prospect for {warn} days")):
        for due in _claims(scope, _WARN, stage=LifeStage.PROSPECT_WARNED, days=warn):
            _tag(scope, WARNED, [pk for pk, _day in due])
            publish_many([CustomerProspectWarned(customer_id=pk, since=day.isoformat()) for pk, day in due])
            warned += len(due)
    with activate(scope.with_reason(f"A prospect for {review} days")):
        for due in _claims(scope, _REVIEW, stage=LifeStage.REVIEW_REQUIRED, days=review):
            _tag(scope, REVIEW_REQUIRED, [pk for pk, _day in due])
            publish_many([CustomerReviewRequired(customer_id=pk, since=day.isoformat()) for pk, day in due])
            required += len(due)
    return {"warned": warned, "reviews": required}


@transaction.atomic
def tell_renewals(*, scope: Scope) -> dict[str, int]:
    """Tell of agreements that end within 90 and within 30 days, once per date and stage; how many."""
    told = 0
    for stage, least, most in RENEWALS:
        for due in _claims(scope, _RENEW, stage=stage, least=least, most=most):
            publish_many(
                [CustomerRenewalDue(customer_id=pk, renewal_date=day.isoformat(), days=most) for pk, day in due]
            )
            told += len(due)
    return {"renewals": told}


@transaction.atomic
def decide_review(*, scope: Scope, customer_id: int, decision: str, until: date | None = None, reason: str) -> Customer:
    """A manager's word on a prospect: keep him, to be reviewed again on the day `until`, or archive him.

    Raises NotFound, Forbidden, Invalid (no reason, no coming day to keep until), Conflict (no prospect).
    """
    customer = lock_customer(scope, customer_id, right="customers.status")
    if decision not in ReviewDecision.values:
        raise Invalid(_("Keep or archive."), field="decision")
    if not reason.strip():
        raise Invalid(_("A reason is needed; it stands in the history."), field="reason")
    if customer.status != CustomerStatus.PROSPECT:
        raise Conflict(_("Only a prospect is reviewed."), field="decision")
    if decision == ReviewDecision.ARCHIVE:
        return change_status(scope=scope, customer_id=customer_id, status=CustomerStatus.ARCHIVIERT, reason=reason)
    if until is None or until <= scope.today:
        raise Invalid(_("Keeping needs a day to come, on which it is reviewed again."), field="until")
    with activate(scope.with_reason(reason.strip())):
        LifeMark.objects.filter(customer=customer, stage=LifeStage.REVIEW_KEPT).delete()
        LifeMark.objects.create(
            organisation_id=scope.organisation_id,
            customer=customer,
            stage=LifeStage.REVIEW_KEPT,
            day=until,
            made_at=scope.now,
        )
        CustomerTag.objects.filter(customer=customer, tag__name=REVIEW_REQUIRED).delete()
        publish(CustomerUpdated(customer_id=customer.pk, fields=("review", "tags")))
    return customer


def _claims(scope: Scope, statement: str, **values: Any) -> Iterator[list[tuple[int, date]]]:
    """Batches of (customer, day) whose stage was reached now and never before."""
    values |= {"organisation": scope.organisation_id, "zone": scope.zone, "on": scope.today, "now": scope.now}
    values |= {"batch": BATCH, "last": 0}
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            due = sorted(cursor.fetchall())
        if not due:
            return
        values["last"] = due[-1][0]
        yield due


def _tag(scope: Scope, name: str, ids: Sequence[int]) -> None:
    """Put the tag on these customers, where it is not."""
    own = {"organisation_id": scope.organisation_id}
    Tag.objects.bulk_create([Tag(name=name, **own)], ignore_conflicts=True)
    tag = Tag.objects.visible_to(scope).get(name=name)
    CustomerTag.objects.bulk_create([CustomerTag(customer_id=pk, tag=tag, **own) for pk in ids], ignore_conflicts=True)
    publish_many([CustomerUpdated(customer_id=pk, fields=("tags",)) for pk in ids])
