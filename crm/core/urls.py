"""Addresses of the kernel: health."""

from __future__ import annotations

from django.urls import path

from crm.core import health

app_name = "core"
urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
