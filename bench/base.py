"""What cases share: roles that ask, the measured request, figures and their bounds."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

LIST = "/customer-management/customers/"
ROLES = ("rep", "team lead", "chain manager", "manager")


@dataclass(frozen=True, slots=True)
class Asker:
    """One signed-in person: his role, the key of his session, and in SQL whose rows he sees."""

    role: str
    user_id: int
    session: str
    rows: str  # condition on the hot table `h`


@dataclass(slots=True)
class Figure:
    """Times of one case and role in milliseconds, or another measured number, beside its bound."""

    case: str
    role: str
    what: str
    bound: str
    is_over: bool
    times: Sequence[float] = ()
    value: str = ""
    slowest: list[tuple[float, str]] = field(default_factory=list)

    @property
    def p50(self) -> float:
        """Median."""
        return percentile(self.times, 50)

    @property
    def p95(self) -> float:
        """95 of 100 are not slower."""
        return percentile(self.times, 95)

    @property
    def p99(self) -> float:
        """99 of 100 are not slower."""
        return percentile(self.times, 99)


def percentile(times: Sequence[float], percent: int) -> float:
    """The nearest-rank percentile; 0 for no times at all."""
    ordered = sorted(times)
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)] if ordered else 0.0


class Client:
    """One browser: a kept connection, the session's cookie, times in milliseconds from sending to the last byte."""

    def __init__(self, host: str, port: int, asker: Asker) -> None:
        self.asker = asker
        self.connection = http.client.HTTPConnection(host, port, timeout=60)
        self.headers = {"Cookie": f"session={asker.session}; csrf={'c' * 32}", "Accept-Language": "de"}

    def get(self, path: str) -> tuple[float, str]:
        """Milliseconds and text of one page. Raises RuntimeError when it is not 200."""
        return self._ask("GET", path, None)

    def post(self, path: str, values: dict[str, Any]) -> tuple[float, str]:
        """The same for a form sent by htmx."""
        return self._ask("POST", path, urlencode(values))

    def patch(self, path: str, values: dict[str, Any]) -> tuple[float, str]:
        """The same for JSON to the API."""
        return self._ask("PATCH", path, json.dumps(values), "application/json")

    def send(self, method: str, path: str, values: dict[str, Any]) -> str:
        """The text of what the API answers to JSON, also where it has only accepted it."""
        return self._ask(method, path, json.dumps(values), "application/json")[1]

    def timed(self, path: str, *, slow: float) -> float:
        """Milliseconds of one page, warm. Where it takes longer than `slow` the median of five more counts."""
        first = self.get(path)[0]
        if first <= slow:
            return first
        return statistics.median(self.get(path)[0] for _ in range(5))

    def _ask(
        self, method: str, path: str, body: str | None, content_type: str = "application/x-www-form-urlencoded"
    ) -> tuple[float, str]:
        headers = dict(self.headers)
        if body is not None:
            headers |= {
                "Content-Type": content_type,
                "X-CSRFToken": "c" * 32,
                "HX-Request": "true",
            }
        for attempt in (1, 2):
            try:
                start = time.perf_counter()
                self.connection.request(method, path, body=body, headers=headers)
                response = self.connection.getresponse()
                text = response.read().decode("utf-8", "replace")
                took = (time.perf_counter() - start) * 1000
                break
            except (http.client.HTTPException, ConnectionError):
                self.connection.close()  # the server closes kept connections now and then
                if attempt == 2:
                    raise
        if response.status not in {200, 202}:
            raise RuntimeError(f"{method} {path} answered {response.status} to the {self.asker.role}")
        return took, text


def chosen(items: list[Any], one_in: int) -> Iterator[Any]:
    """Every `one_in`-th of the items, spread so that no sort or filter is always left out."""
    return (item for number, item in enumerate(items) if (number * 7919) % one_in == 0)
