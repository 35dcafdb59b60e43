"""One organisation with every principal and one record of each kind, for the matrices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import Permission
from django.db import transaction
from django.utils import timezone

from crm.core.access import activate, system_scope_for
from customers.choices import AccountType, CustomerStatus, FieldType, Sensitivity
from customers.models import (
    Address,
    Contact,
    Customer,
    CustomerFieldValue,
    CustomerUserPermission,
    DuplicatePair,
    ExchangeFile,
    ExchangePart,
    FieldDefinition,
)
from jobs.models import ChangeSet, LongTask
from messaging.models import Message, Notice
from organisation.choices import Role
from organisation.models import Organisation, Team, User
from outbox.models import InboxEvent
from tests.conftest import make_organisation, make_team, make_user
from tests.matrix.intake import build_intake
from tests.matrix.saved_views import Views, build_views
from tests.matrix.webhooks import Webhooks, build_webhooks

CANARY = "Kanarienwert-4711"

PRINCIPALS = (
    "anonymous",
    "rep_owner",
    "rep_stranger",
    "team_lead",
    "foreign_lead",
    "chain_manager",
    "foreign_chain_manager",
    "manager",
    "administrator",
    "dpo",
    "auditor",
    "foreign_administrator",
)
EVERYBODY = frozenset(PRINCIPALS)
SIGNED_IN = EVERYBODY - {"anonymous"}
READERS = frozenset({"rep_owner", "team_lead", "chain_manager", "manager", "administrator", "dpo", "auditor"})
WRITERS = READERS - {"dpo", "auditor"}
MANAGERS = frozenset({"manager", "administrator"})


@dataclass
class World:
    """The records that routes are asked about, and who asks."""

    organisation: Organisation
    people: dict[str, User]
    chain: Customer
    location: Customer
    twin: Customer
    at_risk: Customer
    contact: Contact
    address: Address
    secret: FieldDefinition
    deleted: Customer
    team: Team
    notice: Notice
    failed_mail: Message
    message: InboxEvent
    next_secret: int
    batch: ChangeSet
    merge: ChangeSet
    pair: DuplicatePair
    task: LongTask
    stopped: LongTask
    webhooks: Webhooks
    views: Views
    export: ExchangeFile
    upload: ExchangeFile


def grant(user: User, customer: Customer, codename: str = "change_customer") -> None:
    """Share `customer` with `user`."""
    permission = Permission.objects.get(codename=codename, content_type__app_label="customers")
    CustomerUserPermission.objects.create(user=user, content_object=customer, permission=permission)


def build_world() -> World:
    """A LOCATION of a chain, owned by `rep_owner` of team one; the chain managers hold one chain each."""
    organisation, elsewhere = make_organisation("Eine"), make_organisation("Andere")
    team, other_team = make_team(organisation), make_team(organisation)
    people = {
        "rep_owner": make_user(organisation, Role.REP, team=team),
        "rep_stranger": make_user(organisation, Role.REP, team=other_team),
        "team_lead": make_user(organisation, Role.TEAM_LEAD, team=team, leads=team),
        "foreign_lead": make_user(organisation, Role.TEAM_LEAD, team=other_team, leads=other_team),
        "chain_manager": make_user(organisation, Role.CHAIN_MANAGER),
        "foreign_chain_manager": make_user(organisation, Role.CHAIN_MANAGER),
        "manager": make_user(organisation, Role.MANAGER),
        "administrator": make_user(organisation, Role.ADMINISTRATOR),
        "dpo": make_user(organisation, Role.DPO),
        "auditor": make_user(organisation, Role.AUDITOR),
        "foreign_administrator": make_user(elsewhere, Role.ADMINISTRATOR),
    }
    with transaction.atomic(), activate(system_scope_for(organisation.pk, job="test")):
        row = {"organisation": organisation, "status_since": timezone.now()}
        chain = Customer.objects.create(
            company_name="Kantinenwerk", customer_number="K-1", account_type=AccountType.CHAIN, **row
        )
        other_chain = Customer.objects.create(
            company_name="Andere Kette", customer_number="K-2", account_type=AccountType.CHAIN, **row
        )
        location = Customer.objects.create(
            company_name="Kantinenwerk Tor 3",
            customer_number="K-3",
            account_type=AccountType.LOCATION,
            chain=chain,
            owner=people["rep_owner"],
            **row,
        )
        twin = Customer.objects.create(
            company_name="Kantinenwerk Tor 4",
            customer_number="K-5",
            account_type=AccountType.LOCATION,
            chain=chain,
            owner=people["rep_owner"],
            **row,
        )
        grant(people["chain_manager"], chain)
        grant(people["foreign_chain_manager"], other_chain)
        secret = FieldDefinition.objects.create(
            organisation=organisation,
            key="purchase_terms",
            label_de="Konditionen",
            label_en="Terms",
            type=FieldType.TEXT,
            sensitivity=Sensitivity.RESTRICTED,
        )
        CustomerFieldValue.objects.create(organisation=organisation, customer=location, definition=secret, value=CANARY)
        maker = f"user:{people['rep_owner'].pk}"
        batch, merge = (
            ChangeSet.objects.create(
                organisation=organisation,
                kind=kind,
                label="Liste",
                actor=maker,
                source="page",
                created_at=timezone.now(),
            )
            for kind in ("import", "merge")
        )
        task, stopped = (
            LongTask.objects.create(
                organisation=organisation,
                kind="customers.project_field",
                parameters={"definition_id": secret.pk},
                state=state,
                actor=maker,
                user=people["rep_owner"],
                created_at=timezone.now(),
            )
            for state in ("QUEUED", "CANCELLED")
        )
        message, next_secret = build_intake(organisation)
        export = ExchangeFile.objects.create(
            organisation=organisation,
            user=people["rep_owner"],
            purpose="EXPORT",
            format="csv",
            name="kunden.csv",
            rows=1,
            created_at=timezone.now(),
            ready_at=timezone.now(),
            expires_at=timezone.now() + timedelta(days=7),
        )
        upload = ExchangeFile.objects.create(
            organisation=organisation,
            user=people["manager"],
            purpose="IMPORT",
            format="csv",
            name="kunden.csv",
            columns=["Firma"],
            asked={"sample": [["Haus"]]},
            created_at=timezone.now(),
            expires_at=timezone.now() + timedelta(days=7),
        )
        ExchangePart.objects.create(organisation=organisation, file=export, number=0, data=b"Firma\r\n")
        return World(
            organisation=organisation,
            people=people,
            chain=chain,
            location=location,
            twin=twin,
            at_risk=Customer.objects.create(
                company_name="Stille Stube", customer_number="K-7", status=CustomerStatus.RISIKO, **row
            ),
            contact=Contact.objects.create(organisation=organisation, customer=location, last_name="Probe"),
            address=Address.objects.create(organisation=organisation, customer=location, city="Köln", postcode="50667"),
            secret=secret,
            deleted=Customer.objects.create(
                company_name="Gelöscht",
                customer_number="K-4",
                owner=people["rep_owner"],
                deleted_at=timezone.now(),
                **row,
            ),
            team=team,
            webhooks=build_webhooks(organisation, people["administrator"]),
            export=export,
            upload=upload,
            views=build_views(organisation, people["rep_owner"], team, people["manager"]),
            batch=batch,
            merge=merge,
            pair=DuplicatePair.objects.create(
                organisation=organisation,
                first=location,
                second=twin,
                score=90,
                verdict="SAME",
                reasons=["SAME_NAME"],
                seen_at=timezone.now(),
            ),
            task=task,
            stopped=stopped,
            message=message,
            next_secret=next_secret,
            failed_mail=Message.objects.create(
                organisation=organisation,
                user=people["rep_owner"],
                to_address="falsch@example.org",
                language="de",
                template="notice",
                send_key="probe",
                state="FAILED",
                run_at=timezone.now(),
                finished_at=timezone.now(),
                error="SMTP 550 at RCPT",
            ),
            notice=Notice.objects.create(
                organisation=organisation,
                user=people["rep_owner"],
                kind="customer.shared",
                parameters={"company": "Kantinenwerk Tor 3", "number": "K-3"},
                subject_type="customer",
                subject_id=location.pk,
                fold_key=f"customer:{location.pk}",
                created_at=timezone.now(),
            ),
        )
