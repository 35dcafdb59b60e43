"""The REST API: the framework's settings all point to crm.core.api."""

from __future__ import annotations

from typing import Any

from crm.settings.base import env

# Requests a minute that are open to each token, and to each signed-in user.
API_RATE: int = env.int("API_RATE", default=3_000)

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["crm.core.api.callers.CallerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [],  # ApiView asks the token's scopes; rows and rights are the scope's
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["crm.core.api.parsing.StrictJsonParser"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "crm.core.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "crm.core.api.problems.answer_exception",
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "FreshPlan CRM",
    "DESCRIPTION": (
        "What a person can do on the pages, a program can do here: with the same rights, rules and history. "
        "Errors are RFC 9457 problems; `/problems/` explains each."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [],  # choices stand where they are used: names for them would collide between apps
}
