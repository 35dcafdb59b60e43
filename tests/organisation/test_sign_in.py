"""Sign-in: neutral answers, lock-out, reset, sessions (ASVS 6 and 7)."""

from __future__ import annotations

import re
import time

import pytest
from axes.models import AccessAttempt
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from messaging.services.accounts import answer_resets
from organisation.access import enter_sign_in
from organisation.backends import MailBackend
from organisation.models import User
from tests.conftest import PASSWORD, make_user
from tests.organisation.factors import code, give_app
from tests.organisation.mails import mails_to

pytestmark = pytest.mark.django_db(transaction=False)

LOGIN = "/accounts/login/"
PLACE = "/settings/profile/"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


def sign_in(client: Client, user, password: str = PASSWORD, **extra):
    return client.post(LOGIN, {"login": user.email, "password": password}, **extra)


@pytest.fixture
def member(people):
    user = people("REP")
    give_app(user)
    return user


def test_both_factors_open_the_pages(client, member):
    assert client.get(PLACE).status_code == 302
    first = sign_in(client, member)
    assert first.status_code == 302
    assert first.url == "/accounts/second-factor/"
    assert client.get(PLACE).status_code == 302  # the password alone opens nothing
    assert client.get("/accounts/second-factor/").status_code == 200
    second = client.post("/accounts/second-factor/", {"code": code()})
    assert second.status_code == 302
    assert client.get(PLACE).status_code == 200


def test_sign_in_works_while_redis_is_away(client, member, settings):
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    sign_in(client, member)
    assert client.post("/accounts/second-factor/", {"code": code()}).status_code == 302
    assert client.get(PLACE).status_code == 200


def test_the_mail_is_accepted_in_any_case(client, member):
    assert client.post(LOGIN, {"login": f" {member.email.upper()} ", "password": PASSWORD}).status_code == 302


def test_wrong_password_and_unknown_mail_get_the_same_answer(client, member):
    def shown(mail_address: str) -> str:
        body = client.post(LOGIN, {"login": mail_address, "password": "wrong wrong wrong"}).content.decode()
        return re.sub(r'value="[^"]*"|csrf[^>]*|X-CSRFToken[^}]*|Request[^<]*', "", body)

    assert shown(member.email).replace(member.email, "") == shown("nobody@example.org").replace(
        "nobody@example.org", ""
    )


def named() -> tuple[str, str]:
    """Whom the transaction takes to sign in, and to act."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(current_setting('app.login', true), ''), coalesce(current_setting('app.actor', true), '')"
        )
        return cursor.fetchone()


def test_only_the_right_password_names_somebody(people):
    user, gone = people("REP"), people("REP", is_active=False)
    enter_sign_in("")
    backend = MailBackend()
    for mail_address, password in (
        (user.email, "wrong wrong wrong"),
        ("nobody@example.org", PASSWORD),
        (gone.email, PASSWORD),
    ):
        assert backend.authenticate(None, username=mail_address, password=password) is None
        assert named() == ("", "")
    assert backend.authenticate(None, username=user.email, password=PASSWORD) == user
    assert named() == (str(user.pk), f"user:{user.pk}")


def test_an_older_hash_is_strengthened_in_the_persons_name(people, settings):
    user = people("REP")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    assert MailBackend().authenticate(None, username=user.email, password=PASSWORD) == user
    kept = User.objects.get(pk=user.pk)
    assert kept.password.startswith("pbkdf2")
    assert kept.check_password(PASSWORD)


def test_deactivated_people_get_the_answer_of_a_wrong_password(client, organisation):
    user = make_user(organisation, is_active=False)
    answer = sign_in(client, user)
    assert answer.status_code == 200
    assert "E-Mail oder" in answer.content.decode() or "wrong" in answer.content.decode()


def test_lock_out_counts_per_account_and_address(client, member):
    for _try in range(9):
        assert sign_in(client, member, "wrong wrong wrong").status_code == 200
    locked = sign_in(client, member, "wrong wrong wrong")
    assert locked.status_code == 429
    assert locked["Retry-After"] == "900"
    assert sign_in(client, member).status_code == 429  # even the right password, from here
    assert sign_in(Client(), member, REMOTE_ADDR="203.0.113.9").status_code == 302  # the colleague himself, elsewhere
    assert AccessAttempt.objects.exists()
    assert PASSWORD not in " ".join(AccessAttempt.objects.values_list("post_data", flat=True))


def test_wrong_codes_are_counted_too(client, member):
    sign_in(client, member)
    statuses = [client.post("/accounts/second-factor/", {"code": "000000"}).status_code for _try in range(11)]
    assert statuses[0] == 200
    assert statuses[-1] == 429


def test_the_session_id_changes_at_sign_in(client, member):
    client.get(LOGIN)
    sign_in(client, member)
    before = client.cookies["session"].value
    client.post("/accounts/second-factor/", {"code": code()})
    assert client.cookies["session"].value != before


def test_signing_out_ends_the_session(client, as_user, member):
    as_user(member)
    key = client.session.session_key
    answer = client.post("/accounts/logout/")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert client.get(PLACE).status_code == 302
    assert not client.session.exists(key)


def test_signing_out_is_never_a_get(client, as_user, member):
    as_user(member)
    assert client.get("/accounts/logout/").status_code == 200
    assert client.get(PLACE).status_code == 200


def test_idle_and_absolute_limits(client, as_user, member):
    as_user(member)
    assert client.get(PLACE).status_code == 200
    session = client.session
    session["seen_at"] = int(time.time()) - 13 * 3600
    session.save()
    answer = client.get(PLACE)
    assert answer.status_code == 302
    assert answer.url.startswith(LOGIN)
    as_user(member)
    session = client.session
    session["began_at"], session["seen_at"] = int(time.time()) - 8 * 24 * 3600, int(time.time())
    session.save()
    assert client.get(PLACE).status_code == 302


def test_personal_pages_are_not_stored(client, as_user, member):
    as_user(member)
    assert "no-store" in client.get(PLACE)["Cache-Control"]


def reset_link(member) -> str:
    answer_resets()  # what the worker does
    (mail,) = mails_to(member.email, member.organisation)
    return re.search(r"/accounts/password/reset/\S+", mail.body).group()


def test_password_reset_by_mail(client, member):
    asked = client.post("/accounts/password/reset/", {"email": member.email})
    assert asked.url == reverse("account_reset_password_done")
    address = reset_link(member)
    opened = client.get(address)
    assert opened.status_code == 302
    assert "set-password" in opened.url  # the token has left the address
    assert opened["Referrer-Policy"] == "no-referrer"
    assert client.get(opened.url)["Referrer-Policy"] == "same-origin"
    weak = client.post(opened.url, {"password1": "password1234", "password2": "password1234"})
    assert weak.status_code == 200
    done = client.post(opened.url, {"password1": "a quite new sentence", "password2": "a quite new sentence"})
    assert done.url == reverse("account_reset_password_from_key_done")
    assert client.get(PLACE).status_code == 302  # nobody is signed in by it
    assert sign_in(client, member, "a quite new sentence").url == "/accounts/second-factor/"  # and the factor stays
    assert Client().get(address).status_code == 200  # once only: the page says so
    assert "set-password" not in Client().get(address).headers.get("Location", "")


def test_reset_answers_the_same_for_unknown_mails(client, organisation):
    asked = client.post("/accounts/password/reset/", {"email": "nobody@example.org"})
    assert asked.url == reverse("account_reset_password_done")
    assert answer_resets() == 1
    assert mails_to("nobody@example.org", organisation) == []


def test_a_new_password_ends_the_other_sessions(client, as_user, member):
    other = Client()
    sign_in(other, member)
    other.post("/accounts/second-factor/", {"code": code()})
    assert other.get(PLACE).status_code == 200
    as_user(member)
    values = {"oldpassword": PASSWORD, "password1": "a quite new sentence", "password2": "a quite new sentence"}
    assert client.post("/accounts/password/change/", values).status_code == 302
    assert client.get(PLACE).status_code == 200
    assert other.get(PLACE).status_code == 302
    assert len(mails_to(member.email, member.organisation)) == 1


def test_next_leads_only_to_own_pages(client, member):
    client.post(f"{LOGIN}?next=https://evil.example/", {"login": member.email, "password": PASSWORD})
    answer = client.post("/accounts/second-factor/", {"code": code()})
    assert "evil" not in answer.url


def test_sign_up_does_not_exist(client, db):
    assert client.get("/accounts/signup/").status_code == 404
    assert client.get("/accounts/email/").status_code == 404


def test_the_language_before_sign_in(client, db):
    assert "Anmelden" in client.get(LOGIN).content.decode() or 'lang="de"' in client.get(LOGIN).content.decode()
    client.post("/accounts/language/", {"language": "en", "next": LOGIN})
    assert 'lang="en"' in client.get(LOGIN).content.decode()
    assert client.post("/accounts/language/", {"language": "en", "next": "https://evil.example"}).url == "/"
