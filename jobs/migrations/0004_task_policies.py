"""Row-level security of long tasks; runs of the whole installation are read by who sees all."""

from django.db import migrations

from crm.core.schema import protect

SEES_ALL = "(SELECT crm_sees_all())"
OWN = f"{SEES_ALL} OR actor = (SELECT current_setting('app.actor', true))"
OF_ORGANISATION = f"organisation_id = (SELECT crm_organisation()) AND {SEES_ALL}"
IS_JOB = "(SELECT current_setting('app.actor', true)) LIKE 'job:%'"


class Migration(migrations.Migration):
    """Fails closed."""

    dependencies = [("jobs", "0003_runs_and_tasks")]

    operations = [
        *protect("jobs_longtask", OWN),
        *protect(
            "jobs_jobrun",
            f"({OF_ORGANISATION}) OR (organisation_id IS NULL AND ({SEES_ALL} OR {IS_JOB}))",
            f"({OF_ORGANISATION}) OR (organisation_id IS NULL AND {IS_JOB})",
            organisation=None,
        ),
    ]
