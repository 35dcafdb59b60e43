"""Components: what they say to eyes and to ears, and that no value ever becomes markup."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.template import engines
from django.test import RequestFactory
from django.utils import translation

from crm.core import error_pages, gallery, navigation
from crm.core.access import Scope
from crm.core.components import signs
from crm.core.errors import Forbidden
from crm.launcher import assets
from crm.launcher.problem import Problem
from customers.choices import BusinessType, CustomerStatus

EVIL = "<script>alert(1)</script>"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _english() -> Any:
    with translation.override("en"):
        yield


def show(source: str, **context: object) -> str:
    return engines["django"].from_string(source).render(context)


class Form(forms.Form):
    name = forms.CharField(label="Name", help_text="As on the door.")
    note = forms.CharField(label="Note", required=False)
    agree = forms.BooleanField(label="Agree", required=False)
    kind = forms.ChoiceField(label="Kind", choices=[("A", "One"), ("B", "Two")], widget=forms.RadioSelect)
    months = forms.MultipleChoiceField(label="Months", choices=[(n, n) for n in range(1, 13)], required=False)


def test_each_status_and_kind_of_the_customers_has_a_look_of_its_own() -> None:
    assert set(signs.STATUS) == set(CustomerStatus.values)
    assert set(signs.KINDS) == set(BusinessType.values)
    assert len({look.icon for look in signs.STATUS.values()}) == len(signs.STATUS)
    for value, label in CustomerStatus.choices:
        assert str(label) in show("{% status value look='pill' %}", value=value)


def test_a_cached_sign_follows_the_language() -> None:
    assert "active" in show("{% season months now=4 %}", months=[4])
    assert show("{% season months look='mini' %}", months=[4]) != show("{% season months look='mini' %}", months=[5])
    with translation.override("de"):
        assert "Dezember" in show("{% season months now=4 %}", months=[4])
    assert "December" in show("{% season months now=4 %}", months=[4])


@pytest.mark.parametrize("months", [None, [], list(range(1, 13))])
def test_no_months_or_all_of_them_are_all_year(months: list[int] | None) -> None:
    assert "all year" in show("{% season months look='mini' %}", months=months)


@pytest.mark.parametrize(
    ("day", "state"), [(date(2026, 11, 19), "overdue"), (date(2026, 11, 20), "today"), (date(2026, 11, 21), "later")]
)
def test_due_follows_the_day(day: date, state: str) -> None:
    html = show("{% due 'Call' day=day today=today %}", day=day, today=date(2026, 11, 20))
    assert f"fp-due--{state}" in html
    assert "no step" in show("{% due '' %}")


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Miriam Schröder", "MS"), ("Özlem", "Ö"), ("Jan van der Berg", "JB"), ("(Gast) X", "GX"), ("", "")],
)
def test_initials(name: str, letters: str) -> None:
    assert signs.initials(name) == letters


@pytest.mark.parametrize(
    "source",
    [
        "{% tag evil title=evil %}",
        "{% person evil %}",
        "{% due evil state='today' %}",
        "{% count evil %}",
        "{% button evil locked=evil title=evil %}",
        "{% button evil url=evil key=evil %}",
        "{% button evil icon='plus' only_icon=True %}",
        "{% menu_item evil url=evil %}",
        "{% copy_line evil evil %}",
        "{% alert tone='red' %}{{ evil }}{% endalert %}",
        "{% empty_state title=evil %}{{ evil }}{% endempty_state %}",
        "{% dialog id='x' title=evil %}{{ evil }}{% enddialog %}",
        "{% panel title=evil id='x' count=evil note=evil %}{{ evil }}{% endpanel %}",
        "{% facts %}{% fact evil %}{{ evil }}{% endfact %}{% endfacts %}",
        "{% field evil 'x' evil url=evil hint=evil %}",
        "{% field evil 'x' evil lock=evil %}",
        "{% field evil 'x' evil url='/x' clash=clash %}",
        "{% field evil 'name' url='/x' control=form.name was=evil hint=evil %}",
        "{% form_field form.name help=evil %}",
        "{% error_summary form %}",
        "{% choice form.kind notes=notes %}",
        "{% months form.months patterns=patterns %}",
        "{% duplicate_hint matches %}",
        "{% view_tabs tabs %}",
        "{% filter_chip evil evil evil remove_url=evil menu=evil %}",
        "{% filter_bar action=evil query=evil hidden=pairs %}{{ evil }}{% endfilter_bar %}",
        "{% column_picker columns action=evil hidden=pairs %}",
        "{% sort_head evil evil url=evil sorted='asc' %}",
        "{% pager first=evil last=evil total=evil next=evil as_of=evil %}",
        "{% steps labels current=2 %}",
        "{% tally tally %}",
        "{% audit changes label=evil %}",
    ],
)
def test_no_value_becomes_markup(source: str) -> None:
    form = Form({"name": "", "note": EVIL, "kind": EVIL, "months": [EVIL]})
    html = show(
        source,
        evil=EVIL,
        form=form,
        clash={"value": EVIL, "was": EVIL, "mine": EVIL, "shown": EVIL, "who": EVIL},
        notes={"A": EVIL},
        patterns=[{"label": EVIL, "months": [1]}],
        matches=[{"name": EVIL, "url": EVIL, "score": 96, "reasons": [EVIL], "note": EVIL}, {"protected": EVIL}],
        tabs=[{"label": EVIL, "url": EVIL, "count": EVIL}],
        pairs=[(EVIL, EVIL)],
        columns=[{"key": EVIL, "label": EVIL, "shown": True}],
        labels=[EVIL, EVIL],
        tally=[{"label": EVIL, "value": EVIL}],
        changes=[{"when": EVIL, "who": EVIL, "field": EVIL, "old": EVIL, "new": EVIL, "cause": EVIL}],
    )
    assert html
    assert "<script" not in html
    assert " style=" not in html


def test_a_locked_button_stays_visible_with_its_reason_and_goes_nowhere() -> None:
    html = show("{% button 'Export' url='/x' locked='Needs the right to export.' %}")
    assert html.startswith("<button")
    assert 'aria-disabled="true"' in html
    assert "Needs the right to export." in html
    assert "/x" not in html


def test_an_icon_button_has_a_name() -> None:
    assert 'aria-label="More"' in show("{% button 'More' icon='dots' only_icon=True %}")


def test_form_field_ties_help_and_error_to_the_control() -> None:
    form = Form({"note": "x", "kind": "A"})
    html = show("{% form_field form.name span=8 %}", form=form)
    described = re.search(r'aria-describedby="([^"]+)"', html)
    assert described
    assert described[1].split() == ["id_name-e", "id_name-h"]
    assert all(f'id="{name}"' in html for name in described[1].split())
    assert 'aria-invalid="true"' in html
    assert "optional" not in html
    assert "optional" in show("{% form_field form.note %}", form=form)


def test_error_summary_links_to_the_fields_and_is_absent_without_errors() -> None:
    assert show("{% error_summary form %}", form=Form()) == ""
    html = show("{% error_summary form %}", form=Form({}))
    assert 'href="#id_name"' in html
    assert "Check 2 entries" in html


def test_choice_is_for_radio_fields_alone() -> None:
    assert show("{% choice form.kind %}", form=Form({"kind": "B"})).count(" checked") == 1
    with pytest.raises(TypeError):
        show("{% choice form.note %}", form=Form())


def test_months_marks_what_is_chosen_and_the_template_that_matches() -> None:
    patterns = [{"label": "Ski", "months": [12, 1, 2, 3]}, {"label": "Summer", "months": [6, 7]}]
    html = show(
        "{% months form.months patterns=patterns %}", form=Form({"months": ["12", "1", "2", "3"]}), patterns=patterns
    )
    assert html.count(" checked") == 4
    assert html.count('aria-pressed="true"') == 1


def test_field_states() -> None:
    read = show("{% field 'Phone' 'phone' '030' url='/f/' %}")
    assert 'hx-get="/f/"' in read
    assert 'id="field-phone"' in read
    assert "hx-get" not in show("{% field 'Phone' 'phone' '030' %}")
    locked = show("{% field 'Phone' 'phone' '030' url='/f/' lock='From the ERP' %}")
    assert "hx-get" not in locked
    assert "From the ERP" in locked
    edit = show("{% field 'Name' 'name' url='/f/' control=form.name was=3 %}", form=Form(initial={"name": "Ö"}))
    assert 'hx-post="/f/"' in edit
    assert '<input type="hidden" name="was" value="3">' in edit
    assert "This field is required" in show("{% field 'Name' 'name' url='/f/' control=form.name %}", form=Form({}))
    assert "saved" in show("{% field 'Phone' 'phone' '030' url='/f/' state='saved' %}")
    before = Form(initial={"name": "Ö"})
    saved = show("{% field 'Name' 'name' 'A' url='/f/' state='saved' undo=form.name was=4 %}", form=before)
    assert '<input type="hidden" name="name" value="Ö">' in saved
    assert '<input type="hidden" name="was" value="4">' in saved
    clash = {"value": "9", "was": 4, "mine": "6", "shown": "6", "who": "Jana"}
    conflict = show("{% field 'Cold' 'cold' '9' url='/f/' clash=clash %}", clash=clash)
    assert 'name="cold" value="6"' in conflict
    assert 'name="was" value="4"' in conflict


def test_the_pager_has_no_link_where_there_is_no_page() -> None:
    html = show("{% pager first=1 last=50 total='10.000+' next='?after=50' %}")
    assert html.count("<a ") == 1
    assert 'rel="next"' in html
    assert 'aria-disabled="true"' in html


def test_navigation_shows_only_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "_areas", {})
    monkeypatch.setattr(navigation, "_news", {})
    entry = {"url_name": "home", "icon": "x"}
    navigation.register(navigation.NavEntry(key="b", label="B", position=2, **entry))  # type: ignore[arg-type]
    navigation.register(navigation.NavEntry(key="a", label="A", position=1, **entry))  # type: ignore[arg-type]
    navigation.register(
        navigation.NavEntry(key="m", label="M", position=0, group="manage", allowed=lambda s: s.allows("x"), **entry)  # type: ignore[arg-type]
    )
    rep = Scope(organisation_id=1, actor="user:1", role="REP")
    assert [area.key for area in navigation.areas(rep)] == ["a", "b"]
    chief = Scope(organisation_id=1, actor="user:1", role="ADMINISTRATOR", rights=frozenset({"x"}))
    assert [area.key for area in navigation.areas(chief)] == ["a", "b", "m"]
    assert [area.key for area in navigation.areas(chief, "manage")] == ["m"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "is_demo", "open_to"), [("REP", True, True), ("ADMINISTRATOR", False, True), ("REP", False, False)]
)
def test_the_gallery_is_for_administrators_and_demo_users(role: str, is_demo: bool, open_to: bool) -> None:
    request = RequestFactory().get("/gallery/")
    request.scope = Scope(organisation_id=1, actor="user:1", role=role)  # type: ignore[attr-defined]
    organisation = SimpleNamespace(name="Test", is_demo=is_demo)
    request.user = SimpleNamespace(  # type: ignore[assignment]
        name="Ada", organisation=organisation, team_id=None, get_role_display=role, is_authenticated=True
    )
    if open_to:
        response = gallery.gallery(request)
        assert response.status_code == 200
        assert b" style=" not in response.content
        assert b"onclick" not in response.content
    else:
        with pytest.raises(Forbidden):
            gallery.gallery(request)


def test_the_gallery_turns_people_without_a_session_away() -> None:
    request = RequestFactory().get("/gallery/")
    request.scope = None  # type: ignore[attr-defined]
    response = gallery.gallery(request)
    assert response.status_code == 302


@pytest.mark.parametrize("status", [400, 403, 404, 429])
def test_error_pages_say_what_happened_and_the_request(status: int) -> None:
    request = RequestFactory().get("/x")
    request.request_id = "abcdef0123456789"  # type: ignore[attr-defined]
    views = {
        400: error_pages.bad_request,
        403: lambda r: error_pages.forbidden(r, Forbidden("Only the sales manager may.")),
        404: error_pages.not_found,
        429: error_pages.too_many,
    }
    response = views[status](request)
    text = response.content.decode()
    assert response.status_code == status
    assert "abcdef0123456789" in text
    assert "nothing is lost" in text
    assert ("Only the sales manager may." in text) == (status == 403)


@pytest.mark.parametrize(("view", "status"), [(error_pages.server_error, 500), (error_pages.unavailable, 503)])
def test_the_server_error_needs_neither_session_nor_database(view: Any, status: int) -> None:
    request = RequestFactory().get("/x")
    request.request_id = "abcdef0123456789"  # type: ignore[attr-defined]
    response = view(request)
    assert response.status_code == status
    assert "abcdef0123456789" in response.content.decode()


def test_a_part_that_is_refused_becomes_a_toast() -> None:
    request = RequestFactory().get("/x")
    request.htmx = True  # type: ignore[attr-defined]
    response = error_pages.forbidden(request, Forbidden("Only the sales manager may."))
    assert response.status_code == 403
    assert response.content == b""
    assert "Only the sales manager may." in response["HX-Trigger"]


def test_every_named_icon_is_drawn_and_an_unknown_one_is_an_error(tmp_path: Path) -> None:
    icons = ROOT / "assets" / "node_modules" / assets.ICONS
    names = assets.icon_names(ROOT)
    sprite = assets.sprite(icons, names)
    assert {"plus", "circle-check--filled", "tools-kitchen-2"} <= set(names)
    assert all(f'id="i-{name}"' in sprite for name in names)
    with pytest.raises(Problem, match="No icon is called nonsense"):
        assets.sprite(icons, {"nonsense": tmp_path})


def test_the_style_sheet_of_others_lies_below_ours() -> None:
    css = assets._layered('@charset "UTF-8";a{b:c}\n/*# sourceMappingURL=x.map */')
    assert css.strip() == "@layer tabler{a{b:c}\n}"
