"""People, teams, the organisation: services, links that work once, pages, the operator's command, the admin."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from crm.core.access import activate
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from organisation import links, services
from organisation.choices import LinkPurpose, Role
from organisation.models import OneTimeLink, Team, User
from organisation.passwords import BreachedPasswordValidator, is_listed
from organisation.sessions import sign_ins
from outbox.models import Event
from tests.conftest import PASSWORD, make_team, make_user, scope_of
from tests.organisation.factors import code, give_app
from tests.organisation.mails import mails_to

pytestmark = pytest.mark.django_db

NEW = "a quite new sentence"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


@pytest.fixture
def admin(people):
    return people("ADMINISTRATOR")


@pytest.fixture
def scope(admin):
    with activate(scope_of(admin)) as active:
        yield active


def values(user: User, **changes) -> dict:
    kept = {
        name: getattr(user, name)
        for name in ("name", "role", "team", "phone", "added_rights", "withdrawn_rights", "version")
    }
    return kept | changes


# Services


def test_creating_a_user(scope):
    user = services.create_user(
        scope=scope, email=" New.Person@Example.org ", name="  New   Person ", phone="030 23125 417"
    )
    assert (user.email, user.name, user.phone) == ("new.person@example.org", "New Person", "+493023125417")
    assert not user.has_usable_password()
    row = User.history.get(id=user.pk)
    assert (row.history_type, row.history_actor) == ("+", scope.actor)
    assert Event.objects.filter(type="user.created", subject_id=user.pk).exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "nonsense"}, "email"),
        ({"name": "X"}, "name"),
        ({"role": "KING"}, "role"),
        ({"phone": "abc"}, "phone"),
        ({"language": "xx"}, "language"),
    ],
)
def test_wrong_values_are_refused(scope, wrong, field):
    with pytest.raises(Invalid) as refused:
        services.create_user(scope=scope, **({"email": "a@example.org", "name": "Somebody"} | wrong))
    assert refused.value.field == field


def test_a_mail_belongs_to_one_account_over_all_organisations(scope, other_organisation):
    taken = make_user(other_organisation, email="Taken@example.org")
    with pytest.raises(Conflict):
        services.create_user(scope=scope, email="taken@example.org", name="Somebody")
    assert taken.email == "Taken@example.org"


@pytest.mark.parametrize("role", sorted(set(Role.values) - {"ADMINISTRATOR"}))
def test_only_administrators_manage_people(people, role):
    actor, other = people(role), people("REP")
    with activate(scope_of(actor)) as scope:
        with pytest.raises(Forbidden):
            services.create_user(scope=scope, email="a@example.org", name="Somebody")
        with pytest.raises(Forbidden):
            services.change_user(scope=scope, user_id=other.pk, **values(other, role="ADMINISTRATOR"))
        with pytest.raises(Forbidden):
            services.deactivate_user(scope=scope, user_id=other.pk, version=other.version)
        with pytest.raises(Forbidden):
            services.new_set_up_link(scope=scope, user_id=other.pk)
        with pytest.raises(Forbidden):
            services.reset_second_factor(scope=scope, user_id=other.pk, reason="phone")
        with pytest.raises(Forbidden):
            services.create_team(scope=scope, name="Team")
        with pytest.raises(Forbidden):
            services.leave_demo(scope=scope)


def test_people_of_another_organisation_do_not_exist(scope, other_organisation):
    stranger = make_user(other_organisation)
    with pytest.raises(NotFound):
        services.change_user(scope=scope, user_id=stranger.pk, **values(stranger))
    with pytest.raises(NotFound):
        services.new_set_up_link(scope=scope, user_id=stranger.pk)


def test_changing_a_user(scope, people, organisation):
    user, team = people("REP"), make_team(organisation)
    changed = services.change_user(
        scope=scope, user_id=user.pk, **values(user, role="TEAM_LEAD", team=team, withdrawn_rights=["exports.run"])
    )
    assert (changed.role, changed.team, changed.version) == ("TEAM_LEAD", team, user.version + 1)
    event = Event.objects.get(type="user.updated", subject_id=user.pk)
    assert event.data["fields"] == ["role", "team", "withdrawn_rights"]
    with pytest.raises(Conflict):
        services.change_user(scope=scope, user_id=user.pk, **values(user, name="Older Tab"))
    with pytest.raises(Invalid):
        services.change_user(scope=scope, user_id=user.pk, **values(changed, added_rights=["people.manage"]))


def test_the_last_administrator_stays(scope, admin, people):
    with pytest.raises(Conflict):
        services.change_user(scope=scope, user_id=admin.pk, **values(admin, role="REP"))
    with pytest.raises(Conflict):
        services.deactivate_user(scope=scope, user_id=admin.pk, version=admin.version)
    second = people("ADMINISTRATOR")
    assert services.deactivate_user(scope=scope, user_id=second.pk, version=second.version).is_active is False


def test_deactivating_ends_sessions_and_links_at_once(client, as_user, admin, people):
    user = people("REP")
    as_user(user)
    assert client.get("/settings/profile/").status_code == 200
    with activate(scope_of(admin)) as scope:
        token = services.new_set_up_link(scope=scope, user_id=user.pk)
        services.deactivate_user(scope=scope, user_id=user.pk, version=user.version)
    assert client.get("/settings/profile/").status_code == 302
    assert links.user_of(links.digest_of(token), LinkPurpose.SET_UP) is None
    assert sign_ins(user.pk) == []


@pytest.mark.parametrize("ending", ["deactivation", "address", "second factor"])
def test_an_unused_link_ends_with_what_it_was_made_for(scope, people, ending):
    user = people("REP")
    token = services.new_set_up_link(scope=scope, user_id=user.pk)
    ids = {"scope": scope, "user_id": user.pk}
    services.change_user(**ids, **values(user, name="New Name"))
    assert links.user_of(links.digest_of(token), LinkPurpose.SET_UP) == user.pk  # a name is no reason
    user.refresh_from_db()
    if ending == "deactivation":
        gone = services.deactivate_user(**ids, version=user.version)
        services.reactivate_user(**ids, version=gone.version)
    elif ending == "address":
        services.change_user(**ids, **values(user, email="moved@example.org"))
    else:
        services.reset_second_factor(**ids, reason="called back")
    assert links.user_of(links.digest_of(token), LinkPurpose.SET_UP) is None
    assert OneTimeLink.objects.get().used_at == scope.now


def test_a_team(scope, people, other_organisation):
    lead = people("TEAM_LEAD")
    team = services.create_team(scope=scope, name="North", leads=[lead], postcode_regions=["20", "10", ""])
    assert list(team.leads.all()) == [lead]
    assert team.postcode_regions == ["10", "20"]
    with pytest.raises(Conflict):
        services.create_team(scope=scope, name="North")
    with pytest.raises(Invalid):
        services.change_team(
            scope=scope, team_id=team.pk, version=team.version, name="North", postcode_regions=["Berlin"]
        )
    with pytest.raises(Invalid):
        services.create_team(scope=scope, name="South", leads=[make_user(other_organisation)])
    changed = services.change_team(scope=scope, team_id=team.pk, version=team.version, name="North East", leads=[])
    assert not changed.leads.exists()
    assert Event.objects.get(type="team.updated").data["fields"] == ["leads", "name", "postcode_regions"]


def test_the_organisations_settings(scope, organisation):
    changed = services.change_organisation(
        scope=scope, version=organisation.version, name="New Name", zone="Europe/Vienna", language="en"
    )
    assert (changed.name, changed.zone) == ("New Name", "Europe/Vienna")
    with pytest.raises(Invalid):
        services.change_organisation(
            scope=scope, version=changed.version, name="New Name", zone="Mars/Base", language="en"
        )


# Links that work once


def test_a_link_sets_the_account_up_once(people, admin):
    with activate(scope_of(admin)) as scope:
        user = services.create_user(scope=scope, email="new@example.org", name="New Person")
        token = services.new_set_up_link(scope=scope, user_id=user.pk)
        assert bytes(OneTimeLink.objects.get(used_at=None).digest) == links.digest_of(token)
    client = Client()
    opened = client.get(f"/accounts/set-up/{token}/")
    assert opened.url == "/accounts/set-up/"  # the token has left the address
    assert opened["Referrer-Policy"] == "no-referrer"
    Client().get(f"/accounts/set-up/{token}/")  # a mail scanner opening it uses nothing up
    page = client.get("/accounts/set-up/")
    assert page.status_code == 200
    assert page["Referrer-Policy"] == "same-origin"  # else browsers send the form from no origin, and it is refused
    for weak in ("short", "password1234", "new@example.org", "x" * 129):
        assert client.post("/accounts/set-up/", {"password1": weak, "password2": weak}).status_code == 422
    assert client.post("/accounts/set-up/", {"password1": NEW, "password2": "another one here"}).status_code == 422
    assert client.post("/accounts/set-up/", {"password1": NEW, "password2": NEW}).status_code == 302
    assert client.get("/").url == "/accounts/second-factor/set-up/"
    secret = client.get("/accounts/second-factor/app/").context["form"].secret
    client.post("/accounts/second-factor/app/", {"code": code(secret)})
    assert client.get("/settings/profile/").status_code == 200

    used, unknown = Client(), Client()
    answers = [
        used.get(f"/accounts/set-up/{token}/", follow=True),
        unknown.get("/accounts/set-up/nonsense/", follow=True),
    ]
    assert [answer.status_code for answer in answers] == [410, 410]
    shown = [re.sub(r'value="[^"]*"|X-CSRFToken[^}]*|[0-9a-f]{32}', "", answer.content.decode()) for answer in answers]
    assert shown[0] == shown[1]


def test_two_tabs_use_a_link_up_once(people, admin):
    user = people("REP")
    with activate(scope_of(admin)) as scope:
        token = services.new_set_up_link(scope=scope, user_id=user.pk)
    tabs = [Client(), Client()]
    for tab in tabs:
        tab.get(f"/accounts/set-up/{token}/")
    answers = [tab.post("/accounts/set-up/", {"password1": NEW, "password2": NEW}).status_code for tab in tabs]
    assert answers == [302, 410]


def test_the_second_factor_is_asked_for_where_there_is_one(people, admin):
    user = people("REP")
    give_app(user)
    with activate(scope_of(admin)) as scope:
        token = services.new_set_up_link(scope=scope, user_id=user.pk)
    client = Client()
    client.get(f"/accounts/set-up/{token}/")
    assert client.post("/accounts/set-up/", {"password1": NEW, "password2": NEW}).url == "/accounts/second-factor/"
    assert client.get("/settings/profile/").status_code == 302


def test_newer_and_expired_links(people, admin):
    user = people("REP")
    with activate(scope_of(admin)) as scope:
        first = services.new_set_up_link(scope=scope, user_id=user.pk)
        second = services.new_set_up_link(scope=scope, user_id=user.pk)
        assert links.user_of(links.digest_of(first), LinkPurpose.SET_UP) is None
        assert links.user_of(links.digest_of(second), LinkPurpose.SET_UP) == user.pk
        OneTimeLink.objects.filter(used_at=None).update(expires_at=scope.now - timedelta(seconds=1))
        assert links.user_of(links.digest_of(second), LinkPurpose.SET_UP) is None
        assert links.redeem(links.digest_of(second), LinkPurpose.SET_UP) is None


def test_links_are_not_readable_without_a_scope(people, admin):
    with activate(scope_of(admin)) as scope:
        services.new_set_up_link(scope=scope, user_id=admin.pk)
    assert not OneTimeLink.objects.exists()


# Pages


def test_pages_of_everybody(client, as_user, people):
    as_user(people("REP"))
    for address in ("/settings/profile/", "/settings/security/"):
        assert client.get(address).status_code == 200
    for address in (
        "/settings/people/",
        "/settings/people/new/",
        "/settings/teams/",
        "/settings/organisation/",
        "/admin/",
    ):
        assert client.get(address).status_code == 403, address
    assert (
        client.post("/settings/profile/", {"name": "New Name", "phone": "030 23125417", "language": "de"}).status_code
        == 302
    )
    assert "New Name" in client.get("/settings/profile/").content.decode()
    assert client.post("/settings/profile/", {"name": "", "phone": "", "language": "de"}).status_code == 422
    assert (
        client.post("/accounts/language/", {"language": "en", "next": "/settings/security/"}).url
        == "/settings/security/"
    )


def test_the_language_of_ones_pages(client, as_user, people):
    as_user(people("REP"))
    client.post("/accounts/language/", {"language": "xx"})
    assert 'lang="en"' in client.get("/settings/profile/").content.decode()
    client.post("/accounts/language/", {"language": "de", "next": "/settings/profile/"})
    assert 'lang="de"' in client.get("/settings/profile/").content.decode()


def test_an_administrator_adds_a_person(client, as_user, admin, organisation):
    as_user(admin)
    team = make_team(organisation)
    added = client.post(
        "/settings/people/new/",
        {
            "name": "New Person",
            "email": "new@example.org",
            "role": "REP",
            "team": team.pk,
            "phone": "",
            "language": "de",
        },
    )
    page = client.get(added.url).content.decode()
    address = re.search(r"https?://[^\"]+/accounts/set-up/[^\"]+", page).group()
    assert "/accounts/set-up/" not in client.get(added.url).content.decode()  # shown once
    (mail,) = mails_to("new@example.org", organisation)
    assert address in mail.body
    listed = client.get("/settings/people/?q=new").content.decode()
    assert "New Person" in listed


def test_the_administrators_pages_do_what_they_say(client, as_user, admin, people):
    user = people("REP")
    give_app(user)
    as_user(admin)
    page = f"/settings/people/{user.pk}/"
    assert client.get(page).status_code == 200
    form = {
        "version": user.version,
        "name": "Changed",
        "email": "changed@example.org",
        "role": "DPO",
        "team": "",
        "phone": "",
    }
    assert client.post(page, form).status_code == 302
    assert client.post(page, form | {"name": "Stale"}).status_code == 422
    assert client.post(f"{page}second-factor/", {"reason": ""}).status_code == 302
    assert client.post(f"{page}second-factor/", {"reason": "Came by with his passport"}).status_code == 302
    assert client.post(f"{page}link/").status_code == 302
    assert client.post(f"{page}sessions/").status_code == 302
    assert client.post(f"{page}active/", {"version": user.version + 2}).status_code == 302
    with activate(scope_of(admin)) as scope:
        found = User.objects.visible_to(scope).get(pk=user.pk)
        reasons = User.history.filter(id=user.pk).values_list("history_change_reason", flat=True)
        assert "Came by with his passport" in reasons
        assert (found.name, found.email, found.role, found.is_active) == (
            "Changed",
            "changed@example.org",
            "DPO",
            False,
        )
    assert client.get("/settings/teams/").status_code == 200
    assert client.post("/settings/teams/new/", {"name": "North", "postcode_regions": "10, 12"}).status_code == 302
    with activate(scope_of(admin)) as scope:
        team = Team.objects.visible_to(scope).get(name="North")
    assert client.get(f"/settings/teams/{team.pk}/").status_code == 200
    renamed = {"version": team.version, "name": "South", "postcode_regions": ""}
    assert client.post(f"/settings/teams/{team.pk}/", renamed).status_code == 302
    own = {"version": admin.organisation.version, "name": "New Name", "zone": "Europe/Berlin", "language": "de"}
    assert client.post("/settings/organisation/", own).status_code == 302


def test_sign_out_everywhere_else(client, as_user, people):
    user = people("REP")
    as_user(user)
    other = Client()
    other.cookies["session"] = client.cookies["session"].value
    as_user(user)
    assert client.post("/settings/security/sessions/end/").status_code == 302
    assert len(sign_ins(user.pk)) == 1
    assert client.get("/settings/profile/").status_code == 200


# The admin


def test_the_admin_reads_by_scope_and_writes_by_services(client, as_user, admin, people, other_organisation):
    user, stranger = people("REP"), make_user(other_organisation, name="Far Stranger")
    as_user(admin)
    assert client.get("/admin/").status_code == 200
    listed = client.get("/admin/organisation/user/").content.decode()
    assert user.email in listed
    assert "Far Stranger" not in listed
    assert client.get(f"/admin/organisation/user/{stranger.pk}/change/").status_code == 302
    page = f"/admin/organisation/user/{user.pk}/change/"
    assert client.get(page).status_code == 200
    form = {
        "name": "By Admin",
        "role": "REP",
        "team": "",
        "phone": "",
        "added_rights": "",
        "withdrawn_rights": "exports.run",
    }
    assert client.post(page, form).status_code == 302
    with activate(scope_of(admin)):
        row = User.history.filter(id=user.pk).latest()
        assert (row.name, row.history_source, row.history_actor) == ("By Admin", "admin", f"user:{admin.pk}")
        assert Event.objects.filter(type="user.updated", subject_id=user.pk, source="admin").exists()
    refused = client.post(f"/admin/organisation/user/{admin.pk}/change/", form | {"role": "REP"})
    assert refused.status_code == 302
    assert "last administrator" in client.get("/admin/").content.decode()
    assert (
        client.post("/admin/organisation/team/add/", {"name": "By Admin", "postcode_regions": "10"}).status_code == 302
    )
    assert client.get(f"/admin/organisation/user/{user.pk}/delete/").status_code == 403
    for table in (
        "axes/accessattempt",
        "mfa/authenticator",
        "account/emailaddress",
        "auth/group",
        "guardian/userobjectpermission",
    ):
        assert client.get(f"/admin/{table}/").status_code == 404


def test_the_admin_makes_an_organisation(client, as_user, admin):
    as_user(admin)
    form = {
        "name": "Second GmbH",
        "zone": "Europe/Berlin",
        "language": "de",
        "admin_name": "Ada Admin",
        "admin_mail": "ada@example.org",
    }
    assert client.get("/admin/organisation/organisation/add/").status_code == 200
    assert client.post("/admin/organisation/organisation/add/", form).status_code == 302
    page = client.get("/admin/organisation/organisation/").content.decode()
    token = re.search(r"/accounts/set-up/([\w-]+)/", page).group(1)
    assert Client().get(f"/accounts/set-up/{token}/", follow=True).status_code == 200
    assert "Second GmbH" not in re.sub(r"<ul class=\"messagelist\">.*?</ul>", "", page, flags=re.S)


def test_a_manager_reads_the_admin_and_changes_nobody(client, as_user, people):
    user = people("REP")
    as_user(people("MANAGER"))
    page = f"/admin/organisation/user/{user.pk}/change/"
    assert client.get(page).status_code == 200
    assert client.post(page, {"name": "Boss"}).status_code == 403


def test_the_admins_sign_in_is_the_products(client, db):
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/")


# The operator's command


def test_the_command_makes_an_organisation(db):
    out = io.StringIO()
    call_command(
        "organisation", "create", name="Real GmbH", admin_mail="boss@real.example", admin_name="Bea Boss", stdout=out
    )
    address = out.getvalue().strip().splitlines()[-1]
    token = address.rstrip("/").rsplit("/", 1)[1]
    assert Client().get(f"/accounts/set-up/{token}/", follow=True).status_code == 200
    out = io.StringIO()
    call_command("organisation", "list", stdout=out)
    assert "Real GmbH\t1" in out.getvalue()
    out = io.StringIO()
    call_command("organisation", "link", mail="BOSS@real.example", stdout=out)
    assert "/accounts/set-up/" in out.getvalue()
    assert Client().get(f"/accounts/set-up/{token}/", follow=True).status_code == 410
    with pytest.raises(CommandError):
        call_command("organisation", "link", mail="nobody@real.example")
    with pytest.raises(CommandError):
        call_command("organisation", "create", name="Real GmbH", admin_mail="boss@real.example", admin_name="Bea Boss")


def test_the_command_renews_encryption(people, settings):
    user = people("REP")
    give_app(user)
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-" * 8, [old]
    out = io.StringIO()
    call_command("organisation", "rekey", stdout=out)
    assert out.getvalue() == "1 renewed\n"
    settings.SECRET_KEY_FALLBACKS = []
    client = Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert client.post("/accounts/second-factor/", {"code": code()}).status_code == 302


# Breached passwords


@pytest.mark.parametrize("hashed", [False, True])
def test_a_larger_list_is_searched_on_disk(tmp_path, hashed):
    import hashlib

    words = [f"word number {n}" for n in range(2_000)]
    if hashed:
        lines = sorted(hashlib.sha1(word.encode()).hexdigest().upper() + f":{n}" for n, word in enumerate(words))
    else:
        lines = sorted(words)
    path = tmp_path / "list.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    assert all(is_listed(path, word) for word in words)
    assert not any(
        is_listed(path, word) for word in ("", "a", "word number", "word number 2000", "zzz", "word number 1 ")
    )
    with pytest.raises(Exception, match=r"breach|Datenleck"):
        BreachedPasswordValidator(str(path)).validate("Word Number 77")
    with pytest.raises(FileNotFoundError):
        is_listed(tmp_path / "missing.txt", "x")


def test_before_sign_in_no_list_of_people_is_readable(people):
    people("REP")
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.login', '', true), set_config('app.organisation', '', true)")
    assert not User.objects.exists()
