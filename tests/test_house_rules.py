"""The house rules that no linter knows: read from the source and the models, so that what is new is held to them too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.apps import apps

from crm.core.classes import data_class_of

ROOT = Path(__file__).resolve().parent.parent
APPS = ("customers", "organisation", "outbox", "messaging", "jobs")
DOORS = sorted(
    path
    for app in APPS
    for pattern in ("views.py", "views/*.py", "panels.py", "admin.py", "tasks.py", "api/*.py", "handlers.py")
    for path in (ROOT / app).glob(pattern)
)
SCOPED = {"visible_to", "none", "trashed_for", "catalogue", "assignable_by"}
WRITES = {"save", "delete", "create", "bulk_create", "update", "bulk_update", "get_or_create", "update_or_create"}

# Writes in doors that are no domain model's, by file and line's text; each with its reason. A stale entry fails.
EXCUSED_WRITES: dict[tuple[str, str], str] = {}


def unscoped_reads(tree: ast.AST) -> list[int]:
    """Lines where `X.objects.` goes on with anything but the reads that take a scope."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "objects"
        and node.attr not in SCOPED
    ]


def direct_writes(tree: ast.AST) -> list[int]:
    """Lines that call a model's writing method."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES
    ]


@pytest.mark.parametrize("path", DOORS, ids=lambda path: str(path.relative_to(ROOT)))
def test_doors_read_through_the_scope_and_write_through_services(path):
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    lines = source.splitlines()
    name = str(path.relative_to(ROOT))
    assert [f"{name}:{line}" for line in unscoped_reads(tree)] == []
    writes = [line for line in direct_writes(tree) if (name, lines[line - 1].strip()) not in EXCUSED_WRITES]
    assert [f"{name}:{line}" for line in writes] == []


def test_no_excuse_is_stale():
    for name, text in EXCUSED_WRITES:
        assert text in {line.strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()}


def test_the_rules_can_fail():
    assert unscoped_reads(ast.parse("Customer.objects.filter(pk=1)")) == [1]
    assert direct_writes(ast.parse("customer.save()")) == [1]
    assert unscoped_reads(ast.parse("Customer.objects.visible_to(scope).filter(pk=1)")) == []


def test_every_field_of_our_models_declares_its_data_class():
    bare = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label in APPS and not model.__name__.startswith("Historical")
        for field in [*model._meta.local_fields, *model._meta.local_many_to_many]
        if not (field.primary_key and field.auto_created) and not field.name.endswith("_ptr")
        if data_class_of(field) is None and not model._meta.auto_created
    ]
    assert bare == []


def test_no_signals_and_no_rules_in_save():
    found = []
    for app in (*APPS, "crm"):
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module == "django.db.models.signals":
                    found.append(f"{path.name}: signals")
                if (
                    isinstance(node, ast.FunctionDef)
                    and node.name == "save"
                    and "models" in path.parts[-2:][0] + path.name
                ):
                    found.append(f"{path.name}: save()")
    assert found == []
