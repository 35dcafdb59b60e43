"""Many customers in one go: every change by role, refusals by row, the walk, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.core.errors import Conflict, Forbidden, Invalid
from customers import services
from customers.choices import AccountType, Refused
from customers.handlers import tell_new_owner
from customers.models import Customer, CustomerTag
from customers.services.bulk import Selection, batches
from customers.transitions import STAGE_TAGS
from jobs.models import ChangeSet, LongTask
from jobs.services import ask_undo, cancel_task, resume_task
from jobs.working import Outcome, work
from messaging.models import Notice
from organisation.models import User
from outbox.models import Event
from tests.conftest import make_team
from tests.customers.test_status import acting, made

People = Callable[..., User]


def ask(user: User, action: str, values: dict[str, Any], tree: dict[str, Any] | None = None, **more: Any) -> LongTask:
    """What the page does: everything that the filter finds, or `ids`."""
    with acting(user) as scope:
        if ids := more.pop("ids", None):
            selection = Selection.of_ids(ids)
        else:
            selection = Selection.of_filter(scope, tree or {}, more.pop("words", ""))
        return services.start_bulk(scope=scope, action=action, values=values, selection=selection, **more)


def run(user: User, task: LongTask) -> LongTask:
    """What the worker does; the task as it is then."""
    assert work(user.organisation_id, task.pk) is Outcome.OVER
    with acting(user):
        return LongTask.objects.get(pk=task.pk)


def done(user: User, action: str, values: dict[str, Any], tree: dict[str, Any] | None = None, **more: Any) -> LongTask:
    """Asked for and done."""
    return run(user, ask(user, action, values, tree, **more))


def undo(user: User, task: LongTask) -> None:
    """All of it taken back by a worker."""
    with acting(user) as scope:
        undoing = ask_undo(scope=scope, change_set_id=task.change_set_id or 0)
    assert run(user, undoing).state == "DONE"


def tagged(user: User, name: str) -> set[int]:
    """Who has the tag, as this user sees it."""
    with acting(user):
        return set(CustomerTag.objects.filter(tag__name=name).values_list("customer_id", flat=True))


def test_a_tag_on_all_that_match_and_back(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a batch; who has it already is counted apart; one event each; the undo takes away what was added."""
    monkeypatch.setattr(batches, "SIZE", 3)
    manager, rep = people("MANAGER"), people()
    rows = [made(rep, business_type="HOTEL") for _n in range(8)]
    other = made(rep, business_type="RESTAURANT")
    with acting(rep) as scope:
        services.set_tags(scope=scope, customer_id=rows[2].pk, names=["Messe"])
    task = done(manager, "tag", {"tag": " Messe "}, {"field": "business_type", "op": "eq", "value": "HOTEL"})
    assert (task.state, task.total, task.done, task.refused) == ("DONE", 8, 8, 0)
    assert {key: task.result[key] for key in ("changed", "unchanged", "skipped")} == {
        "changed": 7,
        "unchanged": 1,
        "skipped": 0,
    }
    assert tagged(manager, "Messe") == {row.pk for row in rows}
    assert other.pk not in tagged(manager, "Messe")
    with acting(manager) as scope:
        told = Event.objects.filter(type="customer.updated", change_set_id=task.change_set_id)
        assert set(told.values_list("subject_id", flat=True)) == {row.pk for row in rows} - {rows[2].pk}
        change_set = ChangeSet.objects.get(pk=task.change_set_id)
        assert (change_set.kind, change_set.rows, change_set.actor) == ("bulk", 7, f"user:{manager.pk}")
    undo(manager, task)
    assert tagged(manager, "Messe") == {rows[2].pk}


def test_a_tag_is_taken_away(people: People) -> None:
    """Only that one, only from those meant."""
    rep = people()
    rows = [made(rep) for _n in range(3)]
    for row in rows:
        with acting(rep) as scope:
            services.set_tags(scope=scope, customer_id=row.pk, names=["Bio", "Messe"])
    task = done(rep, "untag", {"tag": "Messe"}, ids=[row.pk for row in rows[:2]])
    assert task.result["changed"] == 2
    assert tagged(rep, "Messe") == {rows[2].pk}
    assert tagged(rep, "Bio") == {row.pk for row in rows}


def test_hidden_and_read_only_rows_are_refused_one_by_one(people: People) -> None:
    """A rep's own is tagged, what is shared for reading is not; of a hidden one he learns no more than of a missing one."""
    rep, colleague, manager = people(), people(), people("MANAGER")
    own, shared, hidden = made(rep), made(colleague), made(colleague)
    with acting(manager) as scope:
        services.give_grant(scope=scope, customer_id=shared.pk, user_id=rep.pk, level="view")
    task = done(rep, "tag", {"tag": "Messe"}, ids=[own.pk, shared.pk, hidden.pk, hidden.pk + 99])
    assert (task.done, task.refused) == (1, 3)
    assert {(row[1], row[2]) for row in task.result["rows"]} == {
        (shared.pk, Refused.SHARED_FOR_READING),
        (hidden.pk, Refused.NOT_THERE),
        (hidden.pk + 99, Refused.NOT_THERE),
    }
    assert task.result["reasons"] == {Refused.SHARED_FOR_READING: 1, Refused.NOT_THERE: 2}
    assert tagged(manager, "Messe") == {own.pk}
    with acting(manager) as scope:
        services.give_grant(scope=scope, customer_id=shared.pk, user_id=rep.pk, level="change")
    assert done(rep, "tag", {"tag": "Messe"}, ids=[shared.pk]).result["changed"] == 1


@pytest.mark.parametrize(
    ("role", "action", "values"),
    [
        ("REP", "owner", {"owner_id": 1}),
        ("REP", "archive", {"reason": "zu"}),
        ("TEAM_LEAD", "archive", {"reason": "zu"}),
        ("TEAM_LEAD", "reopen", {"reason": "auf"}),
        ("AUDITOR", "tag", {"tag": "Messe"}),
        ("DPO", "delete", {}),
        ("AUDITOR", "field", {"field": "source", "value": "Messe"}),
    ],
)
def test_who_may_do_it_to_nobody_is_refused_at_once(
    people: People, role: str, action: str, values: dict[str, Any]
) -> None:
    """No task, no change set."""
    user = people(role)
    made(people("MANAGER"))
    with pytest.raises(Forbidden):
        ask(user, action, values)
    with acting(user):
        assert not LongTask.objects.exists()
        assert not ChangeSet.objects.exists()


def test_owners_change_by_the_rules_of_one(people: People, organisation: Any) -> None:
    """A team lead inside his team; a rep releases his own; a manager anybody. The new owner hears it once."""
    team = make_team(organisation)
    lead = people("TEAM_LEAD", leads=team)
    rep, mate, stranger, manager = people(team=team), people(team=team), people(), people("MANAGER")
    rows = [made(rep) for _n in range(3)]
    others = [made(stranger)]
    task = done(lead, "owner", {"owner_id": mate.pk, "reason": "Urlaub"})
    assert (task.total, task.result["changed"], task.refused) == (3, 3, 0)
    outside = done(lead, "owner", {"owner_id": stranger.pk})
    assert outside.result["reasons"] == {Refused.OWNER_NOT_POSSIBLE: 3}
    with acting(manager) as scope:
        assert set(Customer.objects.filter(owner=mate)) == set(rows)
        row = Customer.history.filter(id=rows[0].pk).latest("history_id")
        assert (row.history_change_reason, row.history_actor) == ("Urlaub", f"user:{lead.pk}")
        services.give_grant(scope=scope, customer_id=others[0].pk, user_id=mate.pk, level="change")
    released = done(mate, "owner", {"owner_id": None})
    assert released.result["changed"] == 3
    assert released.result["reasons"] == {Refused.NOT_OWNER: 1}, "a grant to change is for the data alone"
    with acting(manager):
        assert Customer.objects.filter(owner=None).count() == 3
    everybody = done(manager, "owner", {"owner_id": rep.pk})
    assert everybody.result["changed"] == 4
    undo(manager, everybody)
    with acting(manager):
        assert Customer.objects.filter(owner=None).count() == 3
        assert Customer.objects.get(pk=others[0].pk).owner_id == stranger.pk


def test_the_new_owner_is_told_once(people: People) -> None:
    """One notice with the number, none per row, none to who did it himself."""
    manager, rep = people("MANAGER"), people()
    for _n in range(3):
        made(manager)
    done(manager, "owner", {"owner_id": rep.pk})
    with acting(manager) as scope:
        event = Event.objects.filter(type="task.ended").latest("pk")
        tell_new_owner(event, scope)
    with acting(rep):
        notice = Notice.objects.get(user=rep)
        assert (notice.kind, notice.parameters) == ("customer.assigned_many", {"count": 3})
    done(manager, "owner", {"owner_id": manager.pk})
    with acting(manager) as scope:
        tell_new_owner(Event.objects.filter(type="task.ended").latest("pk"), scope)
        assert not Notice.objects.filter(user=manager, kind="customer.assigned_many").exists()


def test_archiving_empties_its_own_filter_and_misses_nobody(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row leaves the filter when its turn is over: the walk is by id. Then they are reopened, others refused."""
    monkeypatch.setattr(batches, "SIZE", 2)
    manager, rep = people("MANAGER"), people()
    rows = [made(rep) for _n in range(7)]
    active = made(rep, status="AKTIV")
    task = done(manager, "archive", {"reason": "zu"}, {"field": "status", "op": "eq", "value": "PROSPECT"})
    assert (task.done, task.result["changed"]) == (7, 7)
    with acting(manager):
        assert Customer.objects.filter(status="ARCHIVIERT").count() == 7
        assert Customer.objects.get(pk=active.pk).status == "AKTIV"
        row = Customer.history.filter(id=rows[0].pk).latest("history_id")
        assert (row.history_change_reason, row.history_change_set_id) == ("zu", task.change_set_id)
        told = Event.objects.filter(type="customer.status.changed", change_set_id=task.change_set_id)
        assert {(one.data["old"], one.data["new"]) for one in told} == {("PROSPECT", "ARCHIVIERT")}
    again = done(manager, "reopen", {"reason": "auf"})
    assert again.result["changed"] == 7
    assert again.result["rows"] == [["customers.customer", active.pk, "STEP_NOT_POSSIBLE"]]
    with pytest.raises(Invalid):
        ask(manager, "archive", {"reason": " "})


@pytest.mark.parametrize("by_ids", [True, False])
def test_deleting_a_chain_goes_with_all_its_locations_only(people: People, by_ids: bool) -> None:
    """Chains come last: with its locations a chain goes too, one with a location that stays is refused."""
    manager = people("MANAGER")
    with acting(manager) as scope:
        chains = [
            services.create_customer(scope=scope, account_type=AccountType.CHAIN, values={"company_name": "Kette"})
            for _n in range(2)
        ]
        gone, stays = [
            services.create_customer(
                scope=scope, account_type=AccountType.LOCATION, chain_id=chain.pk, values={"company_name": "Ort"}
            )
            for chain in chains
        ]
        services.update_customer(scope=scope, customer_id=stays.pk, changes={"business_type": "HOTEL"})
    meant = {"ids": [chains[0].pk, chains[1].pk, gone.pk]} if by_ids else {}
    task = done(manager, "delete", {}, {"field": "business_type", "op": "eq", "value": "OTHER"}, **meant)
    assert task.result["changed"] == 2
    assert task.result["rows"] == [["customers.customer", chains[1].pk, "HAS_LOCATIONS"]]
    with acting(manager) as scope:
        assert set(Customer.objects.visible_to(scope)) == {chains[1], stays}
    undo(manager, task)
    with acting(manager) as scope:
        assert Customer.objects.visible_to(scope).count() == 4


def test_later_customers_and_more_than_promised(people: People) -> None:
    """Who came after the asking is not touched; who agreed to two does not get three."""
    rep = people()
    rows = [made(rep) for _n in range(2)]
    task = ask(rep, "tag", {"tag": "Messe"}, promised=2)
    later = made(rep)
    assert run(rep, task).result["changed"] == 2
    assert tagged(rep, "Messe") == {row.pk for row in rows}
    with pytest.raises(Conflict):
        ask(rep, "tag", {"tag": "Neu"}, promised=2)
    assert ask(rep, "tag", {"tag": "Neu"}, promised=3).total == 3
    assert later.pk not in tagged(rep, "Messe")


def test_a_search_stays_what_it_was(people: People) -> None:
    """Deleting all that was found as typed must not go on to what is similar."""
    rep = people()
    typed = [made(rep, company_name="Gasthaus Lindenhof") for _n in range(2)]
    similar = made(rep, company_name="Gasthaus Lindenhoff am See")
    with acting(rep) as scope:
        assert Selection.of_filter(scope, {}, "lindenhoff").count(scope) == 1
        mistyped = Selection.of_filter(scope, {}, "lindenhov")
        assert mistyped.similar
        assert mistyped.count(scope) == 3
    task = ask(rep, "delete", {}, words="Lindenhof Gasthaus")
    assert task.total == 3
    for row in (*typed, similar):
        with acting(rep) as scope:
            services.delete_customer(scope=scope, customer_id=row.pk)
    made(rep, company_name="Gasthaus Lindenhoef")
    assert run(rep, task).result["changed"] == 0


def test_the_rights_of_the_day_hold(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose role changes in the middle does not go on; what is done stays, and can be undone."""
    monkeypatch.setattr(batches, "SIZE", 2)
    manager = people("MANAGER")
    for _n in range(4):
        made(manager)
    task = ask(manager, "archive", {"reason": "zu"})
    monkeypatch.setattr("jobs.working.TURN", 0)
    assert work(manager.organisation_id, task.pk) is Outcome.MORE
    admin = people("ADMINISTRATOR")
    with acting(admin):
        User.objects.filter(pk=manager.pk).update(role="REP")
    assert work(manager.organisation_id, task.pk) is Outcome.OVER
    with acting(admin) as scope:
        failed = LongTask.objects.get(pk=task.pk)
        assert (failed.state, failed.error, failed.result["changed"]) == ("FAILED", "Forbidden", 2)
        assert Customer.objects.filter(status="ARCHIVIERT").count() == 2
        ask_undo(scope=scope, change_set_id=task.change_set_id)


def test_undo_waits_for_the_end_and_nothing_goes_on_behind_it(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half done and cancelled it is undone; resumed it would change rows under a batch that counts as undone."""
    monkeypatch.setattr(batches, "SIZE", 2)
    monkeypatch.setattr("jobs.working.TURN", 0)
    rep = people()
    for _n in range(4):
        made(rep)
    task = ask(rep, "tag", {"tag": "Messe"})
    assert work(rep.organisation_id, task.pk) is Outcome.MORE
    with acting(rep) as scope, pytest.raises(Conflict):
        ask_undo(scope=scope, change_set_id=task.change_set_id)
    with acting(rep) as scope:
        cancel_task(scope=scope, task_id=task.pk)
    assert work(rep.organisation_id, task.pk) is Outcome.OVER
    assert len(tagged(rep, "Messe")) == 2
    undo(rep, task)
    assert tagged(rep, "Messe") == set()
    with acting(rep) as scope, pytest.raises(Conflict):
        resume_task(scope=scope, task_id=task.pk)


def test_statements_do_not_grow_with_the_rows(people: People) -> None:
    """Ten rows take as many queries as two."""
    manager = people("MANAGER")

    def queries(count: int, action: str, values: dict[str, Any]) -> int:
        rows = [made(manager) for _n in range(count)]
        task = ask(manager, action, values, ids=[row.pk for row in rows])
        with CaptureQueriesContext(connection) as seen:
            run(manager, task)
        return len(seen)

    for action, values in (
        ("tag", {"tag": "Messe"}),
        ("owner", {"owner_id": people().pk}),
        ("archive", {"reason": "zu"}),
        ("delete", {}),
    ):
        assert queries(2, action, values) == queries(10, action, values), action


def test_archived_prospects_lose_the_tags_of_their_stage(people: People) -> None:
    """As a single one does; the undo gives them back."""
    manager = people("MANAGER")
    rows = [made(manager) for _n in range(2)]
    for row in rows:
        with acting(manager) as scope:
            services.set_tags(scope=scope, customer_id=row.pk, names=[*STAGE_TAGS, "Bio"])
    task = done(manager, "archive", {"reason": "zu"})
    assert [tagged(manager, name) for name in STAGE_TAGS] == [set(), set()]
    assert tagged(manager, "Bio") == {row.pk for row in rows}
    undo(manager, task)
    assert [tagged(manager, name) for name in STAGE_TAGS] == [{row.pk for row in rows}] * 2
