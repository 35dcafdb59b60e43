"""The third-party files that the pages use, from `assets/node_modules` into `var/vendor`: style, font, icon sprite.

Only named files are taken; the sprite holds exactly the icons that templates, Python and scripts name.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from crm.launcher.problem import Problem

FONTS = {
    "inter-latin.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "inter-latin-ext.woff2": "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
}
STYLES = "@tabler/core/dist/css/tabler.min.css"
ICONS = "@tabler/icons/icons"
OURS = ("crm/core", "outbox", "organisation", "messaging", "jobs", "customers", "templates", "static")
NAMED = (
    re.compile(r"""\bicon(?:_of)?\(\s*["']([a-z0-9-]+)["']"""),  # icon("plus") in Python and scripts
    re.compile(r"""\{%\s*icon\s+["']([a-z0-9-]+)["']"""),  # {% icon "plus" %}
    re.compile(r"""\bicon(?:\s*:\s*str)?["']?\s*[=:]\s*["']([a-z0-9-]+)["']"""),  # icon="plus", "icon": "plus"
    re.compile(r"#i-([a-z0-9-]+)"),  # named outright, in a comment where a name is put together
)


def build(root: Path) -> None:
    """Write `var/vendor` of the checkout `root`. Raises Problem for a file or icon that is not there."""
    modules, vendor = root / "assets" / "node_modules", root / "var" / "vendor"
    if not (modules / STYLES).is_file():
        raise Problem(f"{modules} is incomplete: run `npm ci` in {root / 'assets'}.")
    vendor.mkdir(parents=True, exist_ok=True)
    for name, source in FONTS.items():
        shutil.copyfile(modules / source, vendor / name)
    (vendor / "tabler.css").write_text(_layered((modules / STYLES).read_text()))
    (vendor / "icons.svg").write_text(sprite(modules / ICONS, icon_names(root)))


def _layered(css: str) -> str:
    """The style sheet in the lowest cascade layer, so that no rule of ours has to fight its specificity."""
    bare = re.sub(r"/\*# sourceMappingURL=.*?\*/", "", css).removeprefix('@charset "UTF-8";')
    return f"@layer tabler{{{bare}}}\n"


def icon_names(root: Path) -> dict[str, Path]:
    """Every icon that is named, and where (one of the places)."""
    found: dict[str, Path] = {}
    for path in _files(root):
        text = path.read_text(encoding="utf-8")
        for pattern in NAMED:
            for name in pattern.findall(text):
                found.setdefault(name, path)
    return found


def _files(root: Path) -> Iterator[Path]:
    for folder in OURS:
        for suffix in (".html", ".py", ".js"):
            yield from sorted((root / folder).rglob(f"*{suffix}"))


def sprite(icons: Path, names: dict[str, Path]) -> str:
    """One SVG with a symbol `i-NAME` per icon; `NAME--filled` is the filled drawing."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg">'
        + "\n".join(_symbol(icons, n, names[n]) for n in sorted(names))
        + "</svg>\n"
    )


def _symbol(icons: Path, name: str, where: Path) -> str:
    filled = name.endswith("--filled")
    source = icons / ("filled" if filled else "outline") / f"{name.removesuffix('--filled')}.svg"
    if not source.is_file():
        raise Problem(f"No icon is called {name}; it is named in {where}.")
    drawing = re.sub(r"<!--.*?-->", "", source.read_text(), flags=re.DOTALL)
    match = re.search(r"<svg[^>]*>(.*)</svg>", drawing, re.DOTALL)
    if match is None:
        raise Problem(f"{source} is no drawing.")
    paint = 'fill="currentColor" stroke="none"' if filled else 'fill="none" stroke="currentColor"'
    return f'<symbol id="i-{name}" viewBox="0 0 24 24" {paint}>{" ".join(match[1].split())}</symbol>'
