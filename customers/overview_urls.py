"""The address of the overview of customers: an area of its own beside the list, above it in the scheme."""

from __future__ import annotations

from django.urls import URLPattern, path

from customers.views import dashboard

app_name = "dashboard"

urlpatterns: list[URLPattern] = [path("", dashboard.dashboard, name="overview")]
