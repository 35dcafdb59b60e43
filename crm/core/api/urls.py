"""Addresses of the API itself, under /api/. Each app adds its own."""

from __future__ import annotations

from django.urls import path

from crm.core.api import pages

app_name = "api"
urlpatterns = [
    path("schema/", pages.schema, name="schema"),
    path("docs/", pages.docs, name="docs"),
]
