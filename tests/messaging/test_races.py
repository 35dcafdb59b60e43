"""Two requests of one person at the same moment."""

from __future__ import annotations

import threading
from datetime import time

from django.db import connection, transaction

from crm.core.access import activate, system_scope
from messaging.models import QuietHours
from messaging.services import change_notice_settings
from tests.conftest import make_organisation, make_user, scope_of


def test_quiet_hours_saved_twice_at_once_are_saved(committed_db):
    """The button was pressed twice: the second waits for the first, and both are answered."""
    house = make_organisation("Haus")
    user = make_user(house)
    saved = []

    def save(begins):
        with transaction.atomic(), activate(scope_of(user)) as scope:
            change_notice_settings(scope=scope, channels={}, begins=begins, ends=time(7))
            saved.append(begins)

    def save_beside():
        try:
            save(time(21))
        finally:
            connection.close()

    second = threading.Thread(target=save_beside)
    with transaction.atomic():
        save(time(20))
        second.start()
        second.join(1)
        assert second.is_alive(), "it has to wait for the first"
    second.join(30)
    assert saved == [time(20), time(21)]
    with system_scope(house.pk, job="test"):
        assert QuietHours.objects.get().begins == time(21)
