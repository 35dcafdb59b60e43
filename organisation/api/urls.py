"""Addresses of settings and feature flags under /api/."""

from __future__ import annotations

from django.urls import path

from organisation.api import flags, settings

app_name = "organisation_api"
urlpatterns = [
    path("settings/", settings.SettingsView.as_view(), name="settings"),
    path("settings/<str:key>/", settings.SettingView.as_view(), name="setting"),
    path("flags/", flags.FlagsView.as_view(), name="flags"),
    path("flags/<str:key>/", flags.FlagView.as_view(), name="flag"),
    path("flags/<str:key>/advance/", flags.FlagAdvanceView.as_view(), name="flag_advance"),
    path("flags/<str:key>/off/", flags.FlagOffView.as_view(), name="flag_off"),
    path("flags/<str:key>/first/", flags.FlagFirstView.as_view(), name="flag_first"),
]
