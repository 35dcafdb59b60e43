"""Every migration in a session of its own, as releases bring them one after the other; run as a process on an empty database."""

from __future__ import annotations

import django

django.setup()

from django.db import connection  # noqa: E402 - after the set-up
from django.db.migrations.executor import MigrationExecutor  # noqa: E402

while True:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        break
    (migration, _backwards) = plan[0]
    executor.migrate([(migration.app_label, migration.name)])
    print(migration, flush=True)
    connection.close()
