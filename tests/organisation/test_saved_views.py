"""Saved views: kept, shared, pinned, opened first; who sees one sees by it what his own rights show."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, transaction

from crm.core.access import activate, system_scope
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from organisation import services
from organisation.choices import Role
from organisation.models import ListDefault, SavedView, ViewPin
from tests.conftest import make_team, make_user, scope_of

pytestmark = pytest.mark.django_db

RISKY = {"filter": {"field": "status", "op": "eq", "value": "RISIKO"}, "columns": ["city", "status"], "sort": "-city"}


def save(user, name="Sorgen", state=RISKY, **values) -> SavedView:
    with transaction.atomic(), activate(scope_of(user)) as scope:
        view = services.save_view(scope=scope, list_key="customers", name=name, state=state)
        return services.change_view(scope=scope, view_id=view.pk, **values) if values else view


def act(user, service, **values):
    with transaction.atomic(), activate(scope_of(user)) as scope:
        return service(scope=scope, **values)


def names_for(user) -> list[str]:
    with transaction.atomic(), activate(scope_of(user)) as scope:
        return sorted(view.name for view in SavedView.objects.visible_to(scope))


def test_a_view_keeps_filter_order_columns_and_never_rows(people):
    rep = people()
    view = save(rep, state={**RISKY, "q": "  hof ", "density": "compact"})
    assert view.state == {
        "q": "hof",
        "filter": RISKY["filter"],
        "sort": "-city",
        "columns": ["city", "status"],
        "density": "compact",
    }
    assert (view.name, view.audience, view.version, view.owner_id) == ("Sorgen", "PRIVATE", 1, rep.pk)


@pytest.mark.parametrize(
    ("state", "place"),
    [
        ({"filter": {"field": "nothing", "op": "eq", "value": 1}}, "state/filter/field"),
        ({"filter": {"or": []}}, "state/filter/or"),
        ({"sort": "nothing"}, "state/sort"),
        ({"columns": ["status", "nothing"]}, "state/columns"),
        ({"density": "huge"}, "state/density"),
    ],
)
def test_a_faulty_state_is_refused(people, state, place):
    with pytest.raises(Invalid) as caught:
        save(people(), state=state)
    assert set(caught.value.errors) == {place}


def test_names_are_ones_own(people):
    rep, other = people(), people()
    view = save(rep)
    save(other)
    with pytest.raises(Conflict) as caught:
        save(rep, name="SORGEN")
    assert caught.value.field == "name"
    with pytest.raises(Invalid):
        save(rep, name="x")
    second = save(rep, name="Zweite")
    with pytest.raises(Conflict):
        act(rep, services.change_view, view_id=second.pk, name="sorgen")
    assert names_for(rep) == ["Sorgen", "Zweite"]
    renamed = act(rep, services.change_view, view_id=view.pk, name="Kummer", version=1)
    assert (renamed.name, renamed.version) == ("Kummer", 2)
    with pytest.raises(Conflict) as caught:
        act(rep, services.change_view, view_id=view.pk, name="Leid", version=1)
    assert (caught.value.extra["version"], names_for(rep)) == (2, ["Kummer", "Zweite"])


def test_who_shares_with_whom(organisation, people):
    team, other_team = make_team(organisation), make_team(organisation)
    rep = people(team=team)
    lead = make_user(organisation, Role.TEAM_LEAD, leads=team)
    manager = people(Role.MANAGER)
    to_team, to_all = {"audience": "TEAM", "team_id": team.pk}, {"audience": "ORGANISATION"}
    elsewhere = {"audience": "TEAM", "team_id": other_team.pk}
    for user, wish in ((rep, to_team), (rep, to_all), (lead, to_all), (lead, elsewhere)):
        with pytest.raises(Forbidden):
            act(user, services.change_view, view_id=save(user, name=str(wish)).pk, **wish)
    for user, wish in ((lead, to_team), (manager, to_team), (manager, elsewhere), (manager, to_all)):
        shared = save(user, name=f"ok {wish}", **wish)
        assert (shared.audience, shared.team_id) == (wish["audience"], wish.get("team_id"))
    for wish in ({"audience": "TEAM"}, {"audience": "PRIVATE", "team_id": team.pk}, {"audience": "ALL"}):
        with pytest.raises(Invalid):
            save(manager, name=f"bad {wish}", **wish)


def test_who_sees_what_is_shared(organisation, people):
    team, other_team = make_team(organisation), make_team(organisation)
    member, stranger = people(team=team), people(team=other_team)
    lead = make_user(organisation, Role.TEAM_LEAD, leads=team)
    manager, auditor = people(Role.MANAGER), people(Role.AUDITOR)
    save(lead, name="Privat")
    view = save(lead, name="Team", audience="TEAM", team_id=team.pk)
    save(manager, name="Alle", audience="ORGANISATION")
    assert {
        "member": names_for(member),
        "stranger": names_for(stranger),
        "lead": names_for(lead),
        "manager": names_for(manager),
        "auditor": names_for(auditor),
    } == {
        "member": ["Alle", "Team"],
        "stranger": ["Alle"],
        "lead": ["Alle", "Privat", "Team"],
        "manager": ["Alle", "Team"],
        "auditor": ["Alle"],
    }
    act(lead, services.change_view, view_id=view.pk, audience="PRIVATE")
    assert names_for(member) == ["Alle"]


def test_only_its_owner_changes_a_view_others_copy(people):
    manager, rep = people(Role.MANAGER), people()
    view = save(manager, audience="ORGANISATION")
    for change in ({"name": "Meins"}, {"state": {}}, {"audience": "PRIVATE"}):
        with pytest.raises(Forbidden):
            act(rep, services.change_view, view_id=view.pk, **change)
    with pytest.raises(Forbidden):
        act(rep, services.delete_view, view_id=view.pk)
    mine = act(rep, services.copy_view, view_id=view.pk)
    again = act(rep, services.copy_view, view_id=view.pk)
    assert [(one.name, one.audience, one.owner_id, one.state) for one in (mine, again)] == [
        ("Sorgen", "PRIVATE", rep.pk, view.state),
        ("Sorgen (2)", "PRIVATE", rep.pk, view.state),
    ]
    hidden = save(manager, name="Geheim")
    for service in (services.copy_view, services.delete_view):
        with pytest.raises(NotFound):
            act(rep, service, view_id=hidden.pk)


def test_the_database_keeps_others_views_from_being_written(people):
    manager, rep = people(Role.MANAGER), people()
    view = save(manager, audience="ORGANISATION")
    with pytest.raises(ProgrammingError), transaction.atomic(), activate(scope_of(rep)):
        SavedView.objects.filter(pk=view.pk).update(name="Gekapert")


def test_who_looks_after_the_shared_takes_them_away_with_their_pins(organisation, people):
    team = make_team(organisation)
    lead, member = make_user(organisation, Role.TEAM_LEAD, leads=team), people(team=team)
    manager = people(Role.MANAGER)
    view = save(lead, audience="TEAM", team_id=team.pk)
    private = save(lead, name="Privat")
    act(member, services.pin_view, view_id=view.pk, pinned=True)
    act(member, services.set_default, list_key="customers", view_id=view.pk)
    with pytest.raises(Forbidden):
        act(member, services.delete_view, view_id=view.pk)
    with pytest.raises(NotFound):
        act(manager, services.delete_view, view_id=private.pk)
    with pytest.raises(Conflict):
        act(manager, services.delete_view, view_id=view.pk, version=view.version + 1)
    act(manager, services.delete_view, view_id=view.pk, version=view.version)
    with system_scope(organisation.pk, job="test"):
        assert list(SavedView.objects.values_list("name", flat=True)) == ["Privat"]
        assert (ViewPin.objects.filter(user=member).count(), ListDefault.objects.count()) == (0, 0)
        kept = SavedView.history.filter(id=view.pk).order_by("-history_id").first()
        assert (kept.history_type, kept.history_actor) == ("-", f"user:{manager.pk}")


def pinned(user) -> list[str]:
    with transaction.atomic(), activate(scope_of(user)) as scope:
        pins = ViewPin.objects.visible_to(scope).order_by("position")
        return list(pins.values_list("view__name", flat=True))


def test_tabs_are_ones_own_and_in_ones_own_order(people):
    manager, rep = people(Role.MANAGER), people()
    views = [save(manager, name=name, audience="ORGANISATION") for name in ("Eins", "Zwei", "Drei")]
    assert (pinned(manager), pinned(rep)) == (["Eins", "Zwei", "Drei"], [])
    for view in reversed(views):
        act(rep, services.pin_view, view_id=view.pk, pinned=True)
        act(rep, services.pin_view, view_id=view.pk, pinned=True)
    assert pinned(rep) == ["Drei", "Zwei", "Eins"]
    act(rep, services.move_pin, view_id=views[0].pk, step=-1)
    assert pinned(rep) == ["Drei", "Eins", "Zwei"]
    act(rep, services.move_pin, view_id=views[2].pk, step=-1)
    act(rep, services.pin_view, view_id=views[0].pk, pinned=False)
    assert (pinned(rep), pinned(manager)) == (["Drei", "Zwei"], ["Eins", "Zwei", "Drei"])
    with pytest.raises(NotFound):
        act(rep, services.move_pin, view_id=views[0].pk, step=1)
    for number in range(10):
        save(rep, name=f"Mehr {number}")
    with pytest.raises(Conflict):
        act(rep, services.pin_view, view_id=views[0].pk, pinned=True)
    save(rep, name="Ohne Reiter")
    assert len(pinned(rep)) == 12


def test_who_decides_with_what_a_list_opens(people):
    manager, rep, lead = people(Role.MANAGER), people(), people(Role.TEAM_LEAD)
    shared, private = save(manager, audience="ORGANISATION"), save(manager, name="Privat")
    for user in (rep, lead):
        with pytest.raises(Forbidden):
            act(user, services.set_default, list_key="customers", view_id=shared.pk, role="REP")
    for view_id in (private.pk, None):
        with pytest.raises(Invalid):
            act(manager, services.set_default, list_key="customers", view_id=view_id, role="REP")
    with pytest.raises(NotFound):
        act(rep, services.set_default, list_key="customers", view_id=private.pk)
    with pytest.raises(NotFound):
        act(rep, services.set_default, list_key="nothing", view_id=None)
    act(manager, services.set_default, list_key="customers", view_id=shared.pk, role="REP")
    act(manager, services.set_default, list_key="customers", view_id=shared.pk, role="REP")
    with activate(scope_of(rep)) as scope:
        assert ListDefault.objects.visible_to(scope).count() == 1
    with pytest.raises(Forbidden):
        act(rep, services.clear_default, list_key="customers", role="REP")
    act(manager, services.change_view, view_id=shared.pk, audience="PRIVATE")
    with activate(scope_of(rep)) as scope:
        assert ListDefault.objects.visible_to(scope).count() == 0
