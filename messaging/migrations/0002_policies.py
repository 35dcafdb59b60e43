"""Row-level security of notices, mails and templates."""

from django.db import migrations

from crm.core.schema import protect, sql_file

SYSTEM = "(SELECT current_setting('app.role', true)) = 'SYSTEM'"
OWN = f"user_id = (SELECT crm_user()) OR {SYSTEM}"
# A demo's mails go nowhere: its administrators read them on a page.
MAILBOX = f"""
{SYSTEM} OR ((SELECT current_setting('app.role', true)) = 'ADMINISTRATOR'
             AND EXISTS (SELECT 1 FROM organisation_organisation o WHERE o.id = organisation_id AND o.is_demo))
"""
BY_JOBS = "(SELECT current_setting('app.actor', true)) LIKE 'job:%'"


class Migration(migrations.Migration):
    """Fails closed. A reset is asked for by anybody, and read by the worker alone."""

    dependencies = [("messaging", "0001_initial"), ("organisation", "0003_accounts")]

    operations = [
        *protect("messaging_notice", OWN),
        *protect("messaging_noticepreference", OWN),
        *protect("messaging_quiethours", OWN),
        *protect("messaging_templateversion"),
        *protect("messaging_message", MAILBOX, check=SYSTEM),
        *protect("messaging_resetrequest", BY_JOBS, check="true", organisation=None),
        sql_file(__file__, "policies", reverse="DROP FUNCTION messaging_busy_organisations(boolean);"),
    ]
