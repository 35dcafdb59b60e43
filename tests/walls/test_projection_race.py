"""Two writers of one customer at once: the projection and the search words hold what was committed last."""

from __future__ import annotations

import threading

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from crm.core.access import SETTINGS, activate, system_scope_for
from customers.models import ContactWord, Customer, CustomerHot, CustomerWord
from tests.conftest import make_organisation, make_user

pytestmark = [pytest.mark.wall, pytest.mark.fault]


REBUILD = "SELECT customers_project(ARRAY[%(id)s]::bigint[]), customers_index_words(ARRAY[%(id)s]::bigint[])"
NEW_CONTACT = (
    "INSERT INTO customers_contact (organisation_id, customer_id, first_name, last_name, role, decision_power, phone, mobile,"
    " email, language) SELECT organisation_id, id, 'Anna', 'Probe', 'OTHER', '', '', '', '', 'de' FROM customers_customer"
    " WHERE id = %(id)s"
)


@pytest.mark.parametrize(("statement", "table"), [(REBUILD, CustomerWord), (NEW_CONTACT, ContactWord)])
def test_who_waits_for_a_hand_over_writes_the_new_owner(committed_db, database_urls, statement, table):
    organisation = make_organisation()
    first, second = make_user(organisation), make_user(organisation)
    scope = system_scope_for(organisation.pk, job="test")
    with transaction.atomic(), activate(scope):
        customer = Customer.objects.create(
            organisation=organisation,
            company_name="Haus",
            customer_number="K-1",
            owner=first,
            status_since=timezone.now(),
        )
    begun = threading.Event()

    def rebuild() -> None:
        with psycopg.connect(database_urls["app"]) as other:
            for name in SETTINGS:
                other.execute("SELECT set_config(%s, %s, true)", [name, values[name]])
            begun.set()
            other.execute(statement, {"id": customer.pk})

    with transaction.atomic(), activate(scope):
        with connection.cursor() as cursor:
            values = {}
            for name in SETTINGS:
                cursor.execute("SELECT current_setting(%s)", [name])
                (values[name],) = cursor.fetchone()
        Customer.objects.filter(pk=customer.pk).update(owner=second)
        waiting = threading.Thread(target=rebuild)
        waiting.start()
        begun.wait(10)
        waiting.join(1)
        assert waiting.is_alive(), "it must wait for the open hand-over"
    waiting.join(20)
    with transaction.atomic(), activate(scope):
        assert CustomerHot.objects.get(pk=customer.pk).owner_id == second.pk
        assert set(table.objects.values_list("owner_id", flat=True)) == {second.pk}
