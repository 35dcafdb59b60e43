"""Where collected static files lie: under names with their content's hash, compressed, cached for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Also rewrites what our script modules import from each other."""

    support_js_module_import_aggregation = True
