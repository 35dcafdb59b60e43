"""Settings for the migration linter alone: the product's, and the linter's own commands."""

from crm.settings import *  # noqa: F403
from crm.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter"]
MIGRATION_LINTER_OPTIONS = {
    "sql_analyser": "postgresql",
    # Unique indexes over the runs of jobs: some hundred rows, built in milliseconds.
    # From varchar to text: PostgreSQL changes the catalogue alone, and the version before writes what it wrote.
    "ignore_name": ["0003_runs_and_tasks", "0009_long_reasons", "0010_long_reasons", "0012_long_reasons"],
    "include_apps": ["outbox", "organisation", "messaging", "jobs", "customers"],
}
