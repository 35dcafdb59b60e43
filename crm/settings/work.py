"""Workers: the truth of every job lies in PostgreSQL, Redis only wakes them (`docs/architecture.md`, Events)."""

from __future__ import annotations

from crm.settings.base import DATABASES, REDIS_URL

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Installations may share a Redis: the queue carries the database's name.
CELERY_TASK_DEFAULT_QUEUE = f"crm:{DATABASES['default']['NAME']}"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
}
CELERY_VISIBILITY_TIMEOUT = 900
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_DB_REUSE_MAX = 10_000  # tasks themselves close a connection that is old or broken
# A tick nobody took in time is worth nothing: the next one sees what is due.
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "jobs.tasks.tick", "schedule": 30.0, "options": {"expires": 25.0}},
    "mails": {"task": "messaging.tasks.send", "schedule": 5.0, "options": {"expires": 4.0}},
}
