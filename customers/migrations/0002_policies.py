"""Row-level security, history and version triggers of customers and what hangs on them."""

from django.db import migrations

from crm.core.schema import keep_history, protect, touch

# Operands of one type and leakproof operators only; ANY over a scalar subquery keeps the index. The casts make it an array.
OWNED_OR_GRANTED = """
    (SELECT crm_sees_all())
    OR owner_id = ANY ((SELECT crm_owners())::bigint[])
    OR {pk} = ANY ((SELECT crm_granted())::bigint[])
    OR chain_id = ANY ((SELECT crm_granted())::bigint[])
"""
OF_VISIBLE_CUSTOMER = "(SELECT crm_sees_all()) OR EXISTS (SELECT 1 FROM customers_customer c WHERE c.id = customer_id)"
ITSELF_VISIBLE = "(SELECT crm_sees_all()) OR EXISTS (SELECT 1 FROM customers_customer c WHERE c.id = {table}.id)"
OF_VISIBLE_USER = "EXISTS (SELECT 1 FROM organisation_user u WHERE u.id = user_id)"
# One's own grants are read before there is a scope, to make it: then only the sign-in (app.login) says whose they are.
OWN_GRANT = "user_id = (SELECT crm_user()) OR user_id::text = current_setting('app.login', true)"
GRANTED_VISIBLE = "EXISTS (SELECT 1 FROM customers_customer c WHERE c.id = content_object_id)"


def belonging(table: str, history: str | None) -> list:
    """A table that is as visible as the customer its rows hang on, with its history."""
    operations = protect(table, OF_VISIBLE_CUSTOMER)
    if history:
        operations += keep_history(table, history, OF_VISIBLE_CUSTOMER)
    return operations


class Migration(migrations.Migration):
    """The record-level wall: owner, team, grant, role."""

    dependencies = [("customers", "0001_initial"), ("organisation", "0002_policies")]

    operations = [
        *protect("customers_customer", OWNED_OR_GRANTED.format(pk="id")),
        *keep_history(
            "customers_customer",
            "customers_historicalcustomer",
            ITSELF_VISIBLE.format(table="customers_historicalcustomer"),
        ),
        *touch("customers_customer"),
        *protect("customers_customerhot", OWNED_OR_GRANTED.format(pk="customer_id")),
        *protect("customers_customerword", OWNED_OR_GRANTED.format(pk="customer_id")),
        *protect("customers_vocabularyword", "(SELECT crm_sees_all())"),
        *belonging("customers_address", "customers_historicaladdress"),
        *touch("customers_address"),
        *belonging("customers_contact", "customers_historicalcontact"),
        *touch("customers_contact"),
        *belonging("customers_externalkey", "customers_historicalexternalkey"),
        *belonging("customers_customertag", "customers_historicalcustomertag"),
        *belonging("customers_customerfieldvalue", "customers_historicalcustomerfieldvalue"),
        *belonging("customers_customerfieldchoice", None),
        *protect("customers_tag"),
        *protect("customers_fielddefinition"),
        *keep_history("customers_fielddefinition", "customers_historicalfielddefinition"),
        *touch("customers_fielddefinition"),
        *protect(
            "customers_customeruserpermission",
            f"{OF_VISIBLE_USER} AND ({OWN_GRANT} OR {GRANTED_VISIBLE})",
            check=f"{OF_VISIBLE_USER} AND {GRANTED_VISIBLE}",
            organisation=None,
        ),
        *keep_history(
            "customers_customeruserpermission",
            "customers_historicalcustomeruserpermission",
            f"{OF_VISIBLE_USER} AND ((SELECT crm_sees_all()) OR {OWN_GRANT} OR {GRANTED_VISIBLE})",
            organisation=None,
        ),
    ]
