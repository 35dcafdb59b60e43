"""The other side of a connection, real: a small HTTP server on loopback that answers calls out as it is told."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from crm.core.access import system_scope, system_scope_for
from outbox.calling import Client
from outbox.models import CallLog, Event

OK = (200, {"Content-Type": "application/json"}, {"status": "ok", "more": 1})


class Other:
    """The other side: answers as told, and keeps what it was asked."""

    def __init__(self):
        other = self
        self.answers, self.asked, self.hang, self.running, self.most = [OK], [], 0.0, 0, 0
        self.lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                with other.lock:
                    other.asked.append((self.path, dict(self.headers)))
                    other.running += 1
                    other.most = max(other.most, other.running)
                    status, headers, body = other.answers.pop(0) if len(other.answers) > 1 else other.answers[0]
                time.sleep(other.hang)
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                with other.lock:
                    other.running -= 1
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(raw)))
                    self.end_headers()
                    self.wfile.write(raw)
                except OSError:
                    pass

            def log_message(self, *_args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def client_of(made, rate=6_000):
    return Client(made, system_scope_for(made.organisation_id, job="test"), calls_per_minute=rate)


def ask(made, **options):
    return client_of(made, **options).get("health", "/readyz", fields=("status",))


def logged(made):
    with system_scope(made.organisation_id, job="test"):
        rows = CallLog.objects.order_by("pk")
        return list(rows.values_list("status", "error", "attempt", "breaker"))


def told(made):
    """What was published of connections, oldest first."""
    with system_scope(made.organisation_id, job="test"):
        return list(Event.objects.filter(type__startswith="integration.").order_by("pk").values_list("type", flat=True))
