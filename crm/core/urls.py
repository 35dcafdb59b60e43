"""Addresses of the kernel: health, gallery of components, search, backups, problems of the API."""

from __future__ import annotations

from django.urls import path

from crm.core import backups, gallery, health, search_page
from crm.core.api import pages

app_name = "core"
urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("gallery/", gallery.gallery, name="gallery"),
    path("search/", search_page.search, name="search"),
    path("settings/backups/", backups.backups, name="backups"),
    path("settings/backups/now/", backups.ask, name="ask_backup"),
    path("problems/", pages.problems, name="problems"),
    path("problems/<slug:name>", pages.problem, name="problem"),
]
