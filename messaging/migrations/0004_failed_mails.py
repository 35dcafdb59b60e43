"""Administrators read mails that failed for good: nobody else can do anything about them."""

from django.db import migrations

from crm.core.schema import protect

SYSTEM = "(SELECT current_setting('app.role', true)) = 'SYSTEM'"
MAILBOX = f"""
{SYSTEM} OR ((SELECT current_setting('app.role', true)) = 'ADMINISTRATOR'
             AND (state = 'FAILED'
                  OR EXISTS (SELECT 1 FROM organisation_organisation o WHERE o.id = organisation_id AND o.is_demo)))
"""


class Migration(migrations.Migration):
    """Writing stays the worker's."""

    dependencies = [("messaging", "0003_age")]

    operations = [*protect("messaging_message", MAILBOX, check=SYSTEM)]
