"""The overview of keys names every key that works."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SHOWN_AS = {
    "Escape": "Esc",
    "X": "⇧ X",
    "ArrowDown": "↓",
    "ArrowUp": "↑",
    "ArrowLeft": "←",
    "ArrowRight": "→",
    " ": "space_key",
}


def test_the_overview_names_every_key() -> None:
    script = (ROOT / "static/js/app.js").read_text(encoding="utf-8")
    body = script.partition("const KEYS = {")[2].partition("};")[0]
    keys = re.findall(r'^  "?([^\s":]+)"?: ?', body, re.MULTILINE) + re.findall(r"^  (\w+),$", body, re.MULTILINE)
    keys += re.findall(r'event\.key === "([^"]+)"', script)
    assert len(keys) > 18
    page = (ROOT / "templates/components/keys.html").read_text(encoding="utf-8")
    shown = {cap for caps in re.findall(r'{% kbd "?([^"%]+?)"? %}', page) for cap in (*caps.split(), caps)}
    missing = [key for key in keys if SHOWN_AS.get(key, key.upper()) not in shown]
    assert missing == []
