"""What the relay hands to the workers for connections: messages that came in, and health calls that are due."""

from __future__ import annotations

from typing import Final

from django.db import connection, transaction

QUEUED_SECONDS: Final = 15  # after so long without a worker a connection's messages are handed over again
CHECK_SECONDS: Final = 90  # the same for a health call, whose own attempts take up to 30 seconds

# One message per connection: the worker that takes it stays for a turn, and leaves room for other work behind it.
_INBOX: Final = """
UPDATE outbox_connectioncheck w SET queued_until = now() + %(queued)s * interval '1 second'
  FROM outbox_connection c
 WHERE c.id = w.connection_id AND c.deleted_at IS NULL AND c.state IN ('ACTIVE', 'BROKEN')
   AND (w.queued_until IS NULL OR w.queued_until <= now())
   AND (EXISTS (SELECT 1 FROM outbox_inboxrequest r WHERE r.connection_id = c.id AND r.split_at IS NULL)
        OR EXISTS (SELECT 1 FROM outbox_inboxevent e
                    WHERE e.connection_id = c.id AND e.state IN ('NEW', 'RUNNING', 'WAITING', 'RETRY')
                      AND e.run_at <= now() AND (e.locked_until IS NULL OR e.locked_until <= now())
                      AND NOT EXISTS (SELECT 1 FROM outbox_inboxevent o
                                       WHERE o.connection_id = e.connection_id AND o.subject = e.subject AND o.id < e.id
                                         AND o.state IN ('NEW', 'RUNNING', 'RETRY') AND e.subject <> '')))
RETURNING c.organisation_id, c.id
"""
_CHECKS: Final = """
UPDATE outbox_connectioncheck w SET locked_until = now() + %(queued)s * interval '1 second'
  FROM outbox_connection c
 WHERE c.id = w.connection_id AND c.deleted_at IS NULL
   AND w.due_at <= now() AND (w.locked_until IS NULL OR w.locked_until <= now())
RETURNING c.organisation_id, c.id
"""


def due_tasks() -> list[tuple[str, tuple[int, int]]]:
    """(task, arguments) of everything due now, each marked as handed over."""
    found: list[tuple[str, tuple[int, int]]] = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_INBOX, {"queued": QUEUED_SECONDS})
        found += [("outbox.tasks.take_in", row) for row in cursor.fetchall()]
        cursor.execute(_CHECKS, {"queued": CHECK_SECONDS})
        found += [("outbox.tasks.check_connection", row) for row in cursor.fetchall()]
    return found
