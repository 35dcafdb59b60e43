"""A change set is undone where nobody changed its rows since, and says where somebody did."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.utils import timezone

from crm.core.access import activate, system_scope
from crm.core.errors import Conflict, Forbidden, NotFound
from customers.choices import AccountType
from customers.models import Contact, Customer, CustomerTag, Tag
from jobs import registry
from jobs.choices import TaskState
from jobs.models import ChangeSet, LongTask
from jobs.registry import undoable
from jobs.services import ask_undo, open_change_set, resume_task, undo_change_set
from jobs.undoing import Skipped, SkippedRow
from jobs.working import Outcome, due_tasks, work
from outbox.models import Event
from tests.conftest import scope_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def registered(monkeypatch):
    """Customers, contacts and tags on customers may be undone; what was told of the customers."""
    told = []
    monkeypatch.setattr(registry, "_undoable", {})
    undoable(Customer, order=10, after=lambda scope, ids: told.append(sorted(ids)))
    undoable(Contact, order=20, parent="customer")
    undoable(CustomerTag, order=30, parent="customer")
    return told


@pytest.fixture
def scope(organisation, people):
    """A manager's, active."""
    with transaction.atomic():
        scope = scope_of(people("MANAGER"))
        with activate(scope):
            yield scope


def customer(organisation, name, **values):
    number = f"T-{Customer.objects.count() + 1:05d}"
    return Customer.objects.create(
        organisation=organisation, company_name=name, customer_number=number, status_since=timezone.now(), **values
    )


def table(model):
    """Every column of every row but version and updated_at: "equal to before"."""
    names = [f.attname for f in model._meta.concrete_fields if f.attname not in {"version", "updated_at"}]
    return list(model.objects.order_by("pk").values_list(*names))


def test_updates_and_deletes_are_written_back(organisation, scope, registered):
    rows = [customer(organisation, f"Haus {n}") for n in range(4)]
    tag = Tag.objects.create(organisation=organisation, name="neu")
    for row in rows:
        CustomerTag.objects.create(organisation=organisation, customer=row, tag=tag)
        Contact.objects.create(organisation=organisation, customer=row, last_name="Probe")
    before = [table(model) for model in (Customer, CustomerTag, Contact)]

    batch = open_change_set(scope=scope, kind="bulk", label="Alles anders")
    with activate(batch):
        Customer.objects.update(company_name="Anders", phone="+49301")
        Customer.objects.filter(pk=rows[0].pk).update(company_name="Noch anders")
        CustomerTag.objects.filter(customer__in=rows[:2]).delete()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM customers_contact WHERE customer_id = %s", [rows[3].pk])
    assert table(Customer) != before[0]
    result = undo_change_set(scope=scope, change_set_id=batch.change_set_id)

    assert [table(model) for model in (Customer, CustomerTag, Contact)] == before
    assert (result.restored, result.recreated, result.removed, result.skipped) == (4, 3, 0, [])
    assert registered == [[row.pk for row in rows]]
    done = ChangeSet.objects.get(pk=batch.change_set_id)
    assert (done.undone_at, done.undone_by_id) == (scope.now, scope.user_id)
    undo = ChangeSet.objects.get(pk=result.change_set_id)
    assert (undo.kind, undo.undoes_id, undo.rows) == ("undo", done.pk, 7)
    event = Event.objects.get(type="change_set.undone")
    counts = {"restored": 4, "recreated": 3, "removed": 0, "skipped": 0}
    assert event.data == {"change_set_id": done.pk, "made_by": scope.user_id} | counts


def test_the_undo_is_itself_undone(organisation, scope, registered):
    row = customer(organisation, "Vorher")
    batch = open_change_set(scope=scope, kind="bulk", label="x")
    with activate(batch):
        Customer.objects.filter(pk=row.pk).update(company_name="Nachher")
    undo = undo_change_set(scope=scope, change_set_id=batch.change_set_id)
    undo_change_set(scope=scope, change_set_id=undo.change_set_id)
    row.refresh_from_db()
    assert row.company_name == "Nachher"


def test_inserted_rows_go_to_the_trash_with_what_hangs_on_them_or_are_deleted(organisation, scope, registered):
    old = customer(organisation, "Alt")
    tag = Tag.objects.create(organisation=organisation, name="neu")
    batch = open_change_set(scope=scope, kind="import", label="datei.csv")
    with activate(batch):
        new = customer(organisation, "Neu")
        for row in (old, new):
            CustomerTag.objects.create(organisation=organisation, customer=row, tag=tag)
            Contact.objects.create(organisation=organisation, customer=row, last_name="Probe")
    result = undo_change_set(scope=scope, change_set_id=batch.change_set_id)

    new.refresh_from_db()
    assert (new.deleted_at, new.deleted_by_id) == (scope.now, scope.user_id)
    assert list(CustomerTag.objects.values_list("customer", flat=True)) == [new.pk]
    assert list(Contact.objects.values_list("customer", flat=True)) == [new.pk]
    assert (result.removed, result.restored, result.skipped) == (3, 0, [])


def test_rows_changed_since_keep_what_they_have_and_are_named(organisation, scope, registered):
    rows = [customer(organisation, f"Haus {n}") for n in range(3)]
    batch = open_change_set(scope=scope, kind="bulk", label="x")
    with activate(batch):
        Customer.objects.update(company_name="Anders")
    Customer.objects.filter(pk=rows[1].pk).update(phone="+49302")
    result = undo_change_set(scope=scope, change_set_id=batch.change_set_id)

    assert list(Customer.objects.order_by("pk").values_list("company_name", flat=True)) == [
        "Haus 0",
        "Anders",
        "Haus 2",
    ]
    assert result.skipped == [SkippedRow("customers.customer", rows[1].pk, Skipped.CHANGED_SINCE)]


def test_a_batch_of_which_every_row_was_changed_since_is_not_undone_and_may_be_tried_again(
    organisation, scope, registered
):
    row = customer(organisation, "Haus")
    batch = open_change_set(scope=scope, kind="bulk", label="x")
    with activate(batch):
        Customer.objects.update(company_name="Anders")
    Customer.objects.filter(pk=row.pk).update(phone="+49302")
    for _attempt in range(2):
        result = undo_change_set(scope=scope, change_set_id=batch.change_set_id)
        assert (result.change_set_id, result.rows, len(result.skipped)) == (None, 0, 1)
    assert ChangeSet.objects.get().undone_at is None
    assert not Event.objects.filter(type="change_set.undone").exists()


def test_an_inserted_row_in_use_stays(organisation, scope, monkeypatch):
    monkeypatch.setattr(registry, "_undoable", {})
    undoable(Customer, order=10, inserted=registry.Inserted.DELETE)
    batch = open_change_set(scope=scope, kind="import", label="x")
    with activate(batch):
        used = customer(organisation, "A")
    Contact.objects.create(organisation=organisation, customer=used, last_name="Probe")
    result = undo_change_set(scope=scope, change_set_id=batch.change_set_id)
    assert SkippedRow("customers.customer", used.pk, Skipped.STILL_USED) in result.skipped
    assert Customer.objects.filter(pk=used.pk).exists()


def chain_with_locations(organisation, scope, count):
    """A change set that inserts a CHAIN with a contact and LOCATIONs."""
    batch = open_change_set(scope=scope, kind="import", label="datei.csv")
    with activate(batch):
        chain = customer(organisation, "Kette", account_type=AccountType.CHAIN)
        Contact.objects.create(organisation=organisation, customer=chain, last_name="Probe")
        locations = [
            customer(organisation, f"Filiale {n}", account_type=AccountType.LOCATION, chain=chain) for n in range(count)
        ]
    return batch.change_set_id, chain, locations


def test_a_chain_under_which_somebody_put_a_location_since_is_kept_with_its_contacts(organisation, scope, registered):
    pk, chain, (imported,) = chain_with_locations(organisation, scope, 1)
    later = customer(organisation, "Später", account_type=AccountType.LOCATION, chain=chain)
    result = undo_change_set(scope=scope, change_set_id=pk)

    assert result.skipped == [SkippedRow("customers.customer", chain.pk, Skipped.STILL_USED)]
    trashed = set(Customer.objects.filter(deleted_at__isnull=False).values_list("pk", flat=True))
    assert trashed == {imported.pk}
    assert Contact.objects.filter(customer=chain).exists()
    later.refresh_from_db()
    assert (later.chain_id, later.deleted_at) == (chain.pk, None)


def test_a_location_changed_since_keeps_its_chain(organisation, scope, registered):
    pk, chain, (changed, other) = chain_with_locations(organisation, scope, 2)
    Customer.objects.filter(pk=changed.pk).update(phone="+49303")
    result = undo_change_set(scope=scope, change_set_id=pk)
    assert {(row.pk, row.reason) for row in result.skipped} == {
        (changed.pk, Skipped.CHANGED_SINCE),
        (chain.pk, Skipped.STILL_USED),
    }
    assert list(Customer.objects.filter(deleted_at__isnull=False)) == [other]


def test_what_hangs_on_a_new_customer_that_somebody_changed_since_stays_with_him(organisation, scope, registered):
    """He is kept as he is, so his tags and contacts are too; on an older customer they go, whoever changed him."""
    tag = Tag.objects.create(organisation=organisation, name="neu")
    old = customer(organisation, "Alt")
    batch = open_change_set(scope=scope, kind="import", label="datei.csv")
    with activate(batch):
        kept, gone = customer(organisation, "Bleibt"), customer(organisation, "Geht")
        for row in (kept, gone, old):
            CustomerTag.objects.create(organisation=organisation, customer=row, tag=tag)
        Contact.objects.create(organisation=organisation, customer=kept, last_name="Probe")
    Customer.objects.filter(pk__in=[kept.pk, old.pk]).update(phone="+49304")
    before = table(Contact)
    result = undo_change_set(scope=scope, change_set_id=batch.change_set_id)

    assert result.skipped == [SkippedRow("customers.customer", kept.pk, Skipped.CHANGED_SINCE)]
    assert set(CustomerTag.objects.values_list("customer", flat=True)) == {kept.pk, gone.pk}
    assert table(Contact) == before
    assert list(Customer.objects.filter(deleted_at__isnull=False)) == [gone]


def test_a_chain_goes_to_the_trash_where_nothing_living_stays_under_it(organisation, scope, registered):
    pk, chain, _locations = chain_with_locations(organisation, scope, 2)
    customer(organisation, "Weg", account_type=AccountType.LOCATION, chain=chain, deleted_at=timezone.now())
    result = undo_change_set(scope=scope, change_set_id=pk)
    assert result.skipped == []
    assert not Customer.objects.filter(deleted_at__isnull=True).exists()


def test_a_state_that_a_rule_forbids_today_is_a_conflict_and_changes_nothing(organisation, scope, registered):
    row = customer(organisation, "A", xentral_customer_id="X1")
    batch = open_change_set(scope=scope, kind="bulk", label="x")
    with activate(batch):
        Customer.objects.filter(pk=row.pk).update(xentral_customer_id="")
    customer(organisation, "B", xentral_customer_id="X1")
    with pytest.raises(Conflict), transaction.atomic():
        undo_change_set(scope=scope, change_set_id=batch.change_set_id)
    row.refresh_from_db()
    assert row.xentral_customer_id == ""
    assert ChangeSet.objects.get(pk=batch.change_set_id).undone_at is None


def test_twice_is_a_conflict(organisation, scope, registered):
    batch = open_change_set(scope=scope, kind="bulk", label="x")
    undo_change_set(scope=scope, change_set_id=batch.change_set_id)
    with pytest.raises(Conflict):
        undo_change_set(scope=scope, change_set_id=batch.change_set_id)


def test_who_may_undo(organisation, other_organisation, people, registered):
    """One's own; a manager any; who only reads none; for everybody else it is not there."""
    with transaction.atomic():
        owner = scope_of(people("REP"))
        with activate(owner):
            pk = open_change_set(scope=owner, kind="bulk", label="x").change_set_id
        for role, error in [("REP", NotFound), ("TEAM_LEAD", NotFound), ("AUDITOR", Forbidden), ("DPO", Forbidden)]:
            other = scope_of(people(role))
            with activate(other), pytest.raises(error):
                undo_change_set(scope=other, change_set_id=pk)
        with system_scope(other_organisation.pk, job="test") as foreign, pytest.raises(NotFound):
            undo_change_set(scope=foreign, change_set_id=pk)
        with activate(owner):
            undo_change_set(scope=owner, change_set_id=pk)


def test_a_rep_undoes_what_moved_rows_out_of_his_sight(organisation, people, registered):
    with transaction.atomic():
        rep, colleague = people("REP"), people("REP")
        scope = scope_of(rep)
        with activate(scope):
            row = customer(organisation, "Meins", owner=rep)
            batch = open_change_set(scope=scope, kind="bulk", label="Übergabe")
            with activate(batch.widened("hand-over")):
                Customer.objects.filter(pk=row.pk).update(owner=colleague)
            assert not Customer.objects.filter(pk=row.pk).exists()
            undo_change_set(scope=scope, change_set_id=batch.change_set_id)
            assert Customer.objects.get(pk=row.pk).owner_id == rep.pk


def worked(scope):
    """What a worker does; the tasks by id."""
    for task_id in due_tasks(scope.organisation_id):
        assert work(scope.organisation_id, task_id) is Outcome.OVER
    return list(LongTask.objects.order_by("pk"))


def test_a_worker_undoes_in_the_makers_name(organisation, scope, registered):
    rows = [customer(organisation, f"Haus {n}") for n in range(3)]
    before = table(Customer)
    batch = open_change_set(scope=scope, kind="bulk", label="Alles anders")
    with activate(batch):
        Customer.objects.update(company_name="Anders")
    asked = ask_undo(scope=scope, change_set_id=batch.change_set_id)
    assert (asked.state, asked.label, asked.user_id) == (TaskState.QUEUED, "Alles anders", scope.user_id)
    with pytest.raises(Conflict):
        ask_undo(scope=scope, change_set_id=batch.change_set_id)
    assert table(Customer) != before

    (task,) = worked(scope)
    assert table(Customer) == before
    assert (task.state, task.done, task.total, task.refused, task.told) == (TaskState.DONE, 3, 3, 0, 0)
    undo = ChangeSet.objects.get(pk=task.result["change_set"])
    assert (undo.undoes_id, undo.actor) == (batch.change_set_id, scope.actor)
    assert Customer.history.filter(id=rows[0].pk).latest("history_id").history_user_id == scope.user_id
    ended = Event.objects.get(type="task.ended").data
    assert (ended["state"], ended["user_id"], ended["done"]) == ("DONE", scope.user_id, 3)


def test_the_result_names_what_was_left_alone(organisation, scope, registered):
    rows = [customer(organisation, f"Haus {n}") for n in range(2)]
    batch = open_change_set(scope=scope, kind="bulk", label="x")
    with activate(batch):
        Customer.objects.update(company_name="Anders")
    Customer.objects.filter(pk=rows[1].pk).update(phone="+49302")
    ask_undo(scope=scope, change_set_id=batch.change_set_id)
    (task,) = worked(scope)
    assert (task.refused, task.result["skipped"]) == (1, 1)
    assert task.result["rows"] == [["customers.customer", rows[1].pk, "CHANGED_SINCE"]]


def test_what_a_rule_forbids_fails_with_its_reason_and_changes_nothing(organisation, scope, registered):
    row = customer(organisation, "A", xentral_customer_id="X1")
    batch = open_change_set(scope=scope, kind="bulk", label="x")
    with activate(batch):
        Customer.objects.filter(pk=row.pk).update(xentral_customer_id="")
    other = customer(organisation, "B", xentral_customer_id="X1")
    ask_undo(scope=scope, change_set_id=batch.change_set_id)
    (task,) = worked(scope)
    assert (task.state, task.error) == (TaskState.FAILED, "Contradicted")
    assert ChangeSet.objects.get(pk=batch.change_set_id).undone_at is None
    Customer.objects.filter(pk=other.pk).update(xentral_customer_id="")
    resume_task(scope=scope, task_id=task.pk)
    (task,) = worked(scope)
    assert task.state == TaskState.DONE
    row.refresh_from_db()
    assert row.xentral_customer_id == "X1"


def test_who_may_let_a_worker_undo(organisation, other_organisation, people, registered):
    with transaction.atomic():
        owner = scope_of(people("REP"))
        with activate(owner):
            pk = open_change_set(scope=owner, kind="bulk", label="x").change_set_id
        for role, error in [("REP", NotFound), ("AUDITOR", Forbidden)]:
            other = scope_of(people(role))
            with activate(other), pytest.raises(error):
                ask_undo(scope=other, change_set_id=pk)
        with activate(owner):
            ask_undo(scope=owner, change_set_id=pk)
            (task,) = worked(owner)
            assert task.state == TaskState.DONE


def test_only_models_with_history_and_only_once(monkeypatch):
    monkeypatch.setattr(registry, "_undoable", {})
    undoable(Customer, order=1)
    with pytest.raises(ValueError, match="already"):
        undoable(Customer, order=2)
    with pytest.raises(ValueError, match="history"):
        undoable(Tag, order=1)
