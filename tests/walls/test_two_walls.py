"""The wall in Python (`visible_to`) and the wall in SQL (row-level security) let the same rows through, on every table."""

from __future__ import annotations

from datetime import time

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm.core.access import ScopedQuerySet, activate, system_scope_for
from customers.choices import AccountType
from customers.models import (
    Address,
    Contact,
    Customer,
    CustomerFigure,
    CustomerTag,
    CustomerUserPermission,
    DeliveredOrder,
    ExchangeFile,
    ExchangePart,
    ExternalKey,
    LifeMark,
    Tag,
)
from messaging.models import Message, Notice, NoticePreference, QuietHours, TemplateVersion
from organisation.access import enter_sign_in
from organisation.choices import Role
from organisation.models import ListDefault, SavedView, ViewPin
from tests.conftest import make_organisation, make_team, make_user, scope_of

pytestmark = [pytest.mark.wall, pytest.mark.django_db]


def customer(organisation, number, **values):
    values = {"company_name": f"Haus {number}", "customer_number": f"K-{number:06d}"} | values
    return Customer.objects.create(organisation=organisation, status_since=timezone.now(), **values)


def build(draw):
    """One world: two organisations, teams, people of every role, chains with locations, grants, children of all kinds."""
    world = []
    for _ in range(2):
        organisation = make_organisation(is_demo=draw(st.booleans()))
        teams = [make_team(organisation) for _ in range(2)]
        users = [make_user(organisation, role) for role in Role.values]
        users += [make_user(organisation, Role.REP, team=team) for team in teams]
        users += [make_user(organisation, Role.TEAM_LEAD, team=team, leads=team) for team in teams]
        with transaction.atomic(), activate(system_scope_for(organisation.pk, job="test")):
            owners = [*users, None]
            chains = [
                customer(organisation, n, account_type=AccountType.CHAIN, owner=draw(st.sampled_from(owners)))
                for n in range(2)
            ]
            locations = [
                customer(
                    organisation,
                    10 + n,
                    account_type=AccountType.LOCATION,
                    chain=draw(st.sampled_from(chains)),
                    owner=draw(st.sampled_from(owners)),
                )
                for n in range(4)
            ]
            singles = [customer(organisation, 20 + n, owner=draw(st.sampled_from(owners))) for n in range(4)]
            tag = Tag.objects.create(organisation=organisation, name="Bio")
            for row in [*chains, *locations, *singles]:
                Address.objects.create(organisation=organisation, customer=row, city="Köln")
                Contact.objects.create(organisation=organisation, customer=row, last_name="Probe")
                CustomerTag.objects.create(organisation=organisation, customer=row, tag=tag)
                ExternalKey.objects.create(organisation=organisation, customer=row, source="t", key=row.customer_number)
                now = timezone.now()
                DeliveredOrder.objects.create(organisation=organisation, customer=row, number="1", delivered_at=now)
                LifeMark.objects.create(
                    organisation=organisation, customer=row, stage="RENEWAL_90", day=now.date(), made_at=now
                )
            for pk in [None, *(user.pk for user in users)]:
                CustomerFigure.objects.create(
                    organisation=organisation, owner_id=pk, key="AKTIV", number=1, counted_at=timezone.now()
                )
            for _grant in range(draw(st.integers(0, 5))):
                CustomerUserPermission.objects.get_or_create(
                    user=draw(st.sampled_from(users)),
                    content_object=draw(st.sampled_from([*chains, *locations, *singles])),
                    permission=Permission.objects.get(
                        codename=draw(st.sampled_from(["view_customer", "change_customer"])),
                        content_type__app_label="customers",
                    ),
                )
            tell(organisation, users)
        world.append((organisation, users))
    return world


def tell(organisation, users):
    """A notice, a choice, quiet hours and a mail of each; a wording of the organisation."""
    now, own = timezone.now(), {"organisation": organisation}
    for user in users:
        Notice.objects.create(**own, user=user, kind="probe", fold_key="x", created_at=now)
        NoticePreference.objects.create(**own, user=user, kind="probe", channel="OFF")
        QuietHours.objects.create(**own, user=user, begins=time(22), ends=time(7))
        mail = {"to_address": user.email, "language": "de", "template": "notice", "run_at": now}
        Message.objects.create(**own, **mail, user=user, send_key=f"probe:{user.pk}")
    teams = list({user.team for user in users if user.team})
    empty = {"list_key": "customers", "state": {}}
    for user in users:
        exchange = {"purpose": "EXPORT", "format": "csv", "name": "x.csv", "created_at": now, "expires_at": now}
        file = ExchangeFile.objects.create(**own, **exchange, user=user)
        ExchangePart.objects.create(**own, file=file, number=0, data=b"x")
        places = [{"audience": "PRIVATE"}, {"audience": "ORGANISATION"}]
        places += ({"audience": "TEAM", "team": team} for team in teams)
        for place in places:
            name = f"{place['audience']} {getattr(place.get('team'), 'pk', '')}"
            view = SavedView.objects.create(**own, **empty, **place, name=name, owner=user)
            ViewPin.objects.create(**own, user=user, view=view, position=0)
        ListDefault.objects.create(**own, list_key="customers", user=user, view=view)
    ListDefault.objects.create(**own, list_key="customers", role=Role.REP, view=view)
    TemplateVersion.objects.create(**own, key="notice", language="de", number=1, created_at=now)


def scoped_models():
    """Every model that has the wall in Python."""
    return [model for model in apps.get_models() if isinstance(model._default_manager.all(), ScopedQuerySet)]


@settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_python_and_sql_agree_on_every_table(db, data):
    sid = transaction.savepoint()
    try:
        for organisation, users in build(data.draw):
            for user in users:
                scope = scope_of(user)
                with activate(scope):
                    for model in scoped_models():
                        by_sql = set(model._default_manager.values_list("pk", flat=True))
                        by_python = set(model._default_manager.visible_to(scope).values_list("pk", flat=True))
                        assert by_python <= by_sql, (model, user.role)
                        if model._meta.label_lower in PYTHON_IS_NARROWER:
                            continue
                        assert by_python == by_sql, (model, user.role)
            assert organisation is not None
    finally:
        transaction.savepoint_rollback(sid)


# Where Python says less than the policy, with the reason.
PYTHON_IS_NARROWER = {
    "organisation.onetimelink": "only who manages people reads links; the digest is worthless to others",
}


def test_grants_are_as_visible_as_their_customer(organisation, people):
    """Nobody reads or makes a grant on what he does not see; one's own are there to make the scope of, and no others."""
    owner, reader, other = people(), people(), people()
    view = Permission.objects.get(codename="view_customer", content_type__app_label="customers")
    with transaction.atomic(), activate(system_scope_for(organisation.pk, job="test")):
        shared, hidden = customer(organisation, 1, owner=owner), customer(organisation, 2, owner=owner)
        for row, user in ((shared, reader), (shared, other), (hidden, other)):
            CustomerUserPermission.objects.create(user=user, content_object=row, permission=view)

    def seen() -> list[tuple[int, int]]:
        rows, history = (
            sorted(table.values_list("content_object_id", "user_id"))
            for table in (CustomerUserPermission.objects, CustomerUserPermission.history)
        )
        assert rows == history
        return rows

    enter_sign_in(str(reader.pk))
    assert seen() == [(shared.pk, reader.pk)]
    enter_sign_in("")
    assert seen() == []
    with activate(scope_of(reader)) as scope:
        assert scope.granted_ids == {shared.pk}
        assert seen() == [(shared.pk, reader.pk), (shared.pk, other.pk)]
        for user in (reader, other):
            with pytest.raises(ProgrammingError), transaction.atomic():
                CustomerUserPermission.objects.create(user=user, content_object=hidden, permission=view)
    with activate(scope_of(people())):
        assert seen() == []
    with activate(scope_of(owner)):
        assert len(seen()) == 3


def test_without_scope_every_table_of_ours_is_empty(organisation, people, owner_db):
    people()
    with transaction.atomic(), activate(system_scope_for(organisation.pk, job="test")):
        customer(organisation, 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.login', '', true), set_config('app.organisation', '', true)")
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        ours = [name for name in tables if name.split("_")[0] in {"organisation", "outbox", "jobs", "customers"}]
        assert len(ours) > 20
        for name in ours:
            cursor.execute(f'SELECT count(*) FROM "{name}"')
            assert cursor.fetchone() == (0,), name


def test_another_organisations_scope_reads_and_writes_nothing_here(organisation, other_organisation, people):
    with transaction.atomic(), activate(system_scope_for(organisation.pk, job="test")):
        row = customer(organisation, 1)
    with activate(system_scope_for(other_organisation.pk, job="test")):
        assert not Customer.objects.filter(pk=row.pk).exists()
        assert Customer.objects.filter(pk=row.pk).update(company_name="Fremd") == 0
    with activate(system_scope_for(organisation.pk, job="test")):
        assert Customer.objects.get(pk=row.pk).company_name == "Haus 1"
