"""Every text reaches the German file, and a gap in it is named."""

from __future__ import annotations

import gettext
from pathlib import Path

import pytest

from crm.launcher import translations

TEMPLATE = """{% load i18n %}<p class="it's (">{% translate "Hello" %}</p>
  {% panel title=_("Status") %}
    {% blocktranslate count n=rows|length trimmed %}
      {{ n }} row
    {% plural %}
      {{ n }} rows
    {% endblocktranslate %}
  {% endpanel %} {{ x|default:_("none") }} {% translate "May" context "month" %}
"""
SOURCE = 'TITLE = _("Customers")\nwith_name = gettext("%(name)s is late") % {"name": 1}\n'
TRANSLATED = {
    "Hello": "Hallo",
    "Status": "Status",
    "none": "nichts",
    "May": "Mai",
    "Customers": "Kunden",
    "%(name)s is late": "%(name)s ist zu spät",
}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A product of one template and one module, without any translation."""
    for name, text in {"templates/page.html": TEMPLATE, "crm/views.py": SOURCE}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    monkeypatch.setattr(translations, "ROOT", tmp_path)
    return tmp_path


def _translate(house: Path, **changes: str) -> None:
    """Fill the German file in, with changes to single texts."""
    from babel.messages.pofile import write_po

    translations.update()
    path = translations.catalogue()
    catalog = translations._read(path)
    for message in catalog:
        if isinstance(message.id, tuple):
            message.string = ("%(n)s Zeile", "%(n)s Zeilen")
        elif message.id:
            message.string = (TRANSLATED | changes)[message.id]
    with path.open("wb") as file:
        write_po(file, catalog)


def test_every_way_to_mark_a_text_is_found(house: Path) -> None:
    found = {(message.id, message.context) for message in translations.extract() if message.id}

    assert found == {
        ("Hello", None),
        ("Status", None),
        (("%(n)s row", "%(n)s rows"), None),
        ("none", None),
        ("May", "month"),
        ("Customers", None),
        ("%(name)s is late", None),
    }


def test_gaps_are_named(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert translations.check() == 1
    assert "crm/views.py: not in the German file: 'Customers'" in capsys.readouterr().out

    translations.update()
    assert translations.check() == 1
    assert "templates/page.html: not translated: 'Hello'" in capsys.readouterr().out


def test_complete_file_passes_and_compiles(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _translate(house)
    assert translations.check() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "7 texts, 0 not in order in German"

    translations.compile_all()
    with translations.catalogue().with_suffix(".mo").open("rb") as file:
        german = gettext.GNUTranslations(file)
    assert german.gettext("Customers") == "Kunden"
    assert german.pgettext("month", "May") == "Mai"
    assert german.ngettext("%(n)s row", "%(n)s rows", 2) == "%(n)s Zeilen"


def test_placeholder_that_differs_is_named(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _translate(house, **{"%(name)s is late": "%(nane)s ist zu spät"})

    assert translations.check() == 1
    assert "other placeholders in German: '%(name)s is late'" in capsys.readouterr().out


def test_text_that_went_is_named_and_removed(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _translate(house)
    (house / "crm" / "views.py").write_text('TITLE = _("Customers")\n')

    assert translations.check() == 1
    assert "no longer used: '%(name)s is late'" in capsys.readouterr().out
    translations.update()
    assert translations.check() == 0
