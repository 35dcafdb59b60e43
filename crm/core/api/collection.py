"""A collection of requests for API clients (Postman's format 2.1, which the others read), made from the OpenAPI document.

Run from top to bottom it works on a fresh organisation: what a request creates gives the later ones their ids, and what
is deleted is deleted last. What needs data that no request makes (`x-needs-data` in the document) is left out. Its
variables `base_url` and `token` are set by whoever runs it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from crm.core.api.reference import JSON, METHODS
from crm.core.api.schema import document

FORMAT: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")


def collection() -> dict[str, Any]:
    """The collection as a JSON value."""
    made = document()
    found = sorted(_operations(made), key=_order)
    return {
        "info": {"name": made["info"]["title"], "description": made["info"]["description"], "schema": FORMAT},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": "base_url", "value": "http://127.0.0.1:8000"}, {"key": "token", "value": ""}],
        "item": [_item(*one) for one in found],
    }


def as_text() -> str:
    """The collection as it lies in docs/api/."""
    return json.dumps(collection(), indent=1, ensure_ascii=False) + "\n"


def _operations(made: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in made["paths"].items():
        for method in METHODS:
            if method in methods and "x-needs-data" not in methods[method]:
                yield method, path, methods[method]


def _order(one: tuple[str, str, dict[str, Any]]) -> tuple[Any, ...]:
    """Parents before children, making before reading, deleting at the end, children before parents."""
    method, path, operation = one
    depth = path.count("/")
    if method == "delete":
        return (1, -depth, path, 0)
    area = operation["tags"][0]
    return (
        0,
        area,
        0 if method == "post" and "201" in operation["responses"] else 1,
        depth,
        path,
        METHODS.index(method),
    )


def _item(method: str, path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    headers = [{"key": "Accept", "value": JSON}]
    request: dict[str, Any] = {"method": method.upper(), "header": headers, "url": "{{base_url}}" + _with_names(path)}
    if method == "post":
        headers.append({"key": "Idempotency-Key", "value": "{{$guid}}"})
    content = operation.get("requestBody", {}).get("content", {}).get(JSON)
    if content is not None:
        headers.append({"key": "Content-Type", "value": JSON})
        request["body"] = {"mode": "raw", "raw": json.dumps(_example(content), ensure_ascii=False, indent=1)}
    item: dict[str, Any] = {
        "name": operation["operationId"],
        "request": {**request, "description": operation.get("description", "")},
    }
    if method == "post" and "201" in operation["responses"]:
        keep = f'pm.collectionVariables.set("{_variable(path)}", pm.response.json().id);'
        item["event"] = [{"listen": "test", "script": {"type": "text/javascript", "exec": [keep]}}]
    return item


def _example(content: Mapping[str, Any]) -> Any:
    examples = content.get("examples", {})
    return next(iter(examples.values()))["value"] if examples else {}


def _with_names(path: str) -> str:
    """The address with a variable for each parameter, named after the list that it picks from."""
    return _PARAMETER.sub(lambda found: "{{" + _variable(path[: found.start()]) + "}}", path)


def _variable(list_path: str) -> str:
    name = list_path.rstrip("/").rpartition("/")[2]
    return name.replace("-", "_") + "_id"
