"""A change set over everything that one can touch, undone: every table of the database as it was before."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date

import pytest
from django.db import transaction
from django.utils import timezone

from crm.core.access import activate, system_scope
from customers.choices import AccountType
from customers.models import (
    Address,
    Contact,
    Customer,
    CustomerFieldValue,
    CustomerTag,
    CustomerUserPermission,
    DeliveredOrder,
    ExternalKey,
    FieldDefinition,
    LifeMark,
    Tag,
)
from jobs.registry import undoables
from jobs.services import ask_undo, open_change_set
from jobs.working import Outcome, work
from organisation.choices import Role
from tests.conftest import make_organisation, make_user, scope_of
from tests.matrix.world import grant

# What only ever grows: what was done and undone stays told, and the search knows every word that was ever there.
LOGS = {"outbox_event", "jobs_changeset", "jobs_longtask", "customers_vocabularyword"}
# Taken away and written anew by triggers: the same words under other ids.
NEW_IDS = {"customers_customerword", "customers_contactword"}
# Counted up or stamped by triggers at each write, whichever it is.
STAMPS = ("version", "updated_at", "projected_at")


def rows_by_table(owner) -> dict[str, Counter[str]]:
    """Every row of every table of the database as text, without the stamps."""
    with owner.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        found = {}
        for (table,) in cursor.fetchall():
            left_out = [*STAMPS, *(["id"] if table in NEW_IDS else [])]
            cursor.execute(f'SELECT (to_jsonb(t) - %s::text[])::text FROM public."{table}" t', [left_out])
            found[table] = Counter(row for (row,) in cursor.fetchall())
    return found


def differing(before, after) -> set[str]:
    return {table for table in before if before[table] != after[table]}


@pytest.fixture
def world(committed_db):
    """A chain with locations and independent houses, each with all that hangs on a customer."""
    house = make_organisation("Haus")
    reader = make_user(house)
    with system_scope(house.pk, job="test"):
        tags = [Tag.objects.create(organisation=house, name=name) for name in ("Bio", "Saison")]
        definition = FieldDefinition.objects.filter(entity="CUSTOMER", type="TEXT", organisation=house).first()
        if definition is None:
            definition = FieldDefinition.objects.create(
                organisation=house,
                entity="CUSTOMER",
                key="remark",
                type="TEXT",
                label_de="Anmerkung",
                label_en="Remark",
            )
        chain = _customer(house, 0, account_type=AccountType.CHAIN)
        rows = [chain, *(_customer(house, n, account_type=AccountType.LOCATION, chain=chain) for n in (1, 2))]
        rows += [_customer(house, n) for n in range(3, 8)]
        for row in rows:
            Address.objects.create(organisation=house, customer=row, city="Ulm", kind="DELIVERY")
            Contact.objects.create(organisation=house, customer=row, last_name="Probe")
            CustomerTag.objects.create(organisation=house, customer=row, tag=tags[0])
            CustomerFieldValue.objects.create(organisation=house, customer=row, definition=definition, value="vorher")
            ExternalKey.objects.create(organisation=house, customer=row, source="alt", key=str(row.pk))
            grant(reader, row)
            now = timezone.now()
            DeliveredOrder.objects.create(organisation=house, customer=row, number="alt", delivered_at=now)
            LifeMark.objects.create(
                organisation=house, customer=row, stage="RENEWAL_90", day=date(2026, 1, 1), made_at=now
            )
    return house, rows, tags


def _customer(house, number, **values):
    return Customer.objects.create(
        organisation=house,
        company_name=f"Haus {number}",
        customer_number=f"T-{number:05d}",
        status_since=timezone.now(),
        **values,
    )


def _change_everything(house, rows, tags):
    """Changed, deleted and new rows in each table that hangs on customers; customers changed, moved and put to the trash."""
    Customer.objects.update(company_name="Anders", phone="+49301")
    Customer.objects.filter(pk=rows[1].pk).update(chain=None, account_type=AccountType.INDEPENDENT)
    Customer.objects.filter(pk=rows[7].pk).update(deleted_at=timezone.now())
    Customer.objects.filter(pk=rows[3].pk).update(company_name="Noch anders")
    for model, change in (
        (Address, {"city": "Köln"}),
        (Contact, {"last_name": "Anders"}),
        (CustomerTag, {"tag": tags[1]}),
        (CustomerFieldValue, {"value": "nachher"}),
        (ExternalKey, {"source": "neu"}),
        (DeliveredOrder, {"number": "neu"}),
        (LifeMark, {"day": date(2027, 1, 1)}),
    ):
        model.objects.filter(customer__in=rows[:4]).update(**change)
        model.objects.filter(customer=rows[4]).delete()
    CustomerUserPermission.objects.filter(content_object__in=rows[:4]).delete()
    Address.objects.create(organisation=house, customer=rows[5], city="Bonn", kind="BILLING")
    Contact.objects.create(organisation=house, customer=rows[5], last_name="Neu")
    CustomerTag.objects.create(organisation=house, customer=rows[5], tag=tags[1])
    ExternalKey.objects.create(organisation=house, customer=rows[5], source="neu", key="n")
    DeliveredOrder.objects.create(organisation=house, customer=rows[5], number="neu", delivered_at=timezone.now())
    LifeMark.objects.create(
        organisation=house, customer=rows[5], stage="RENEWAL_90", day=date(2027, 1, 1), made_at=timezone.now()
    )
    came_and_went = Contact.objects.create(organisation=house, customer=rows[6], last_name="Kurz")
    came_and_went.delete()


def test_every_table_is_as_before_but_the_logs_which_only_grew(world, owner_db):
    house, rows, tags = world
    manager = make_user(house, Role.MANAGER)
    before = rows_by_table(owner_db)
    with transaction.atomic(), activate(scope_of(manager)) as scope:
        batch = open_change_set(scope=scope, kind="bulk", label="Alles anders")
        with activate(batch.widened("test")):
            _change_everything(house, rows, tags)
        task = ask_undo(scope=scope, change_set_id=batch.change_set_id)
    changed = rows_by_table(owner_db)
    undone_by_it = {entry.model._meta.db_table for entry in undoables()}
    assert undone_by_it | {"customers_customerhot"} <= differing(before, changed), "all of them were touched"

    assert work(house.pk, task.pk) is Outcome.OVER
    after = rows_by_table(owner_db)
    histories = {entry.model.history.model._meta.db_table for entry in undoables()}
    assert differing(before, after) <= histories | LOGS
    for table in histories | LOGS:
        assert before[table] <= after[table], f"{table} lost rows"
    (undo,) = (json.loads(row) for row in after["jobs_longtask"])
    assert (undo["state"], undo["refused"]) == ("DONE", 0)
