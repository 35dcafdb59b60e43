"""Under which scopes notices and mails are written: those of others are out of an actor's own sight."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from django.db import connection

from crm.core.access import SETTINGS, Scope, activate, active_scope, system_scope_for

JOB = "messaging"
_READ = "SELECT " + ", ".join(f"coalesce(current_setting('{name}', true), '')" for name in SETTINGS)
_WRITE = "SELECT " + ", ".join(f"set_config('{name}', %s, true)" for name in SETTINGS)


@contextlib.contextmanager
def telling(scope: Scope) -> Iterator[Scope]:
    """A wider scope for the statements that write to somebody else; the actor stays named."""
    with activate(dataclasses.replace(scope, role="SYSTEM", owner_ids=None)) as wide:
        yield wide


@contextlib.contextmanager
def acting_before_sign_in(organisation_id: int, zone: str) -> Iterator[Scope]:
    """The messaging job's scope inside a request that may have none yet.

    What the sign-in had named to the database before (actor, source) is there again afterwards.
    """
    before = _settings() if active_scope() is None else None
    with activate(system_scope_for(organisation_id, job=JOB, zone=zone)) as scope:
        yield scope
    if before is not None:
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, before)


def _settings() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        return list(cursor.fetchone())
