"""How what came in is shown: whole to who may see it, to others without what could be a person's."""

from __future__ import annotations

import json
from typing import Any, Final

from outbox.providers import Provider

MASK: Final = "•••"
LONGEST_SHOWN: Final = 100_000  # characters of a body on a page


def body_text(body: bytes, provider: Provider | None, *, whole: bool) -> str:
    """The body as text, indented where it is JSON. Not `whole`: every text is masked but for the provider's open fields.

    What cannot be laid out (no JSON, or deeper than we follow) is shown as it came, or not at all.
    """
    try:
        found = json.loads(body)
        if not whole:
            found = _masked(found, provider.open_fields if provider is not None else frozenset())
        text = json.dumps(found, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")[:LONGEST_SHOWN] if whole else ""
    return text[:LONGEST_SHOWN].encode("utf-8", "backslashreplace").decode()  # half a surrogate pair is no text


def _masked(value: Any, open_fields: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: inner if key in open_fields and isinstance(inner, str) else _masked(inner, frozenset())
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_masked(inner, frozenset()) for inner in value]
    return MASK if isinstance(value, str) else value
