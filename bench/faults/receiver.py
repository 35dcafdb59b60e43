"""A subscriber on this machine: takes our webhooks, and answers badly while it is told to."""

from __future__ import annotations

import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HANG = 60.0  # seconds at most without an answer: longer than anybody waits


class Receiver:
    """Counts what it has accepted, by the message's id. `mode` is what it does with the next message."""

    def __init__(self) -> None:
        self.mode = "takes"
        self.accepted: Counter[str] = Counter()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def sent_again(self) -> int:
        """Messages that were accepted and came once more: allowed, for their id tells them."""
        return sum(times - 1 for times in self.accepted.values())

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if receiver.mode == "answers 500":
                self._answer(500)
            elif receiver.mode == "hangs":
                end = time.monotonic() + HANG
                while receiver.mode == "hangs" and time.monotonic() < end:
                    time.sleep(0.1)
                self.close_connection = True
            elif receiver.mode == "cuts off":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + body[:3])
                self.close_connection = True
                self.connection.close()
            else:
                receiver.accepted[self.headers["webhook-id"]] += 1
                self._answer(204)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    return Handler
