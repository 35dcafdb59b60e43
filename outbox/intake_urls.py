"""Addresses of connections and inbox, under /settings/."""

from __future__ import annotations

from django.urls import path

from outbox.views import connections, inbox

app_name = "intake"
urlpatterns = [
    path("connections/", connections.connection_list, name="connections"),
    path("connections/new/", connections.create_connection, name="create_connection"),
    path("connections/<int:pk>/", connections.connection, name="connection"),
    path("connections/<int:pk>/secrets/<slug:kind>/", connections.connection_secret, name="connection_secret"),
    path(
        "connections/<int:pk>/secrets/<int:credential_id>/end/",
        connections.connection_secret_end,
        name="connection_secret_end",
    ),
    path("connections/<int:pk>/activate/", connections.connection_activate, name="connection_activate"),
    path("connections/<int:pk>/pause/", connections.connection_pause, name="connection_pause"),
    path("connections/<int:pk>/address/", connections.connection_key, name="connection_key"),
    path("connections/<int:pk>/delete/", connections.connection_delete, name="connection_delete"),
    path("connections/<int:pk>/test/", connections.connection_test, name="connection_test"),
    path("connections/<int:pk>/check/", connections.connection_check, name="connection_check"),
    path("connections/<int:pk>/events/", connections.remote_events, name="remote_events"),
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/replay/", inbox.inbox_replay, name="inbox_replay"),
    path("inbox/dismiss/", inbox.inbox_dismiss, name="inbox_dismiss"),
    path("inbox/<int:pk>/", inbox.inbox_event, name="inbox_event"),
    path("inbox/<int:pk>/dry-run/", inbox.inbox_dry_run, name="inbox_dry_run"),
]
