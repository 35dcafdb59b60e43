"""Addresses under /messages/."""

from __future__ import annotations

from django.urls import path

from messaging.views import failed, mailbox, notices, settings, wordings

app_name = "messaging"
urlpatterns = [
    path("notices/", notices.notices, name="notices"),
    path("notices/newest/", notices.popover, name="popover"),
    path("notices/read/", notices.read_all, name="read_all"),
    path("notices/<int:pk>/open/", notices.open_notice, name="open"),
    path("settings/", settings.notice_settings, name="settings"),
    path("templates/", wordings.wordings, name="wordings"),
    path("templates/<str:key>/<str:language>/", wordings.wording, name="wording"),
    path("templates/<str:key>/<str:language>/preview/", wordings.preview, name="preview"),
    path("templates/<str:key>/<str:language>/restore/", wordings.restore, name="restore"),
    path("templates/<str:key>/<str:language>/test/", wordings.test_mail, name="test_mail"),
    path("failed/", failed.failed_mails, name="failed"),
    path("failed/<int:pk>/send/", failed.send_again, name="send_again"),
    path("mailbox/", mailbox.mailbox, name="mailbox"),
    path("mailbox/<int:pk>/", mailbox.mail, name="mail"),
]
