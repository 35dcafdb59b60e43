"""`/metrics` in Prometheus' text form: what all processes counted, and what the tables tell at that moment.

Counters and histograms of every process (web, worker, relay) lie in files of one folder, one per process, and are added
up when asked for; figures of the tables are read then. Only who sends METRICS_TOKEN gets an answer: to everybody else
there is no such address. The names are a contract with dashboards and alerts: `tests/core/test_metrics.py` holds them.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import redis
import structlog
from django.conf import settings
from django.db import Error, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import add_never_cache_headers

from crm.core.access import Scope, activate, organisation_ids, system_scope_for
from crm.core.health import redis_client
from crm.launcher.backups import shelf

# The library reads this when it is imported, and with it keeps its values in files that several processes add up.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.METRICS_DIR)
settings.METRICS_DIR.mkdir(parents=True, exist_ok=True)

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest  # noqa: E402
from prometheus_client.exposition import CONTENT_TYPE_LATEST  # noqa: E402
from prometheus_client.metrics_core import GaugeMetricFamily  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector  # noqa: E402
from prometheus_client.registry import Collector  # noqa: E402

log = structlog.get_logger(__name__)
T = TypeVar("T")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
WEB_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 1, 2, 5, 10)  # seconds; 0.05 and 0.2 are promises

REQUESTS = Counter("freshplan_http_requests", "Requests answered.", ["route", "method", "status"])
LATENCY = Histogram(
    "freshplan_http_request_seconds", "Seconds to the answer.", ["route", "status"], buckets=WEB_BUCKETS
)
DATABASE = Counter("freshplan_http_database_seconds", "Seconds that requests waited for the database.", ["route"])
QUERIES = Counter("freshplan_http_database_queries", "Queries of requests.", ["route"])


@dataclass(frozen=True, slots=True)
class Figure:
    """One value that is read from the tables; `labels` tell it from others of its name."""

    name: str
    help: str
    value: float
    labels: dict[str, str] = field(default_factory=dict)


Read = Callable[[], Iterable[Figure]]
_readers: list[Read] = []


def register_figures(read: Read) -> None:
    """Add to /metrics what a floor above knows. `read` is called without a transaction or scope, for each scrape."""
    _readers.append(read)


def of_each_organisation(read: Callable[[Scope], T]) -> list[T]:
    """What `read` tells of each organisation, each under the scope of a job there: the application reads no other way."""
    told = []
    for organisation_id in organisation_ids():
        scope = system_scope_for(organisation_id, job="metrics")
        with transaction.atomic(), activate(scope):
            told.append(read(scope))
    return told


class MetricsMiddleware:
    """Counts and times every request by the name of its route, and answers /metrics."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info == "/metrics" and _may_read(request):
            return metrics(request)
        database = _DatabaseTime()
        begin = time.perf_counter()
        with connection.execute_wrapper(database):
            response = self.get_response(request)
        took = time.perf_counter() - begin
        route = _route_of(request)
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(route, method, response.status_code).inc()
        LATENCY.labels(route, response.status_code).observe(took)
        DATABASE.labels(route).inc(database.seconds)
        QUERIES.labels(route).inc(database.queries)
        return response


def _route_of(request: HttpRequest) -> str:
    """The route's name; a middleware that answers by itself says in `request.route_name` what it was."""
    match = request.resolver_match
    return getattr(request, "route_name", "") or (match.view_name if match is not None else "") or "none"


class _DatabaseTime:
    """Adds up what one request's queries take."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.queries = 0

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        begin = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            self.seconds += time.perf_counter() - begin
            self.queries += 1


def metrics(request: HttpRequest) -> HttpResponse:
    """Everything, added up over all processes."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(_Figures())
    response = HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    add_never_cache_headers(response)
    return response


def _may_read(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())


class _Figures(Collector):
    """The registered figures as the library wants them; what cannot be read now is absent, and said to be."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        for figure in _read_all():
            family = families.get(figure.name)
            if family is None:
                family = GaugeMetricFamily(figure.name, figure.help, labels=list(figure.labels))
                families[figure.name] = family
            family.add_metric(list(figure.labels.values()), figure.value)
        yield from families.values()


def _read_all() -> list[Figure]:
    found, database_up = [], 1
    for read in _readers:
        try:
            found += list(read())
        except Error as error:
            log.warning("figures left out", error=type(error).__name__)
            database_up = 0
    found.append(Figure("freshplan_database_up", "1 while the figures of the tables could be read.", database_up))
    return [*found, *_queue(), *_backups()]


def _queue() -> Iterator[Figure]:
    try:
        length = int(redis_client().llen(settings.CELERY_TASK_DEFAULT_QUEUE))
    except (redis.RedisError, OSError):
        yield Figure("freshplan_redis_up", "1 while Redis answers.", 0)
        return
    yield Figure("freshplan_redis_up", "1 while Redis answers.", 1)
    yield Figure("freshplan_queue_length", "Messages that wait for a worker.", length)


def _backups() -> Iterator[Figure]:
    """From the folder of backups, where one lies on this machine."""
    kept = shelf.backups(shelf.folder_of(os.environ, settings.DATA_DIR))
    yield Figure("freshplan_backups", "Finished backups on this machine.", len(kept))
    if not kept:
        return
    now = datetime.now(UTC)
    yield Figure("freshplan_backup_age_seconds", "Age of the newest backup.", (now - kept[0].made).total_seconds())
    yield Figure("freshplan_backup_bytes", "Size of the newest backup.", kept[0].path.stat().st_size)
    proofs = [one.proven for one in kept if one.proven is not None]
    if proofs:
        age = (now - max(proofs)).total_seconds()
        yield Figure("freshplan_backup_proof_age_seconds", "Seconds since a backup was last proven by a restore.", age)
