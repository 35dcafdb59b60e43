"""Row-level security of change sets and job runs."""

from django.db import migrations

from crm.core.schema import protect

SEES_ALL = "(SELECT crm_sees_all())"
OWN = f"{SEES_ALL} OR actor = (SELECT current_setting('app.actor', true))"
# Runs for the whole installation have no organisation: jobs alone see them.
OF_ORGANISATION = f"organisation_id = (SELECT crm_organisation()) AND {SEES_ALL}"
OF_INSTALLATION = "organisation_id IS NULL AND (SELECT current_setting('app.actor', true)) LIKE 'job:%'"


class Migration(migrations.Migration):
    """Fails closed."""

    dependencies = [("jobs", "0001_initial"), ("organisation", "0002_policies")]

    operations = [
        *protect("jobs_changeset", OWN),
        *protect("jobs_jobrun", f"({OF_ORGANISATION}) OR ({OF_INSTALLATION})", organisation=None),
    ]
