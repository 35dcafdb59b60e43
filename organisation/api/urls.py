"""Addresses of settings, feature flags and saved views under /api/."""

from __future__ import annotations

from django.urls import path

from organisation.api import flags, saved_views, settings

app_name = "organisation_api"
urlpatterns = [
    path("settings/", settings.SettingsView.as_view(), name="settings"),
    path("settings/<str:key>/", settings.SettingView.as_view(), name="setting"),
    path("saved-views/", saved_views.SavedViewsView.as_view(), name="saved_views"),
    path("saved-views/<int:pk>/", saved_views.SavedViewView.as_view(), name="saved_view"),
    path("saved-views/<int:pk>/copy/", saved_views.CopyView.as_view(), name="copy_saved_view"),
    path("saved-views/<int:pk>/pin/", saved_views.PinView.as_view(), name="pin_saved_view"),
    path("flags/", flags.FlagsView.as_view(), name="flags"),
    path("flags/<str:key>/", flags.FlagView.as_view(), name="flag"),
    path("flags/<str:key>/advance/", flags.FlagAdvanceView.as_view(), name="flag_advance"),
    path("flags/<str:key>/off/", flags.FlagOffView.as_view(), name="flag_off"),
    path("flags/<str:key>/first/", flags.FlagFirstView.as_view(), name="flag_first"),
]
