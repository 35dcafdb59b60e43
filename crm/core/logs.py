"""Structured logs: one line an entry, with the request id, organisation and user's id, never a personal value."""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar
from typing import Any

import structlog

request_id: ContextVar[str] = ContextVar("request_id", default="")


def _add_request_id(_logger: Any, _name: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if request_id.get():
        entry.setdefault("request_id", request_id.get())
    return entry


def _add_scope(_logger: Any, _name: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """For whom it happened. Settings import this module before anything may import the scope's; until then there is none."""
    access = sys.modules.get("crm.core.access")
    scope = access.active_scope() if access is not None else None
    if scope is not None:
        entry.setdefault("organisation", scope.organisation_id)
        if scope.user_id is not None:
            entry.setdefault("user", scope.user_id)
        if scope.request_id:
            entry.setdefault("request_id", scope.request_id)
    return entry


def _drop_request(_logger: Any, _name: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Django hands the whole request to its log entries; what it holds is nobody's business there."""
    entry.pop("request", None)
    return entry


_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    _add_request_id,
    _add_scope,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
_RENDERER: structlog.typing.Processor = (
    structlog.processors.JSONRenderer()
    if os.environ.get("CRM_LOG_FORMAT", "json") == "json"
    else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, pad_level=False)
)

structlog.configure(
    processors=[
        *_SHARED,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": [*_SHARED, structlog.stdlib.ExtraAdder()],
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _drop_request,
                structlog.processors.format_exc_info,
                _RENDERER,
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "axes": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},  # it tells whole addresses, whose paths may be secret
    },
}
