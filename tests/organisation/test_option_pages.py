"""The page of all settings: what it tells, and changing a row where it stands."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.urls import reverse

from crm.core.access import system_scope
from crm.core.options import Level, Nature, forget_option, option
from organisation.choices import Role
from organisation.models import SettingValue

pytestmark = pytest.mark.django_db
PAGE = "/settings/all/"
ROW = reverse("organisation:option", args=["trash.days"])
RESET = reverse("organisation:reset_option", args=["trash.days"])
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def tone():
    """A preference of everybody's, which managers set for all."""
    yield option(
        "test.tone",
        "soft",
        choices=[("soft", "Soft tone"), ("loud", "Loud tone")],
        label="Tone of the probe",
        help="Only here.",
        area="Tests",
        nature=Nature.PREFERENCE,
        levels=(Level.USER, Level.ORGANISATION),
    )
    forget_option("test.tone")


def stored(organisation) -> list[tuple[str, object]]:
    with system_scope(organisation.pk, job="test"):
        return list(SettingValue.objects.order_by("key").values_list("key", "value"))


def test_the_page_tells_value_source_and_default(organisation, people, as_user):
    client = as_user(people(Role.MANAGER))
    body = client.get(PAGE).content.decode()
    assert "Days in the trash" in body
    assert "30 days" in body
    assert "trash.days" in body
    call_command("settings", "set", "trash.days", "50", "--reason", "Probe")
    body = client.get(PAGE).content.decode()
    assert "50 days" in body
    assert "All organisations, default 30 days" in body
    client.post(ROW, {"level": "ORGANISATION", "value": "40", "version": 0, "reason": "Legal"})
    assert "Organisation, default 30 days" in client.get(PAGE).content.decode()


def test_filters(people, as_user):
    client = as_user(people(Role.MANAGER))
    keys = ("trash.days", "session.idleHours")

    def shown(query: str) -> set[str]:
        body = client.get(f"{PAGE}?{query}").content.decode()
        return {key for key in keys if f'id="o-{key}"' in body}

    assert shown("") == set(keys)
    assert shown("area=trash") == {"trash.days"}
    assert shown("q=idle+SIGN") == {"session.idleHours"}
    assert shown("changed=1") == set()
    assert "No setting found" in client.get(f"{PAGE}?changed=1").content.decode()
    client.post(ROW, {"level": "ORGANISATION", "value": "40", "version": 0, "reason": "Legal"})
    assert shown("changed=1") == {"trash.days"}


def test_a_row_is_changed_where_it_stands(organisation, people, as_user):
    manager = people(Role.MANAGER, name="Mara Meister")
    client = as_user(manager)
    assert client.get(ROW, **HTMX).content.decode().count("<article") == 1
    wrong = client.post(ROW, {"level": "ORGANISATION", "value": "5", "version": 0, "reason": ""}, **HTMX)
    assert wrong.status_code == 422
    assert "From 7 to 90." in wrong.content.decode() or "greater than or equal to 7" in wrong.content.decode()
    assert stored(organisation) == []
    done = client.post(ROW, {"level": "ORGANISATION", "value": "40", "version": 0, "reason": "Legal"}, **HTMX)
    assert done.status_code == 200
    assert "40 days" in done.content.decode()
    assert "Setting saved." in done.content.decode()
    assert stored(organisation) == [("trash.days", 40)]
    opened = client.get(ROW, **HTMX).content.decode()
    assert "Mara Meister" in opened
    assert "Legal" in opened
    late = client.post(ROW, {"level": "ORGANISATION", "value": "50", "version": 0, "reason": "Legal"}, **HTMX)
    assert late.status_code == 422
    assert "Someone changed this setting meanwhile." in late.content.decode()
    bare = client.post(RESET, {"level": "ORGANISATION", "version": 1, "reason": ""}, **HTMX)
    assert bare.status_code == 422
    assert "A reason is needed" in bare.content.decode()
    reset = client.post(RESET, {"level": "ORGANISATION", "version": 1, "reason": "Rule again"}, **HTMX)
    assert "Setting reset." in reset.content.decode()
    assert stored(organisation) == []
    assert "Rule again" in client.get(ROW, **HTMX).content.decode()


def test_without_script_the_page_does_the_same(organisation, people, as_user):
    client = as_user(people(Role.ADMINISTRATOR))
    opened = client.get(ROW).content.decode()
    assert opened.count("<article") > 1
    assert opened.count('name="value"') == 1
    answer = client.post(ROW, {"level": "ORGANISATION", "value": "40", "version": 0, "reason": "Legal"})
    assert (answer.status_code, answer.url) == (302, PAGE)
    assert stored(organisation) == [("trash.days", 40)]


def test_who_may_not_change_reads(organisation, people, as_user):
    client = as_user(people(Role.REP))
    body = client.get(ROW, **HTMX).content.decode()
    assert 'name="value"' not in body
    assert "Never changed." in body
    answer = client.post(ROW, {"level": "ORGANISATION", "value": "40", "version": 0, "reason": "Legal"})
    assert answer.status_code == 403
    assert client.post(RESET, {"level": "ORGANISATION", "version": 0, "reason": "Legal"}).status_code == 403
    assert client.get(reverse("organisation:option", args=["no.such"])).status_code == 404
    security = reverse("organisation:option", args=["session.idleHours"])
    assert 'name="value"' not in as_user(people(Role.MANAGER)).get(security, **HTMX).content.decode()
    assert stored(organisation) == []


def test_a_preference_is_ones_own_and_the_organisations(organisation, people, as_user, tone):
    row = reverse("organisation:option", args=[tone.key])
    client = as_user(people(Role.MANAGER))
    body = client.get(row, **HTMX).content.decode()
    assert "Own preference" in body
    assert f"{row}?level=ORGANISATION" in body
    client.post(row, {"level": "USER", "value": "loud", "version": 0})
    assert stored(organisation) == [(tone.key, "loud")]
    assert "Own preference, default Soft tone" in client.get(PAGE).content.decode()
    colleague = as_user(people(Role.REP))
    body = colleague.get(row, **HTMX).content.decode()
    assert "Soft tone" in body
    assert "Never changed." in body
    assert "Organisation</a>" not in body


def test_the_page_asks_little(people, as_user, django_assert_max_num_queries):
    client = as_user(people(Role.MANAGER))
    client.get(PAGE)
    with django_assert_max_num_queries(16):
        client.get(PAGE)
