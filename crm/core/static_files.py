"""Where collected static files lie: under names with their content's hash, compressed, cached for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage

# What our script modules import from each other. Django's own rule for modules would read the libraries' files as well,
# and some of theirs name files that they do not ship.
IMPORTS = (r"""(?P<matched>from\s*["'](?P<url>\./[^"']+)["'])""", 'from "%(url)s"')


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Rewrites addresses in style sheets and in the imports of our own modules."""

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", (IMPORTS,)))
