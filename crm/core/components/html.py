"""What every component builds on: attributes and the icon."""

from __future__ import annotations

from functools import lru_cache

from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

NOTHING = SafeString("")


@lru_cache(maxsize=1)
def sprite() -> str:
    """Address of the icon sprite."""
    return static("vendor/icons.svg")


@lru_cache(maxsize=1024)
def icon(name: str, tone: str = "", size: str = "", spin: bool = False) -> SafeString:
    """One icon of the sprite, 16 px; `size` s 14, m 18, l 20; `tone` colours it. Decoration only: the text stands beside it.

    `{% icon "plus" %}` `{% icon "lock" tone="amber" size="s" %}`. The sprite holds what templates, Python and scripts name.
    """
    extra = [f"fp-tone-{tone}"] if tone else []
    extra += [f"fp-icon--{size}"] if size else []
    extra += ["is-spin"] if spin else []
    classes = " ".join(["fp-icon", *extra])
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}#i-{}"/></svg>', classes, sprite(), name)


def attributes(given: dict[str, object]) -> SafeString:
    """HTML attributes with a leading space: `_` becomes `-`, True a bare attribute, None, False and "" nothing."""
    kept = [
        (name.strip("_").replace("_", "-"), value) for name, value in given.items() if value not in (None, False, "")
    ]
    return format_html_join("", "{}", ((_attribute(name, value),) for name, value in kept))


def _attribute(name: str, value: object) -> SafeString:
    return format_html(" {}", name) if value is True else format_html(' {}="{}"', name, value)
