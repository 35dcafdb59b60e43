"""Projection and history equal a recomputation, whoever wrote and by whatever path."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from crm.core.access import activate, current_scope, system_scope_for
from customers import services
from customers.choices import AccountType, BusinessType, CustomerStatus, FieldType
from customers.models import Address, Contact, Customer, CustomerFieldValue, CustomerHot, FieldDefinition
from organisation.choices import Role

pytestmark = [pytest.mark.django_db, pytest.mark.wall]

SEED = 20261121


def differences() -> list[tuple[int, str]]:
    """What the product's own check finds in the scope's organisation."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT customer_id, kind FROM customers_hot_differences()")
        return cursor.fetchall()


def word_differences() -> int:
    """How many search words are missing or too many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT customer_id, owner_id, chain_id, word FROM customers_words_expected) e"
            " FULL JOIN customers_customerword w USING (customer_id, word)"
            " WHERE w.id IS NULL OR e.customer_id IS NULL OR (w.owner_id, w.chain_id) IS DISTINCT FROM (e.owner_id, e.chain_id)"
        )
        return cursor.fetchone()[0]


def snapshot(model) -> dict[int, tuple]:
    """Every row of a table as the history keeps it."""
    names = [field.attname for field in model.history.model._meta.fields if not field.name.startswith("history_")]
    return {row[names.index("id")]: row for row in model.objects.values_list(*names)}


def last_of_history(model) -> dict[int, tuple]:
    """The newest history row of each record that was not deleted last."""
    names = [field.attname for field in model.history.model._meta.fields if not field.name.startswith("history_")]
    found: dict[int, tuple] = {}
    for row in model.history.order_by("history_id").values_list("history_type", *names):
        pk = row[1 + names.index("id")]
        if row[0] == "-":
            found.pop(pk, None)
        else:
            found[pk] = row[1:]
    return found


class Writer:
    """Random writes by every path: services, admin, rows one by one, in bulk, by queryset, by raw SQL."""

    def __init__(self, organisation, people, definitions, client=None):
        self.random, self.organisation = random.Random(SEED), organisation
        self.users, self.definitions = people, definitions
        self.number = 0
        self.client = client

    def new(self, **values):
        self.number += 1
        defaults = {
            "company_name": self.random.choice(["Gasthaus", "Müller", "Ärzte", "Café Süß", "Hotel"])
            + f" {self.number}",
            "customer_number": f"K-{self.number:06d}",
            "owner": self.random.choice([*self.users, None]),
            "business_type": self.random.choice(BusinessType.values),
            "status_since": timezone.now(),
        }
        return Customer(organisation=self.organisation, **(defaults | values))

    def some(self, most=5):
        pks = list(Customer.objects.values_list("pk", flat=True))
        return self.random.sample(pks, min(len(pks), self.random.randint(1, most)))

    def write(self):
        act = self.random.choice(
            [
                self.create,
                self.bulk,
                self.save,
                self.queryset,
                self.raw,
                self.address,
                self.value,
                self.trash,
                self.season,
                self.service,
                self.admin,
            ]
        )
        return act()

    def create(self):
        self.new().save()
        return 1

    def bulk(self):
        rows = [self.new() for _ in range(self.random.randint(2, 40))]
        Customer.objects.bulk_create(rows)
        return len(rows)

    def save(self):
        for customer in Customer.objects.filter(pk__in=self.some()):
            customer.company_name = f"Wirtshaus Größe {self.random.randint(1, 999)}"
            customer.renewal_date = self.random.choice(
                [None, date(2027, 1, 1) + timedelta(self.random.randint(0, 300))]
            )
            customer.save()
        return 5

    def queryset(self):
        owner = self.random.choice([*self.users, None])
        return Customer.objects.filter(pk__in=self.some(60)).update(
            owner=owner, status=self.random.choice(CustomerStatus.values)
        )

    def raw(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE customers_customer SET trading_name = trading_name || 'x', expected_annual_volume = %s WHERE id = ANY(%s)",
                [self.random.randint(0, 99_999), self.some(40)],
            )
            return cursor.rowcount

    def address(self):
        for pk in self.some():
            Address.objects.filter(customer_id=pk).delete()
            Address.objects.create(
                organisation=self.organisation,
                customer_id=pk,
                city=self.random.choice(["Köln", "Ulm"]),
                postcode="50667",
            )
        return 5

    def value(self):
        for pk in self.some():
            definition, value = self.random.choice(self.definitions)
            CustomerFieldValue.objects.filter(customer_id=pk, definition=definition).delete()
            CustomerFieldValue.objects.create(
                organisation=self.organisation, customer_id=pk, definition=definition, value=value(self.random)
            )
        return 5

    def service(self):
        """One call of a service, as pages make it."""
        (pk,) = self.some(1)
        scope = current_scope()
        if Customer.objects.visible_to(scope).filter(pk=pk).exists():
            call = self.random.choice(
                [
                    lambda: services.update_customer(
                        scope=scope, customer_id=pk, changes={"company_name": "Gasthof Löwe"}
                    ),
                    lambda: services.write_fields(
                        scope=scope, customer_id=pk, values={"covers": self.random.randint(1, 99)}
                    ),
                    lambda: services.set_tags(scope=scope, customer_id=pk, names=["Bio"]),
                    lambda: services.delete_customer(scope=scope, customer_id=pk),
                    lambda: services.add_address(
                        scope=scope, customer_id=pk, values={"kind": "BILLING", "city": "Ulm"}
                    ),
                ]
            )
            call()
        return 1

    def admin(self):
        """A field definition through the admin: its page calls the catalogue's service."""
        definition = self.random.choice(self.definitions)[0]
        definition.refresh_from_db()
        page = reverse("admin:customers_fielddefinition_change", args=[definition.pk])
        form = self.client.get(page).context["adminform"].form
        data = {name: form.initial[name] for name in form.fields if form.initial.get(name) not in (None, False)}
        data |= {name: json.dumps(value) for name, value in data.items() if isinstance(value, dict)}
        data["label_de"] = f"Feld {self.random.randint(1, 999)}"
        assert self.client.post(page, data).status_code == 302
        return 1

    def trash(self):
        for pk in self.some(2):
            Customer.objects.filter(pk=pk).update(deleted_at=self.random.choice([None, timezone.now()]))
        return 2

    def season(self):
        Customer.objects.filter(pk__in=self.some(10)).update(
            is_seasonal_business=True,
            seasonal_months=sorted(self.random.sample(range(1, 13), self.random.randint(1, 11))),
        )
        return 10


def definitions_of(organisation):
    kinds = [
        ("cuisine", FieldType.TEXT, "hot_text_1", lambda rng: rng.choice(["Französisch", "Asiatisch"])),
        ("covers", FieldType.INTEGER, "hot_number_1", lambda rng: rng.randint(1, 500)),
        ("contract_end", FieldType.DATE, "hot_date_1", lambda rng: f"2027-0{rng.randint(1, 9)}-01"),
        ("days", FieldType.MULTI_CHOICE, "", lambda rng: rng.sample(["MO", "DI", "MI"], 2)),
    ]
    return [
        (
            FieldDefinition.objects.create(
                organisation=organisation,
                key=key,
                label_de=key,
                label_en=key,
                type=kind,
                hot_slot=slot,
                is_hot=bool(slot),
            ),
            value,
        )
        for key, kind, slot, value in kinds
    ]


def test_projection_words_and_history_equal_a_recomputation_after_10_000_writes(organisation, people, as_user):
    users = [people() for _ in range(4)]
    client = as_user(people(Role.MANAGER))
    with activate(system_scope_for(organisation.pk, job="test")):
        writer = Writer(organisation, users, definitions_of(organisation), client)
        writer.bulk()
        written = 0
        while written < 10_000:
            written += writer.write()
        assert differences() == []
        assert word_differences() == 0
        for model in (Customer, Address, Contact, CustomerFieldValue, FieldDefinition):
            assert last_of_history(model) == snapshot(model), model
        assert CustomerHot.objects.count() == Customer.objects.filter(deleted_at=None).count() > 100


def test_the_check_can_fail(organisation, people, owner_db):
    with activate(system_scope_for(organisation.pk, job="test")):
        writer = Writer(organisation, [people()], definitions_of(organisation))
        first, second, third = (writer.new() for _ in range(3))
        Customer.objects.bulk_create([first, second, third])
        CustomerHot.objects.filter(pk=first.pk).update(city="Falsch")
        CustomerHot.objects.filter(pk=second.pk).delete()
        assert sorted(differences()) == [(first.pk, "different"), (second.pk, "missing")]
        with connection.cursor() as cursor:
            cursor.execute("SELECT customers_project(ARRAY[%s, %s]::bigint[])", [first.pk, second.pk])
        assert differences() == []


def test_a_write_without_an_actor_is_refused(organisation):
    from django.db import ProgrammingError, transaction

    with activate(system_scope_for(organisation.pk, job="test")), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.actor', '', true)")
        with pytest.raises(ProgrammingError, match="names no actor"), transaction.atomic():
            Customer.objects.create(
                organisation=organisation, company_name="Haus", customer_number="K-1", status_since=timezone.now()
            )
        cursor.execute("SELECT set_config('app.actor', 'job:test', true)")
        Customer.objects.create(
            organisation=organisation, company_name="Haus", customer_number="K-1", status_since=timezone.now()
        )
        assert Customer.history.count() == 1


def test_a_location_needs_its_chain_and_no_chain_has_a_chain(organisation):
    from django.db import IntegrityError, transaction

    with activate(system_scope_for(organisation.pk, job="test")):
        values = {"organisation": organisation, "status_since": timezone.now(), "company_name": "Haus"}
        chain = Customer.objects.create(customer_number="K-1", account_type=AccountType.CHAIN, **values)
        for number, wrong in enumerate(
            ({"account_type": AccountType.LOCATION}, {"account_type": AccountType.CHAIN, "chain": chain}), 10
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                Customer.objects.create(customer_number=f"K-{number}", **wrong, **values)
        Customer.objects.create(customer_number="K-2", account_type=AccountType.LOCATION, chain=chain, **values)
