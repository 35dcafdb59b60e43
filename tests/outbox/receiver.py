"""A subscriber's side, real: an HTTP server on loopback that answers as it is told and keeps what came."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from standardwebhooks.webhooks import Webhook


@dataclass
class Came:
    """One request as it arrived."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def event(self) -> dict:
        """The envelope."""
        return json.loads(self.body)

    def verified_by(self, secret: str) -> dict:
        """The envelope after the package's own check; raises where the signature is wrong."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Answering:
    """How the receiver answers: status, headers and body; `seconds` asleep first; `cut` closes without an answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    seconds: float = 0.0
    cut: bool = False


class Receiver:
    """`url` to subscribe with, `came` in the order of arrival, `answer` to change how it answers."""

    def __init__(self) -> None:
        self.came: list[Came] = []
        self.answer: Answering | Callable[[Came], Answering] = Answering()
        self.under_way = self.most_at_once = 0
        self._lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                came = Came({name.lower(): value for name, value in self.headers.items()}, body, time.time())
                with receiver._lock:
                    receiver.came.append(came)
                    receiver.under_way += 1
                    receiver.most_at_once = max(receiver.most_at_once, receiver.under_way)
                try:
                    self.reply(came)
                finally:
                    with receiver._lock:
                        receiver.under_way -= 1

            def reply(self, came: Came) -> None:
                answer = receiver.answer(came) if callable(receiver.answer) else receiver.answer
                time.sleep(answer.seconds)
                self.close_connection = True
                if answer.cut:
                    return
                try:
                    self.send_response(answer.status)
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)
                except OSError:
                    pass  # the sender had enough

            def log_message(self, *_args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Let the port go."""
        self.server.shutdown()
        self.server.server_close()

    def events(self, kind: str = "probe.happened") -> list[dict]:
        """The envelopes of one type, in the order of arrival."""
        return [came.event for came in list(self.came) if came.event["type"] == kind]
