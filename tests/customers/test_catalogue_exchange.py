"""The field catalogue goes to another installation as a file: compared first, taken over whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from crm.core.errors import Conflict, Forbidden, Invalid
from customers.catalogue_starter import install_starter_catalogue
from customers.models import FieldDefinition
from customers.services import compare_catalogue, export_catalogue, import_catalogue, write_fields
from customers.services.catalogue_exchange import fingerprint
from organisation.choices import Role
from organisation.models import User
from tests.conftest import make_organisation, make_user
from tests.customers.test_catalogue import define
from tests.customers.test_status import acting, made

People = Callable[..., User]
SignIn = Callable[[User], Client]
IMPORT = "admin:customers_fielddefinition_import"


def taken_over(scope: Any, catalogue: Any) -> int:
    """Compared, then taken over as seen."""
    differences = compare_catalogue(scope=scope, catalogue=catalogue)
    return import_catalogue(scope=scope, catalogue=catalogue, seen=fingerprint(differences))


def test_a_catalogue_stands_equal_in_another_organisation(people: People) -> None:
    """Forty fields, with choices, rules and places in lists; a second time nothing is left to do."""
    with acting(people("MANAGER")) as scope:
        install_starter_catalogue(scope=scope)
        file = json.loads(json.dumps(export_catalogue(scope=scope)))
    assert len(file["fields"]) == 40
    other = make_user(make_organisation("Andere"), Role.MANAGER)
    with acting(other) as scope:
        assert {one.step for one in compare_catalogue(scope=scope, catalogue=file)} == {"NEW"}
        assert not FieldDefinition.objects.exists(), "a comparison leaves nothing"
        assert taken_over(scope, file) == 40
        assert export_catalogue(scope=scope) == file
        assert {one.step for one in compare_catalogue(scope=scope, catalogue=file)} == {"SAME"}
        assert taken_over(scope, file) == 0


def test_a_difference_is_told_and_a_refusal_stops_all(people: People) -> None:
    """A type with values cannot change; what else the file says is then not taken over either."""
    manager = people("MANAGER")
    customer = made(manager)
    with acting(manager) as scope:
        field = define(scope, "covers")
        file = export_catalogue(scope=scope)
        file["fields"][0] |= {"label_en": "Guests", "position": 7}
        (seen,) = compare_catalogue(scope=scope, catalogue=file)
        assert (seen.step, seen.refusal) == ("CHANGED", "")
        assert seen.changes == {"label_en": (field.label_en, "Guests"), "position": (field.position, 7)}
        write_fields(scope=scope, customer_id=customer.pk, values={"covers": 5})
        file["fields"][0]["type"] = "TEXT"
        file["fields"].append(file["fields"][0] | {"key": "fresh", "type": "DATE"})
        differences = compare_catalogue(scope=scope, catalogue=file)
        assert [bool(one.refusal) for one in differences] == [True, False]
        with pytest.raises(Conflict):
            import_catalogue(scope=scope, catalogue=file, seen=fingerprint(differences))
        assert list(FieldDefinition.objects.values_list("key", "label_en")) == [("covers", field.label_en)]
        file["fields"][0]["type"] = "INTEGER"
        assert taken_over(scope, file) == 2
        assert dict(FieldDefinition.objects.values_list("key", "label_en")) == {"covers": "Guests", "fresh": "Guests"}


def test_what_changed_since_it_was_seen_is_shown_again(people: People) -> None:
    """Two managers: the second one's file does not overwrite what he never saw."""
    with acting(people("MANAGER")) as scope:
        define(scope, "covers")
        file = export_catalogue(scope=scope)
        file["fields"][0]["label_en"] = "Guests"
        seen = fingerprint(compare_catalogue(scope=scope, catalogue=file))
        FieldDefinition.objects.update(label_en="Seats")
        with pytest.raises(Conflict):
            import_catalogue(scope=scope, catalogue=file, seen=seen)
        assert FieldDefinition.objects.get().label_en == "Seats"


ENTRY = {"entity": "CUSTOMER", "key": "covers", "label_de": "Gedecke", "label_en": "Covers", "type": "INTEGER"}
FILE = {"format": "freshplan.field-catalogue.1", "fields": [ENTRY]}


@pytest.mark.parametrize(
    "broken",
    [
        [],
        {"fields": [ENTRY]},
        FILE | {"fields": []},
        FILE | {"fields": [ENTRY] * 2},
        FILE | {"fields": ["covers"]},
        FILE | {"fields": [ENTRY | {"entity": "PLANET"}]},
        FILE | {"fields": [ENTRY | {"position": True}]},
        FILE | {"fields": [ENTRY | {"hot_slot": "hot_text_1"}]},
        FILE | {"fields": [{"entity": "CUSTOMER", "key": "covers"}]},
        FILE | {"fields": [ENTRY | {"label_en": "Co\0vers"}]},
        FILE | {"fields": [ENTRY | {"help_de": "\ud800"}]},
        FILE | {"fields": [ENTRY | {"visible_if": {"field": "seats", "equals": float("nan")}}]},
    ],
)
def test_what_is_no_catalogue_is_refused(people: People, broken: Any) -> None:
    """With where it is wrong; the sound one is taken."""
    with acting(people("MANAGER")) as scope:
        with pytest.raises(Invalid) as refused:
            compare_catalogue(scope=scope, catalogue=broken)
        assert set(refused.value.errors) == {"file"}
        assert [one.step for one in compare_catalogue(scope=scope, catalogue=FILE)] == ["NEW"]


def test_who_may_not_edit_the_catalogue_may_not_exchange_it(people: People) -> None:
    """Neither out nor in."""
    with acting(people("REP")) as scope:
        with pytest.raises(Forbidden):
            export_catalogue(scope=scope)
        with pytest.raises(Forbidden):
            compare_catalogue(scope=scope, catalogue=FILE)


def test_the_admin_compares_first(as_user: SignIn, people: People) -> None:
    """A file, its difference, and taking over exactly that; then the download is the same catalogue."""
    manager = people("MANAGER")
    client, page = as_user(manager), reverse(IMPORT)
    assert client.get(page).status_code == 200
    refused = client.post(page, {"file": SimpleUploadedFile("c.json", b"{")})
    assert "errorlist" in refused.content.decode()
    compared = client.post(page, {"file": SimpleUploadedFile("c.json", json.dumps(FILE).encode())})
    assert (compared.status_code, compared.context["lines"][0]["key"]) == (200, "covers")
    with acting(manager):
        assert not FieldDefinition.objects.exists()
    sent = {"text": compared.context["text"], "seen": compared.context["seen"]}
    for other in ("0" * 64, "ü"):
        assert client.post(page, sent | {"seen": other}).status_code == 200
    assert client.post(page, sent).status_code == 302
    with acting(manager):
        assert FieldDefinition.objects.get().key == "covers"
    file = json.loads(client.get(reverse("admin:customers_fielddefinition_export")).content)
    assert [one["key"] for one in file["fields"]] == ["covers"]
    assert as_user(people("ADMINISTRATOR")).get(page).status_code == 200
    assert as_user(people("REP")).get(page).status_code == 403
