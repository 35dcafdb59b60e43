"""The worker's and the beat's entry point: `celery -A crm worker`, `celery -A crm beat`."""

import os
from typing import Any

from celery import Celery
from celery.signals import task_prerun

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
app = Celery("crm")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def drop_broken_connections(**_sent: Any) -> None:
    """A worker keeps its database connection over tasks; one that broke or grew old is left before the next task."""
    from django.db import close_old_connections  # noqa: PLC0415 - needs the settings

    close_old_connections()
