"""The admin's part of the matrix: every registered model's pages × principals; managers and administrators alone come in."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.urls import reverse

from tests.matrix.test_routes import client_of
from tests.matrix.world import PRINCIPALS, build_world

pytestmark = pytest.mark.django_db

OPEN = {"manager", "administrator", "foreign_administrator"}


def test_the_admin_opens_to_managers_and_administrators_alone_and_nothing_breaks():
    world = build_world()
    let_in: dict[str, set[str]] = {}
    for principal in PRINCIPALS:
        client = client_of(world, principal)
        for model in admin.site._registry:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            for page in ("changelist", "add"):
                response = client.get(reverse(f"{name}_{page}"))
                assert response.status_code < 500, (name, page, principal)
                if response.status_code == 200:
                    let_in.setdefault(f"{name}_{page}", set()).add(principal)
        if client.get(reverse("admin:index")).status_code == 200:
            let_in.setdefault("admin:index", set()).add(principal)
    assert let_in["admin:index"] == OPEN
    assert let_in["admin:customers_fielddefinition_add"] == OPEN
    for page, principals in let_in.items():
        assert principals <= OPEN, page
    for model in admin.site._registry:
        assert let_in.get(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), model


def test_the_admin_shows_nothing_of_another_organisation():
    world = build_world()
    page = reverse("admin:customers_fielddefinition_change", args=[world.secret.pk])
    assert client_of(world, "manager").get(page).status_code == 200
    assert client_of(world, "foreign_administrator").get(page).status_code in {302, 404}
    body = client_of(world, "foreign_administrator").get(reverse("admin:customers_fielddefinition_changelist"))
    assert "purchase_terms" not in body.content.decode()
