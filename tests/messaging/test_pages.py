"""Pages: the bell, the list, choices, wordings, the demo's mailbox."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.core.access import activate, system_scope
from customers.services import assign_owner
from messaging.models import Message, Notice, NoticePreference, QuietHours, TemplateVersion
from messaging.tasks import send
from messaging.wordings import TEMPLATES
from organisation.models import Organisation
from tests.conftest import make_organisation, make_user, scope_of
from tests.messaging.conftest import customer_of, messages_of, notices_of, queue

pytestmark = pytest.mark.django_db
LIST = "/messages/notices/"


@pytest.fixture
def reader(people):
    return people(name="Rieke Sander")


@pytest.fixture
def many(organisation, reader, kinds):
    """`many(n)` notices, one a minute."""

    def make(count: int) -> None:
        with system_scope(organisation.pk, job="test"):
            Notice.objects.bulk_create(
                Notice(
                    organisation=organisation,
                    user=reader,
                    kind="probe.app",
                    parameters={"what": f"Nr{number:03d}"},
                    fold_key=str(number),
                    created_at=timezone.now() + timedelta(minutes=number),
                )
                for number in range(count)
            )

    return make


def badge(page: str) -> str:
    assert 'id="bell-n"' in page
    found = re.search(r'class="fp-bell__n">([^<]*)<', page)
    return found[1] if found else ""


def test_the_bell_counts_up_to_its_cap(as_user, reader, many):
    client = as_user(reader)
    assert badge(client.get("/settings/profile/").content.decode()) == ""
    many(7)
    assert badge(client.get("/settings/profile/").content.decode()) == "7"
    with activate(scope_of(reader)) as scope:
        Notice.objects.visible_to(scope).delete()
    many(130)
    assert badge(client.get("/settings/profile/").content.decode()) == "99+"


def test_the_bell_costs_one_statement(as_user, reader, many):
    client = as_user(reader)
    with CaptureQueriesContext(connection) as caught:
        client.get("/settings/profile/")
    assert len([one for one in caught if "messaging_" in one["sql"]]) == 1


def test_behind_the_bell_lie_the_newest(as_user, reader, many, people):
    many(12)
    client = as_user(reader)
    page = client.get(f"{LIST}newest/", headers={"HX-Request": "true"}).content.decode()
    assert re.findall(r"Nr\d+", page) == [f"Nr{number:03d}" for number in range(11, 3, -1)]
    assert "<html" not in page
    assert badge(page) == "12"
    other = as_user(people()).get(f"{LIST}newest/").content.decode()
    assert "Nr011" not in other


def test_opening_one_reads_it_and_leads_to_its_subject(as_user, reader, organisation, people):
    customer = customer_of(organisation, people())
    with activate(scope_of(people("MANAGER"))) as scope:
        assign_owner(scope=scope, customer_id=customer.pk, owner_id=reader.pk)
    (notice,) = notices_of(reader)
    client = as_user(reader)
    assert client.get(f"{LIST}{notice.pk}/open/").status_code == 405
    answer = client.post(f"{LIST}{notice.pk}/open/")
    assert answer.url == f"/customer-management/customers/{customer.pk}/"
    assert notices_of(reader)[0].read_at is not None
    assert client.get(answer.url).status_code == 200


def test_somebody_elses_notice_does_not_exist(as_user, reader, many, people):
    many(1)
    (notice,) = notices_of(reader)
    client = as_user(people("ADMINISTRATOR"))
    assert client.post(f"{LIST}{notice.pk}/open/").status_code == 404
    client.post(f"{LIST}read/")
    assert notices_of(reader)[0].read_at is None


def test_all_read_from_the_bell_and_from_the_page(as_user, reader, many):
    client = as_user(reader)
    many(3)
    page = client.post(f"{LIST}read/", headers={"HX-Request": "true"}).content.decode()
    assert badge(page) == ""
    assert "hx-swap-oob" in page
    many_left = [one for one in notices_of(reader) if one.read_at is None]
    assert many_left == []
    assert client.post(f"{LIST}read/").url == LIST


def test_the_page_goes_through_all_by_keyset(as_user, reader, many):
    many(120)
    client = as_user(reader)
    seen, address = [], LIST
    for _page in range(3):
        page = client.get(address).content.decode()
        seen += [int(number) for number in re.findall(r"Nr(\d+)", page)]
        following = re.search(r'rel="next" href="\?([^"]+)"', page)
        address = f"{LIST}?{following[1].replace('&amp;', '&')}" if following else ""
    assert (seen, address) == (list(range(119, -1, -1)), "")
    assert "Nr119" in client.get(f"{LIST}?after=nonsense").content.decode()


def test_unread_alone_and_nothing_at_all(as_user, reader, many):
    client = as_user(reader)
    assert "No notice yet" in client.get(LIST).content.decode()
    many(2)
    client.post(f"{LIST}{notices_of(reader)[0].pk}/open/")
    page = client.get(f"{LIST}?show=unread").content.decode()
    assert re.findall(r"Nr\d+", page) == ["Nr001"]
    client.post(f"{LIST}read/")
    assert "Everything is read" in client.get(f"{LIST}?show=unread").content.decode()


# Choices


def choices(client) -> dict[str, str]:
    form = client.get("/messages/settings/").context["form"]
    return {name: form[name].value() or "" for name in form.fields}


def test_choices_are_kept(as_user, reader):
    client = as_user(reader)
    values = choices(client) | {"customer.shared": "DIGEST", "begins": "22:00", "ends": "07:00"}
    assert client.post("/messages/settings/", values).status_code == 302
    assert choices(client)["customer.shared"] == "DIGEST"
    with activate(scope_of(reader)) as scope:
        assert str(QuietHours.objects.visible_to(scope).get()) == "22:00–07:00"
    client.post("/messages/settings/", values | {"begins": "", "ends": ""})
    with activate(scope_of(reader)) as scope:
        assert not QuietHours.objects.visible_to(scope).exists()


def test_what_protects_offers_no_off(as_user, reader):
    client = as_user(reader)
    page = client.get("/messages/settings/").content.decode()
    select = re.search(r'<select[^>]*name="security.password_changed".*?</select>', page, re.DOTALL)[0]
    assert 'value="MAIL" selected' in select
    assert "OFF" not in select
    refused = client.post("/messages/settings/", choices(client) | {"security.password_changed": "OFF"})
    assert refused.status_code == 422
    with activate(scope_of(reader)) as scope:
        assert not NoticePreference.objects.visible_to(scope).exists()


def test_one_chooses_about_what_one_is_told(as_user, reader, people):
    assert not {"job.failed", "inbox.dead"} & set(choices(as_user(reader)))
    assert set(choices(as_user(people("ADMINISTRATOR")))) >= {"job.failed", "inbox.dead", "customer.shared"}


def test_half_quiet_hours_show_where_they_are_wrong(as_user, reader):
    client = as_user(reader)
    refused = client.post("/messages/settings/", choices(client) | {"begins": "22:00"})
    assert refused.status_code == 422
    assert refused.context["form"].errors["ends"]


# Wordings


EDIT = "/messages/templates/notice/en/"


def test_a_manager_edits_with_preview_and_goes_back(as_user, people, organisation):
    manager = people("MANAGER")
    colleague = people(name="Jorge Lindner")
    client = as_user(manager)
    assert all(key in client.get("/messages/templates/").content.decode() for key in TEMPLATES)
    assert client.get(EDIT).context["person"] == manager
    draft = {"subject": "Hi {{ name }}", "body": "{{ text }}", "version": 0}
    shown = client.post(f"{EDIT}preview/", draft | {"person": colleague.pk}).content.decode()
    assert "Hi Jorge Lindner" in shown
    with activate(scope_of(manager)) as scope:
        assert not TemplateVersion.objects.visible_to(scope).exists()
    assert client.post(EDIT, draft).status_code == 302
    assert client.post(EDIT, draft).status_code == 422, "changed meanwhile"
    assert "Hi {{ name }}" in client.get(EDIT).content.decode()
    assert client.post(f"{EDIT}test/").status_code == 302
    (message,) = messages_of(organisation)
    assert (message.to_address, message.template_version) == (manager.email, 1)
    assert client.post(f"{EDIT}restore/", {"version": 1}).status_code == 302
    assert "Hi {{ name }}" not in re.sub(r'id="versions".*', "", client.get(EDIT).content.decode(), flags=re.DOTALL)


def test_an_unknown_placeholder_shows_at_its_field(as_user, people):
    client = as_user(people("MANAGER"))
    refused = client.post(EDIT, {"subject": "x", "body": "{{ password }}", "version": 0})
    assert refused.status_code == 422
    assert "{{ title }}" in str(refused.context["form"].errors["body"])


def test_markup_in_a_wording_or_a_name_is_text(as_user, people):
    manager = people("MANAGER", name="<script>alert(1)</script>")
    shown = as_user(manager).post(f"{EDIT}preview/", {"subject": "{{ name }}", "body": "<b>{{ name }}</b>"})
    assert "<script>" not in shown.content.decode()
    assert "&lt;b&gt;&lt;script&gt;" in shown.content.decode()


def test_pages_of_wordings_that_are_not(as_user, people):
    client = as_user(people("MANAGER"))
    for path in ("notice/fr/", "other/de/"):
        assert client.get(f"/messages/templates/{path}").status_code == 404
        assert client.post(f"/messages/templates/{path}test/").status_code == 404


# The demo's mailbox


@pytest.fixture
def demo():
    return make_organisation("Demo GmbH", is_demo=True)


def test_the_demo_shows_its_mails_and_their_links(as_user, client, demo):
    administrator, member = make_user(demo, "ADMINISTRATOR"), make_user(demo, email="rep@example.org")
    client.post("/accounts/password/reset/", {"email": member.email})
    send()
    browser = as_user(administrator)
    listed = browser.get("/messages/mailbox/").content.decode()
    assert "rep@example.org" in listed
    (message,) = messages_of(demo)
    page = browser.get(f"/messages/mailbox/{message.pk}/")
    assert "no-store" in page["Cache-Control"]
    address = re.search(r'href="(http[^"]+/accounts/password/reset/[^"]+)"', page.content.decode())[1]
    assert address.startswith("http://127.0.0.1")
    assert "/settings/" in listed


def test_the_mailbox_is_the_demos_administrators_alone(as_user, people, organisation, demo):
    stray = queue(make_user(demo))
    own = queue(people())
    for user in (people("ADMINISTRATOR"), make_user(demo, "MANAGER"), make_user(demo)):
        client = as_user(user)
        assert client.get("/messages/mailbox/").status_code == 404
        for message in (stray, own):
            assert client.get(f"/messages/mailbox/{message.pk}/").status_code == 404
    administrator = as_user(make_user(demo, "ADMINISTRATOR"))
    assert administrator.get(f"/messages/mailbox/{own.pk}/").status_code == 404
    assert administrator.get(f"/messages/mailbox/{stray.pk}/").status_code == 200


def test_the_database_says_the_same_of_the_mailbox(people, demo, organisation):
    queue(make_user(demo))
    queue(people())
    administrator = make_user(demo, "ADMINISTRATOR")
    with activate(scope_of(administrator)) as scope:
        assert Message.objects.count() == Message.objects.visible_to(scope).count() == 1
        with pytest.raises(ProgrammingError), transaction.atomic():
            Message.objects.update(state="SENT")
    with system_scope(demo.pk, job="test"):
        Organisation.objects.update(is_demo=False)
    with activate(scope_of(administrator)) as scope:
        assert Message.objects.count() == Message.objects.visible_to(scope).count() == 0


def test_an_empty_mailbox_says_what_comes(as_user, demo):
    page = as_user(make_user(demo, "ADMINISTRATOR")).get("/messages/mailbox/")
    assert (page.status_code, "No mail yet" in page.content.decode()) == (200, True)
