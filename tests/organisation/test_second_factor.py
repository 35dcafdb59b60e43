"""The second factor: mandatory, encrypted, each code once, the last one stays."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.core.cache import cache
from django.test import Client, override_settings

from crm.core.access import activate
from organisation import encryption
from organisation.access import enter_sign_in
from tests.conftest import PASSWORD, make_user, scope_of
from tests.organisation.factors import SECRET, code, give_app, give_codes

pytestmark = pytest.mark.django_db

SET_UP = "/accounts/second-factor/set-up/"
SECURITY = "/settings/security/"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


def first_step(client: Client, user):
    return client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})


def own_factors(user):
    with activate(scope_of(user)):
        return {one.type: one for one in Authenticator.objects.filter(user_id=user.pk)}


def test_without_a_factor_only_its_set_up_opens(client, people):
    user = people("MANAGER")
    first_step(client, user)
    for address in (
        "/",
        "/settings/people/",
        "/settings/profile/",
        SECURITY,
        "/admin/",
        "/customer-management/customers/",
        "/nowhere/",
    ):
        answer = client.get(address)
        assert (answer.status_code, answer.url) == (302, SET_UP), address
    answer = client.get("/settings/profile/", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == SET_UP
    assert client.post("/accounts/language/", {"language": "de"}).status_code == 302
    assert client.get(SET_UP).status_code == 200


def test_setting_an_app_up_opens_everything(client, people):
    user = people("REP")
    first_step(client, user)
    page = client.get("/accounts/second-factor/app/")
    assert page.status_code == 200
    secret = page.context["form"].secret
    wrong = client.post("/accounts/second-factor/app/", {"code": "12"})
    assert wrong.status_code == 200
    before = client.session.session_key
    done = client.post("/accounts/second-factor/app/", {"code": code(secret)})
    assert done.url == "/accounts/second-factor/codes/"
    assert client.session.session_key != before
    codes = client.get(done.url)
    assert len(re.findall(r"<li>\d{8}</li>", codes.content.decode())) == 10
    assert client.get(SECURITY).status_code == 200

    stored = own_factors(user)["totp"].data["secret"]
    assert secret not in stored
    assert encryption.decrypt(stored) == secret

    # The set-up's code is used up: it does not sign in again.
    again = Client()
    first_step(again, user)
    assert again.post("/accounts/second-factor/", {"code": code(secret)}).status_code == 200
    assert again.post("/accounts/second-factor/", {"code": code(secret, step=1)}).status_code == 302


def test_recovery_codes_are_shown_once(client, people):
    user = people("REP")
    first_step(client, user)
    secret = client.get("/accounts/second-factor/app/").context["form"].secret
    client.post("/accounts/second-factor/app/", {"code": code(secret)})
    assert re.search(r"<li>\d{8}</li>", client.get("/accounts/second-factor/codes/").content.decode())
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert not re.search(r"\d{8}</li>", client.get("/accounts/second-factor/codes/").content.decode())


def test_each_code_works_once_even_without_a_cache(client, people):
    user = people("REP")
    give_app(user)
    first_step(client, user)
    assert client.post("/accounts/second-factor/", {"code": code()}).status_code == 302
    cache.clear()
    other = Client()
    first_step(other, user)
    assert other.post("/accounts/second-factor/", {"code": code()}).status_code == 200
    assert other.post("/accounts/second-factor/", {"code": code(step=-1)}).status_code == 200  # nor an earlier one
    assert other.post("/accounts/second-factor/", {"code": code(step=1)}).status_code == 302


def test_a_recovery_code_works_once(client, people):
    user = people("REP")
    give_app(user)
    recovery = give_codes(user)[0]
    first_step(client, user)
    assert client.post("/accounts/second-factor/", {"code": recovery}).status_code == 302
    other = Client()
    first_step(other, user)
    assert other.post("/accounts/second-factor/", {"code": recovery}).status_code == 200


def test_security_settings_ask_for_the_password_again(client, as_user, people):
    user = people("REP")
    give_app(user)
    as_user(user)
    for address in (
        "/accounts/second-factor/app/remove/",
        "/accounts/second-factor/codes/new/",
        "/accounts/second-factor/passkeys/add/",
    ):
        answer = client.get(address)
        assert answer.status_code == 302, address
        assert "again" in answer.url or "reauthenticate" in answer.url
    assert client.post("/accounts/reauthenticate/", {"password": "wrong wrong wrong"}).status_code == 200
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302
    assert client.get("/accounts/second-factor/codes/new/").status_code == 200


def test_the_last_factor_stays(client, as_user, people):
    user = people("REP")
    give_app(user)
    as_user(user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post("/accounts/second-factor/app/remove/")
    assert set(own_factors(user)) == {"totp"}


def test_passkeys_offer_their_options(client, as_user, people):
    user = people("REP")
    give_app(user)
    as_user(user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD}, headers={"host": "localhost"})
    page = client.get("/accounts/second-factor/passkeys/add/", headers={"host": "localhost"})
    assert page.status_code == 200
    assert page.context["js_data"]["creation_options"]["publicKey"]["rp"]["id"] == "localhost"
    assert "<script>" not in page.content.decode()
    assert client.post("/accounts/second-factor/passkeys/add/", {"name": "x", "credential": "{}"}).status_code == 200


def test_passkey_sign_in_refuses_rubbish(client, db):
    options = client.get("/accounts/login/passkey/", headers={"accept": "application/json"})
    assert options.json()["request_options"]["publicKey"]["userVerification"] == "required"
    for credential in ("", "{}", '{"response": {"userHandle": "MQ"}}', '{"response": {"userHandle": 7}}'):
        answer = client.post("/accounts/login/passkey/", {"credential": credential})
        assert answer.status_code == 302
        assert answer.url == "/accounts/login/"


def test_colleagues_factors_are_hidden(people, organisation):
    owner, colleague, admin = people("REP"), people("MANAGER"), people("ADMINISTRATOR")
    give_app(owner)
    with activate(scope_of(colleague)):
        assert not Authenticator.objects.filter(user_id=owner.pk).exists()
    with activate(scope_of(admin)):
        assert Authenticator.objects.filter(user_id=owner.pk).exists()


def test_another_organisations_administrator_sees_no_factor(people, other_organisation):
    owner, stranger = people("REP"), make_user(other_organisation, "ADMINISTRATOR")
    give_app(owner)
    with activate(scope_of(stranger)):
        assert not Authenticator.objects.exists()


def test_before_sign_in_only_the_named_users_factor_is_read(people):
    one, two = people("REP"), people("REP")
    give_app(one)
    give_app(two)
    enter_sign_in(str(one.pk))
    assert list(Authenticator.objects.values_list("user_id", flat=True)) == [one.pk]


def test_secrets_survive_a_new_key_as_long_as_the_old_is_named(settings):
    kept = encryption.encrypt(SECRET)
    old = settings.SECRET_KEY
    with override_settings(SECRET_KEY="another-" * 8, SECRET_KEY_FALLBACKS=[old]):
        assert encryption.decrypt(kept) == SECRET
        assert not encryption.is_current(kept)
    with override_settings(SECRET_KEY="another-" * 8), pytest.raises(InvalidToken):
        encryption.decrypt(kept)
    with pytest.raises(InvalidToken):
        encryption.decrypt(kept[:-4] + "AAAA")
