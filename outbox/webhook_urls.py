"""Addresses of subscribers, under /settings/webhooks/."""

from __future__ import annotations

from django.urls import path

from outbox.views import webhooks

app_name = "webhooks"
urlpatterns = [
    path("", webhooks.webhooks, name="list"),
    path("new/", webhooks.create_webhook, name="create"),
    path("<int:pk>/", webhooks.webhook, name="webhook"),
    path("<int:pk>/change/", webhooks.change_webhook, name="change"),
    path("<int:pk>/test/", webhooks.webhook_test, name="test"),
    path("<int:pk>/pause/", webhooks.webhook_pause, name="pause"),
    path("<int:pk>/resume/", webhooks.webhook_resume, name="resume"),
    path("<int:pk>/rotate/", webhooks.webhook_rotate, name="rotate"),
    path("<int:pk>/end-secret/", webhooks.webhook_end_secret, name="end_secret"),
    path("<int:pk>/replay/", webhooks.webhook_replay, name="replay"),
    path("<int:pk>/replay/<int:replay_id>/stop/", webhooks.webhook_stop_replay, name="stop_replay"),
    path("<int:pk>/delete/", webhooks.webhook_delete, name="delete"),
    path("<int:pk>/messages/<int:message_id>/", webhooks.webhook_message, name="message"),
]
