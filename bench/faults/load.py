"""A steady load of writes with events over HTTP, signed in as one of the demo's people; what was acknowledged is kept."""

from __future__ import annotations

import http.client
import re
import threading
import time
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import urlencode

TIMEOUT = 10.0  # seconds that a write may take
FIRST = 60.0  # seconds that a page may take right after the start
NEW = "/customer-management/customers/new/"
LOGIN = "/accounts/login/"


@dataclass(frozen=True, slots=True)
class Write:
    """One new customer that was asked for: its name, when, how long it took, and whether the product said yes."""

    name: str
    at: float
    seconds: float
    acknowledged: bool


class Browser:
    """One person's kept connection and cookies."""

    def __init__(self, port: int, timeout: float = TIMEOUT) -> None:
        self.port, self.timeout = port, timeout
        self.cookies = {"django_language": "en"}  # of the sign-in page, whose roles are read
        self.connection: http.client.HTTPConnection | None = None

    def ask(
        self, method: str, path: str, values: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Status, address of a redirect, text. Raises OSError or HTTPException when the connection breaks."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        sent = {"Cookie": "; ".join(f"{key}={value}" for key, value in self.cookies.items())}
        sent |= headers or {}
        body = None
        if values is not None:
            body = urlencode(values)
            sent |= {"Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": self.cookies.get("csrf", "")}
        try:
            self.connection.request(method, path, body=body, headers=sent)
            answer = self.connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except BaseException:
            self.connection.close()
            self.connection = None
            raise
        for line in answer.headers.get_all("Set-Cookie", []):
            self.cookies |= {key: morsel.value for key, morsel in SimpleCookie(line).items()}
        if answer.will_close:
            self.connection.close()
            self.connection = None
        return answer.status, answer.headers.get("Location", ""), text

    def sign_in(self, role: str) -> None:
        """As the first demo user whose button on the sign-in page names this role. Raises RuntimeError without one."""
        _status, _where, page = self.ask("GET", LOGIN)
        for value, words in re.findall(r'<button[^>]*value="(\d+)"[^>]*>(.*?)</button>', page, re.DOTALL):
            if role in re.sub(r"<[^>]+>", " ", words):
                status, _where, _page = self.ask("POST", f"{LOGIN}demo/", {"user": value})
                if status == 302:
                    return
        raise RuntimeError(f"no demo user signs in as {role}")

    def copy(self) -> Browser:
        """The same session on a connection of its own."""
        other = Browser(self.port)
        other.cookies = dict(self.cookies)
        return other


class Load:
    """Writers that go on whatever happens, each pausing between two writes so that together they make `rate` a second."""

    def __init__(self, signed_in: Browser, *, rate: float, writers: int, mark: str) -> None:
        self.writes: list[Write] = []
        self._pause = writers / rate
        self._mark = mark
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._write, args=(signed_in.copy(), n), daemon=True) for n in range(writers)
        ]

    def start(self) -> None:
        """From now on."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each finish what it is at."""
        self._over.set()
        for thread in self._threads:
            thread.join(TIMEOUT * 2)

    def _write(self, browser: Browser, writer: int) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            name = f"{self._mark} {writer}-{number}"
            values = {"company_name": name, "account_type": "INDEPENDENT", "business_type": "HOTEL"}
            begin = time.monotonic()
            try:
                status, _where, _text = browser.ask("POST", NEW, values)
            except (OSError, http.client.HTTPException):
                status = 0
            took = time.monotonic() - begin
            self.writes.append(Write(name, begin, took, status == 302))
            self._over.wait(max(self._pause - took, 0.02))
