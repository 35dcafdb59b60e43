"""Addresses of saved views, under /lists/."""

from __future__ import annotations

from django.urls import path

from organisation.views import saved_views

app_name = "lists"
urlpatterns = [
    path("views/<int:pk>/", saved_views.view, name="view"),
    path("views/<int:pk>/state/", saved_views.state, name="state"),
    path("views/<int:pk>/copy/", saved_views.copy, name="copy"),
    path("views/<int:pk>/pin/", saved_views.pin, name="pin"),
    path("views/<int:pk>/move/", saved_views.move, name="move"),
    path("views/<int:pk>/delete/", saved_views.delete, name="delete"),
    path("views/<int:pk>/roles/", saved_views.role_default, name="role_default"),
    path("<slug:list_key>/views/", saved_views.views, name="views"),
    path("<slug:list_key>/default/", saved_views.own_default, name="own_default"),
    path("<slug:list_key>/default/clear/", saved_views.clear_own_default, name="clear_own_default"),
]
