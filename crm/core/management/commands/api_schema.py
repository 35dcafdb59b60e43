"""`manage.py api_schema`: writes docs/api/ from the code; `--check` changes nothing and fails where they differ."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from drf_spectacular.drainage import GENERATOR_STATS

from crm.core.api import collection, schema

MADE: Final = {"openapi.json": schema.as_text, "freshplan.postman_collection.json": collection.as_text}


class Command(BaseCommand):
    """The OpenAPI document and the client collection."""

    help = "Write docs/api/ from the code, or with --check tell whether it is out of date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--check`."""
        parser.add_argument("--check", action="store_true", help="change nothing, fail where a file differs")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        """Raises CommandError for a file that differs, and for what the generator could not describe."""
        folder = settings.BASE_DIR / "docs" / "api"
        texts = {name: make() for name, make in MADE.items()}
        if GENERATOR_STATS:
            GENERATOR_STATS.emit_summary()
            raise CommandError("Some endpoints are not described; see above.")
        differing = [name for name, text in texts.items() if _kept(folder / name) != text]
        if check and differing:
            raise CommandError(f"docs/api/ is out of date: {', '.join(differing)}. Run ./manage.py api_schema.")
        for name in differing:
            (folder / name).write_text(texts[name], encoding="utf-8")
            self.stdout.write(f"docs/api/{name}")


def _kept(path: Any) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
