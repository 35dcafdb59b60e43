"""Addresses of settings under /api/."""

from __future__ import annotations

from django.urls import path

from organisation.api import settings

app_name = "organisation_api"
urlpatterns = [
    path("settings/", settings.SettingsView.as_view(), name="settings"),
    path("settings/<str:key>/", settings.SettingView.as_view(), name="setting"),
]
