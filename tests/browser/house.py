"""One organisation with people, customers and something in every panel, as the browser tests look at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from crm.core.access import Scope, activate, system_scope
from customers import nights, services
from customers.catalogue_starter import install_starter_catalogue
from customers.models import Contact, Customer
from jobs.models import ChangeSet, JobRun, LongTask
from jobs.services import open_change_set, start_by_hand, start_task
from messaging.models import Message
from organisation.choices import LinkPurpose, Role
from organisation.links import create_link
from organisation.models import Organisation, SavedView, Team, User
from outbox.models import InboxEvent
from tests.conftest import make_organisation, make_team, make_user, scope_of
from tests.matrix.intake import build_intake
from tests.matrix.webhooks import Webhooks, build_webhooks
from tests.organisation.factors import give_app, give_codes

KINDS = ("RESTAURANT", "BEER_GARDEN", "HOTEL", "CATERING", "CANTEEN", "ICE_CREAM")
NAMES = ("Seeblick", "Kastanienhof", "Waldschänke", "Mühlenkantine", "Alpenglühen", "Rösthaus", "Goldener Hirsch")


@dataclass(frozen=True)
class House:
    """The records that pages are asked for."""

    organisation: Organisation
    team: Team
    rep: User
    colleague: User
    manager: User
    administrator: User
    auditor: User
    newcomer: User
    nobody: User
    full: Customer
    chain: Customer
    archived: Customer
    contact: Contact
    batch: ChangeSet
    going: LongTask
    undone: LongTask
    message: InboxEvent
    webhooks: Webhooks
    set_up_token: str
    view: SavedView
    gone: SavedView


@contextmanager
def acting(user: User) -> Iterator[Scope]:
    """The user's scope in a transaction that commits."""
    with transaction.atomic(), activate(scope_of(user)) as scope:
        yield scope


def build_house() -> House:
    """Three pages' worth of work: a list that fills the screen, one record with everything, one chain, a full trash."""
    organisation = make_organisation("Frischehof Nord")
    team = make_team(organisation, "Nord")
    german = {"language": "de"}
    rep = make_user(organisation, Role.REP, team=team, name="Rieke Sander", **german)
    colleague = make_user(organisation, Role.REP, team=team, name="Jorge Lindner", **german)
    manager = make_user(organisation, Role.MANAGER, name="Mara Öztürk", **german)
    administrator = make_user(organisation, Role.ADMINISTRATOR, name="Ada Petersen", **german)
    newcomer = make_user(organisation, Role.REP, team=team, name="Nele Neu", **german)
    for user in (rep, administrator):
        give_app(user)
        give_codes(user)
    with acting(manager) as scope:
        install_starter_catalogue(scope=scope)
    full, contact = _full(rep, manager, colleague)
    chain, archived = _others(rep, manager)
    batch, going, undone = _long_work(manager, full)
    with system_scope(organisation.pk, job="test"):
        message, _next_secret = build_intake(organisation)
        webhooks = build_webhooks(organisation, administrator)
        _failed_mails(organisation, rep)
        view, gone = _views(manager)
    _to_review(rep)
    with acting(administrator) as scope:
        token = create_link(scope=scope, user=newcomer, purpose=LinkPurpose.SET_UP)
    return House(
        organisation=organisation,
        team=team,
        rep=rep,
        colleague=colleague,
        manager=manager,
        administrator=administrator,
        auditor=make_user(organisation, Role.AUDITOR, name="Ansgar Vogt", **german),
        newcomer=newcomer,
        nobody=make_user(make_organisation("Leer"), Role.MANAGER, name="Lea Leer", **german),
        full=full,
        chain=chain,
        archived=archived,
        contact=contact,
        batch=batch,
        going=going,
        undone=undone,
        message=message,
        webhooks=webhooks,
        set_up_token=token,
        view=view,
        gone=gone,
    )


def _to_review(rep: User) -> None:
    """A prospect whom the night puts up for review."""
    with acting(rep) as scope:
        waiting = services.create_customer(
            scope=scope, values={"company_name": "Schlosswirt am Wehr", "business_type": "RESTAURANT"}
        )
        Customer.objects.filter(pk=waiting.pk).update(status_since=timezone.now() - timedelta(days=100))
    with system_scope(rep.organisation_id, job="test") as scope:
        nights.prospects(scope)


def _views(manager: User) -> tuple[SavedView, SavedView]:
    """One that everybody sees and has nothing against; one whose field is gone."""
    state = {"q": "", "filter": {}, "sort": "-city", "columns": ["city", "status"], "density": "compact"}
    own = {"organisation": manager.organisation, "owner": manager, "list_key": "customers", "audience": "ORGANISATION"}
    gone = {"filter": {"field": "fields.gone", "op": "empty"}}
    return (
        SavedView.objects.create(**own, name="Nach Orten", state=state),
        SavedView.objects.create(**own, name="Altes Feld", state=state | gone),
    )


def _failed_mails(organisation: Organisation, rep: User) -> None:
    """One that can be sent again, one whose link is gone."""
    for template, error in (("notice", "SMTP 550 at RCPT"), ("account.reset", "ConnectionRefusedError")):
        Message.objects.create(
            organisation=organisation,
            user=rep,
            to_address=rep.email,
            to_name=rep.name,
            language="de",
            template=template,
            send_key=template,
            state="FAILED",
            attempts=6,
            run_at=timezone.now(),
            finished_at=timezone.now(),
            error=error,
        )


def _long_work(manager: User, left: Customer) -> tuple[ChangeSet, LongTask, LongTask]:
    """A batch, a task that goes on, and an undo that has left a record alone; two runs of a job."""
    with acting(manager) as scope:
        batch = ChangeSet.objects.get(pk=open_change_set(scope=scope, kind="import", label="kunden.csv").change_set_id)
        with activate(scope.with_change_set(batch.pk)):
            Customer.objects.filter(pk=left.pk).update(website="https://huegel.example.org/")
        going = start_by_hand(scope=scope, kind="customers.rebuild")
        undone = start_task(scope=scope, kind="jobs.undo", label=batch.label, change_set_id=batch.pk)
    with system_scope(manager.organisation_id, job="test") as scope:
        values = {"state": "RUNNING", "done": 4_000, "total": 12_431, "spent_ms": 900, "started_at": scope.now}
        # Leased for long, so that nobody takes it for lost.
        LongTask.objects.filter(pk=going.pk).update(**values, locked_until=scope.now + timedelta(days=1))
        rows = [["customers.customer", left.pk, "CHANGED_SINCE"]]
        result = {"restored": 3, "recreated": 0, "removed": 8, "skipped": 1, "rows": rows}
        LongTask.objects.filter(pk=undone.pk).update(
            state="DONE", done=11, total=12, refused=1, result=result, started_at=scope.now, finished_at=scope.now
        )
        for state, error, begun in (("DONE", "", 2), ("FAILED", "TimeLimit", 1)):
            at = scope.now - timedelta(days=begun)
            JobRun.objects.create(
                job="jobs.erase_trash",
                organisation=manager.organisation,
                period=at,
                started_at=at,
                finished_at=at + timedelta(seconds=7),
                locked_until=at,
                state=state,
                error=error,
                counts={"erased": 12},
            )
    return batch, going, undone


def _full(rep: User, manager: User, reader: User) -> tuple[Customer, Contact]:
    with acting(rep) as scope:
        values = {
            "company_name": "Biergarten Zum Grünen Hügel",
            "business_type": "BEER_GARDEN",
            "phone": "030 23125 417",
            "email": "kueche@example.org",
            "website": "https://huegel.example.org",
            "expected_annual_volume": 48_600,
            "is_seasonal_business": True,
            "seasonal_pattern": "BEER_GARDEN",
        }
        full = services.create_customer(scope=scope, values=values)
        its = {"scope": scope, "customer_id": full.pk}
        address = {"street": "Am Hügel", "house_number": "12", "postcode": "14467", "city": "Potsdam"}
        services.add_address(**its, values=address)
        person = {"first_name": "Jörn", "last_name": "Käßbohrer", "email": "jk@example.org", "phone": "030 23125 418"}
        contact = services.add_contact(**its, values=person | {"role": "PURCHASING", "decision_power": "DECIDER"})
        services.set_tags(**its, names=["Regional", "Terrasse"])
        services.update_customer(**its, changes={"phone": "030 23125 419"})
    with acting(manager) as scope:
        services.give_grant(scope=scope, customer_id=full.pk, user_id=reader.pk, level="view")
    return full, contact


def _others(rep: User, manager: User) -> tuple[Customer, Customer]:
    with acting(rep) as scope:
        for number, name in enumerate(NAMES * 3):
            kind = KINDS[number % len(KINDS)]
            values = {"company_name": f"{name} {number + 1}", "business_type": kind, "expected_annual_volume": 9000}
            one = services.create_customer(scope=scope, values=values)
            services.add_address(scope=scope, customer_id=one.pk, values={"postcode": "50667", "city": "Köln"})
            if number % 3 == 1:
                services.activate_customer(scope=scope, customer_id=one.pk)
            if number > 18:
                services.delete_customer(scope=scope, customer_id=one.pk)
        quiet = services.create_customer(scope=scope, values={"company_name": "Stille Stube", "business_type": "OTHER"})
        Customer.objects.filter(pk=quiet.pk).update(status="RISIKO", last_order_at=timezone.now() - timedelta(days=70))
    with acting(manager) as scope:
        values = {"company_name": "Kantinenwerk", "business_type": "CANTEEN"}
        chain = services.create_customer(scope=scope, account_type="CHAIN", values=values)
        values = {"company_name": "Kantinenwerk Tor 3", "business_type": "CANTEEN"}
        services.create_customer(scope=scope, account_type="LOCATION", chain_id=chain.pk, values=values)
        archived = services.create_customer(scope=scope, values={"company_name": "Alte Post", "business_type": "HOTEL"})
        services.change_status(scope=scope, customer_id=archived.pk, status="ARCHIVIERT", reason="geschlossen")
    return chain, archived
