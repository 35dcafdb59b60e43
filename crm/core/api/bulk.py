"""Many rows in one request: each is done or refused by itself, and the answer says of each what became of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import transaction
from rest_framework.request import Request

from crm.core.api.problems import answer_exception

MOST_ROWS: Final = 100


def each_row(request: Request, rows: Sequence[Any], call: Callable[[Any], tuple[int, Any]]) -> list[dict[str, Any]]:
    """One result per row: `index`, `status` as the single endpoint would have answered, and `body` or `problem`.

    `call(row)` does one row and gives status and body. A refused row leaves nothing behind; the others stand.
    """
    results = []
    for index, row in enumerate(rows):
        try:
            with transaction.atomic():
                status, body = call(row)
        except Exception as error:
            answer = answer_exception(error, {"request": request})
            if answer is None:
                raise
            results.append({"index": index, "status": answer.status_code, "problem": json.loads(answer.content)})
        else:
            results.append({"index": index, "status": status, "body": body})
    return results
