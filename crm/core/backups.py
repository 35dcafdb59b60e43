"""The page of backups: what lies on this machine, when each was proven, and one more on demand."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.core.access import CrmRequest
from crm.launcher.backups import shelf

RIGHT: Final = "backups.manage"
LATE: Final = timedelta(hours=26)  # operations.md, Metrics, alerts: no proof of restore for so long


@dataclass(frozen=True, slots=True)
class Line:
    """One backup; `seconds` is how long it took to make."""

    name: str
    made: datetime
    bytes: int
    seconds: int
    proven: datetime | None


@login_required
@require_GET
def backups(request: CrmRequest) -> HttpResponse:
    """The backups on this machine, the newest first; for who looks after the installation."""
    request.scope.require(RIGHT)
    folder = _folder()
    lines = _lines(folder)
    proofs = [line.proven for line in lines if line.proven is not None]
    context = {
        "tab": "backups",
        "lines": lines,
        "folder": folder,
        "asked": shelf.asked(folder),
        "is_late": bool(lines) and (not proofs or request.scope.now - max(proofs) > LATE),
        "newest": lines[0].name if lines else "",
    }
    return render(request, "core/backups.html", context)


@login_required
@require_POST
def ask(request: CrmRequest) -> HttpResponse:
    """One more, made and proven beside what is served; asked twice it is made once."""
    request.scope.require(RIGHT)
    try:
        shelf.ask(_folder())
    except OSError as error:
        messages.error(request, _("The folder cannot be written to: %(reason)s") % {"reason": error.strerror})
    else:
        messages.success(request, _("Asked for. It begins in a moment where ./freshplan run looks after this folder."))
    return redirect("core:backups")


def _folder() -> Path:
    return shelf.folder_of(os.environ, settings.DATA_DIR)


def _lines(folder: Path) -> list[Line]:
    found = []
    for one in shelf.backups(folder):
        try:
            file = one.path.stat()
        except FileNotFoundError:  # rotation took it away just now
            continue
        took = max(0, round(file.st_mtime - one.made.timestamp()))
        found.append(Line(one.path.name, one.made, file.st_size, took, one.proven))
    return found
