"""Row-level security of the sign-in library's tables, and what the sign-in may ask before anybody is known."""

from django.db import migrations

from crm.core.schema import protect, sql_file

OWN_MAIL = "EXISTS (SELECT 1 FROM organisation_user u WHERE u.id = user_id)"
OWN_CONFIRMATION = "EXISTS (SELECT 1 FROM account_emailaddress a WHERE a.id = email_address_id)"
# One's own factors, during sign-in or signed in; administrators take a lost one away from people of their organisation.
OWN_FACTOR = """
EXISTS (SELECT 1 FROM organisation_user u WHERE u.id = user_id)
AND (user_id = (SELECT crm_user()) OR user_id::text = current_setting('app.login', true)
     OR current_setting('app.role', true) IN ('ADMINISTRATOR', 'SYSTEM'))
"""


class Migration(migrations.Migration):
    """Fails closed, like every table of people."""

    dependencies = [
        ("organisation", "0002_policies"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [
        *protect("account_emailaddress", OWN_MAIL, organisation=None),
        *protect("account_emailconfirmation", OWN_CONFIRMATION, organisation=None),
        *protect("mfa_authenticator", OWN_FACTOR, organisation=None),
        sql_file(
            __file__,
            "accounts",
            reverse="""
DROP FUNCTION organisation_demo_users(); DROP FUNCTION organisation_redeem_link(bytea, text);
DROP FUNCTION organisation_link_user(bytea, text);
""",
        ),
    ]
