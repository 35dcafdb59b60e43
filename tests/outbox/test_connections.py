"""Connections: set-up, secrets that are written and never shown, states, and who may do what."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import transaction

from crm.core.access import activate, system_scope
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from outbox.choices import ConnectionState, CredentialRole
from outbox.encryption import SealBroken, is_current, open_sealed, seal
from outbox.models import Connection, Credential, Event, InboxEvent, InboxRequest, Subscription, SubscriptionSecret
from outbox.services import connections as services
from outbox.services import inbox
from outbox.services.intake import forget_old
from outbox.signing import seal_place
from tests.conftest import scope_of
from tests.outbox.intake import secret

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(organisation, people):
    """The scope of an administrator, active."""
    with transaction.atomic(), activate(scope_of(people("ADMINISTRATOR"))) as scope:
        yield scope


@pytest.fixture
def made(admin):
    return services.create_connection(scope=admin, provider="freshplan", label="Nord")


def put(scope, made, value, kind="signing_secret"):
    return services.set_credential(scope=scope, connection_id=made.pk, kind=kind, value=value)


def roles(kind="signing_secret"):
    return dict(Credential.objects.filter(kind=kind).values_list("ending", "role"))


def test_a_new_connection_is_a_draft_with_an_address_of_its_own(admin, made):
    other = services.create_connection(scope=admin, provider="freshplan", label="Süd")
    assert (made.state, made.options, made.owner_id) == (
        ConnectionState.DRAFT,
        {"types": ["*"], "senders": []},
        admin.user_id,
    )
    assert len(made.key) == 27
    assert made.key.startswith("wk_")
    assert made.key != other.key


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"label": "x"}, "label"),
        ({"base_url": "http://other.example"}, "base_url"),
        ({"base_url": "https://user:word@other.example"}, "base_url"),
        ({"base_url": "https://other.example/?a=b"}, "base_url"),
        ({"base_url": "ftp://other.example"}, "base_url"),
        ({"options": {"types": ""}}, "types"),
        ({"options": {"types": "customer.created <script>"}}, "types"),
        ({"options": {"types": "customer.created.*"}}, "types"),
        ({"options": {"senders": "example.org"}}, "senders"),
        ({"options": {"senders": "203.0.113.7/24"}}, "senders"),
        ({"options": {"senders": " ".join(f"10.0.0.{n}" for n in range(51))}}, "senders"),
    ],
)
def test_what_cannot_be_a_connection_is_refused_at_its_field(admin, change, field):
    with pytest.raises(Invalid) as refusal:
        services.create_connection(scope=admin, **({"provider": "freshplan", "label": "Nord"} | change))
    assert refusal.value.field == field
    assert not Connection.objects.exists()


def test_an_address_of_everybody_and_one_that_the_operator_listed_are_taken(admin, settings):
    settings.PRIVATE_HOSTS = frozenset({"127.0.0.1:9000"})
    for url in ("https://other.example/crm/", "http://127.0.0.1:9000"):
        one = services.create_connection(scope=admin, provider="freshplan", label="Nord", base_url=url)
        assert one.base_url == url.rstrip("/")


def test_it_is_changed_only_as_it_was_seen(admin, made):
    services.change_connection(
        scope=admin, connection_id=made.pk, version=1, label="Nordost", options={"types": "order.*"}
    )
    with pytest.raises(Conflict):
        services.change_connection(scope=admin, connection_id=made.pk, version=1, label="Nordwest")
    made.refresh_from_db()
    assert (made.label, made.options["types"], made.version) == ("Nordost", ["order.*"], 2)


# Secrets


def test_a_secret_is_sealed_with_its_row(admin, made):
    row = put(admin, made, secret())
    assert secret().encode() not in bytes(row.sealed)
    assert open_sealed(row.sealed, associated=row.place) == secret()
    with pytest.raises(SealBroken):
        open_sealed(row.sealed, associated="outbox_credential:999")
    assert (row.ending, row.role, row.set_by_id) == (secret()[-4:], "CURRENT", admin.user_id)


@pytest.mark.parametrize("value", ["", "whsec_", "whsec_!!", secret()[6:], "whsec_" + "QUJD", "whsec_" + "QUJD" * 30])
def test_what_is_no_secret_is_refused(admin, made, value):
    with pytest.raises(Invalid):
        put(admin, made, value)
    assert roles() == {}


def test_two_live_at_most_and_one_of_them_can_be_ended(admin, made):
    first, second = put(admin, made, secret("a")), put(admin, made, secret("b"))
    assert (first.role, second.role) == ("CURRENT", "NEXT")
    with pytest.raises(Conflict):
        put(admin, made, secret("c"))
    with pytest.raises(Conflict):
        services.end_credential(scope=admin, connection_id=made.pk, credential_id=first.pk)
    assert services.promote_credential(scope=admin, credential_id=second.pk)
    assert not services.promote_credential(scope=admin, credential_id=second.pk)
    assert roles() == {secret("a")[-4:]: "PREVIOUS", secret("b")[-4:]: "CURRENT"}
    with pytest.raises(Conflict):
        put(admin, made, secret("c"))
    services.end_credential(scope=admin, connection_id=made.pk, credential_id=first.pk)
    assert put(admin, made, secret("c")).role == CredentialRole.NEXT
    assert Event.objects.filter(type="integration.secret.rotated").values_list("data", flat=True).get() == {
        "connection_id": made.pk,
        "kind": "signing_secret",
    }


def test_an_old_secret_whose_day_is_over_makes_room(admin, made):
    put(admin, made, secret("a"))
    services.promote_credential(scope=admin, credential_id=put(admin, made, secret("b")).pk)
    Credential.objects.filter(role="PREVIOUS").update(valid_until=admin.now)
    assert put(admin, made, secret("c")).role == CredentialRole.NEXT
    assert set(roles().values()) == {"CURRENT", "NEXT"}


def test_the_same_secret_again_is_refused(admin, made):
    put(admin, made, secret())
    with pytest.raises(Conflict):
        put(admin, made, secret())


def test_secrets_lie_under_the_first_key_after_they_were_rotated(admin, made, settings):
    row = put(admin, made, secret())
    settings.CREDENTIAL_KEYS = ["new-" * 11, *settings.CREDENTIAL_KEYS]
    row.refresh_from_db()
    assert not is_current(row.sealed)
    assert services.renew_sealing(scope=admin) == 1
    row.refresh_from_db()
    assert is_current(row.sealed)
    settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS[:1]
    assert open_sealed(row.sealed, associated=row.place) == secret()
    assert services.renew_sealing(scope=admin) == 0


def test_the_command_rotates_every_organisations_secrets(organisation, other_organisation, settings, capsys):
    for one in (organisation, other_organisation):
        with system_scope(one.pk, job="test") as scope:
            made = services.create_connection(scope=scope, provider="freshplan", label="Nord")
            put(scope, made, secret())
    settings.CREDENTIAL_KEYS = ["new-" * 11, *settings.CREDENTIAL_KEYS]
    call_command("rotate_credentials")
    call_command("rotate_credentials")
    assert capsys.readouterr().out.splitlines() == ["2 secrets sealed anew.", "0 secrets sealed anew."]
    for one in (organisation, other_organisation):
        with system_scope(one.pk, job="test"):
            assert all(is_current(row.sealed) for row in Credential.objects.all())


def test_secrets_that_sign_for_subscribers_are_rotated_with_them(admin, settings):
    subscription = Subscription.objects.create(
        organisation_id=admin.organisation_id,
        name="Lager",
        url="https://other.example",
        types=["*"],
        acts_as_id=admin.user_id,
        owner_id=admin.user_id,
    )
    row = SubscriptionSecret.objects.create(
        organisation_id=admin.organisation_id, subscription=subscription, sealed=b"", tail="abcd"
    )
    row.sealed = seal(secret(), associated=seal_place(row.pk))
    row.save()
    settings.CREDENTIAL_KEYS = ["new-" * 11, *settings.CREDENTIAL_KEYS]
    assert services.renew_sealing(scope=admin) == 1
    row.refresh_from_db()
    assert is_current(row.sealed)
    assert open_sealed(row.sealed, associated=seal_place(row.pk)) == secret()


def test_a_broken_seal_is_told():
    with pytest.raises(SealBroken):
        open_sealed(seal("x", associated="a"), associated="b")


# States


def test_it_is_activated_once_its_secret_is_there_paused_with_a_reason_and_resumed(admin, made):
    def move(target, reason=""):
        return services.move_connection(scope=admin, connection_id=made.pk, target=target, reason=reason)

    with pytest.raises(Conflict):
        move("ACTIVE")
    put(admin, made, secret())
    assert move("ACTIVE").state == "ACTIVE"
    with pytest.raises(Invalid):
        move("PAUSED", "  ")
    assert (move("PAUSED", "Umzug").state, Connection.objects.get().state_reason) == ("PAUSED", "Umzug")
    assert (move("ACTIVE").state, Connection.objects.get().state_reason) == ("ACTIVE", "")
    for target in ("DRAFT", "BROKEN"):
        with pytest.raises(Conflict):
            move(target)
    assert list(Connection.history.order_by("history_date").values_list("state", flat=True))[-3:] == [
        "ACTIVE",
        "PAUSED",
        "ACTIVE",
    ]


def test_it_is_deleted_only_where_nothing_runs_and_its_secrets_with_it(admin, made):
    put(admin, made, secret())
    services.move_connection(scope=admin, connection_id=made.pk, target="ACTIVE")
    with pytest.raises(Conflict):
        services.delete_connection(scope=admin, connection_id=made.pk)
    services.move_connection(scope=admin, connection_id=made.pk, target="PAUSED", reason="Schluss")
    services.delete_connection(scope=admin, connection_id=made.pk)
    assert not Credential.objects.exists()
    with pytest.raises(NotFound):
        services.renew_key(scope=admin, connection_id=made.pk)


def test_what_still_waited_is_dismissed_with_its_connection_and_its_bodies_end(organisation, admin, made):
    """Nobody would ever apply it: neither open for ever, nor its body kept for ever."""
    put(admin, made, secret())
    own = {"organisation": organisation, "connection": made}
    request, whole = (
        InboxRequest.objects.create(
            **own,
            dedupe_key=key,
            body=b"{}",
            size=2,
            received_at=admin.now,
            last_seen_at=admin.now,
            credential_role="CURRENT",
            split_at=split_at,
        )
        for key, split_at in (("1", admin.now), ("2", None))
    )
    for n, state in enumerate(("RETRY", "WAITING", "DEAD", "DONE")):
        InboxEvent.objects.create(**own, request=request, n=n, external_key=str(n), state=state, received_at=admin.now)
    services.delete_connection(scope=admin, connection_id=made.pk)
    told = list(InboxEvent.objects.order_by("n").values_list("state", "reason"))
    assert told == [("IGNORED", "DISMISSED")] * 3 + [("DONE", "")]
    with pytest.raises(Conflict):
        inbox.replay_events(scope=admin, event_ids=list(InboxEvent.objects.values_list("pk", flat=True)), reason="Test")
    later = dataclasses.replace(admin, now=admin.now + timedelta(days=31))
    assert forget_old(scope=later) == 2
    whole.refresh_from_db()
    assert (whole.body, whole.address) == (None, None)


def test_a_secret_that_ran_out_is_erased_and_its_row_stays_for_its_messages(admin, made):
    put(admin, made, secret("a"))
    services.promote_credential(scope=admin, credential_id=put(admin, made, secret("b")).pk)

    def kept():
        rows = Credential.objects.order_by("pk")
        return [(row.role, bool(bytes(row.sealed))) for row in rows]

    forget_old(scope=admin)
    assert kept() == [("PREVIOUS", True), ("CURRENT", True)]
    later = dataclasses.replace(admin, now=admin.now + timedelta(hours=25))
    forget_old(scope=later)
    assert kept() == [("PREVIOUS", False), ("CURRENT", True)]
    assert services.renew_sealing(scope=later) == 0
    assert put(later, made, secret("c")).role == CredentialRole.NEXT


# Who


@pytest.mark.parametrize("role", ["REP", "TEAM_LEAD", "CHAIN_MANAGER", "DPO", "AUDITOR"])
def test_nobody_else_sees_or_makes_one(organisation, people, role):
    with system_scope(organisation.pk, job="test") as scope:
        made = services.create_connection(scope=scope, provider="freshplan", label="Nord")
    with transaction.atomic(), activate(scope_of(people(role))) as scope:
        assert not Connection.objects.exists()
        with pytest.raises(Forbidden):
            services.create_connection(scope=scope, provider="freshplan", label="Nord")
        with pytest.raises(NotFound):
            services.ask_check(scope=scope, connection_id=made.pk)


def test_a_manager_pauses_and_never_sees_a_secret(organisation, people):
    with system_scope(organisation.pk, job="test") as scope:
        made = services.create_connection(scope=scope, provider="freshplan", label="Nord")
        put(scope, made, secret())
        services.move_connection(scope=scope, connection_id=made.pk, target="ACTIVE")
    with transaction.atomic(), activate(scope_of(people("MANAGER"))) as scope:
        assert Connection.objects.visible_to(scope).count() == 1
        assert not Credential.objects.exists()
        services.move_connection(scope=scope, connection_id=made.pk, target="PAUSED", reason="Umzug")
        for act in (
            lambda: put(scope, made, secret("b")),
            lambda: services.renew_key(scope=scope, connection_id=made.pk),
            lambda: services.delete_connection(scope=scope, connection_id=made.pk),
        ):
            with pytest.raises(Forbidden):
                act()


def test_another_organisation_knows_nothing_of_it(made, other_organisation, admin):
    with system_scope(other_organisation.pk, job="test") as scope:
        assert not Connection.objects.exists()
        with pytest.raises(NotFound):
            put(scope, made, secret())
