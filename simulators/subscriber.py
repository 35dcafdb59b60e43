"""A system that hears our events, as `spec/contracts/standard_webhooks.md` asks of one: it verifies each delivery, answers as
told, keeps what came, and reports order per subject, repeats and gaps.

Every path but `/_sim/` takes deliveries; each path has an order of its own, so that several subscriptions can lead here.

- `GET /_sim/state`: counts as JSON. `GET /_sim/log`: a line of JSON a delivery, oldest first. `POST /_sim/reset`: forget all.
- `POST /_sim/faults`: what to do from now on, one of `{"error": {"status": 503, "retry_after": 5}}`, `{"redirect": "http://…"}`,
  `{"hang": 60}` (seconds, or until told otherwise), `{"latency": 0.5}` (seconds), `{"huge": 1000000}` (bytes of the answer),
  `{"drop": true}` (closed before the answer), `{"reset": true}` (closed within it); `{}` ends them.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from simulators.http import Answer, Request, listen

HELP = "hear FreshPlan's events: verify, answer as told, report order, repeats and gaps"
TOLERANCE = 300  # seconds that a signed time may be off
CONTROL = "/_sim/"
OK = "ok"


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 3_600


def _is_error(value: Any) -> bool:
    status = value.get("status") if isinstance(value, dict) else None
    return isinstance(status, int) and status in {known.value for known in HTTPStatus}


# What can be told, and whether it is told well.
FAULTS: dict[str, Callable[[Any], bool]] = {
    "error": _is_error,
    "redirect": lambda value: isinstance(value, str),
    "hang": _is_seconds,
    "latency": _is_seconds,
    "huge": lambda value: isinstance(value, int) and 0 <= value <= 100_000_000,
    "drop": lambda value: value is True,
    "reset": lambda value: value is True,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of the command line."""
    parser.add_argument(
        "--secret",
        type=_key,
        action="append",
        default=[],
        metavar="whsec_…",
        help="one that signs; without any, nothing is verified",
    )


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise argparse.ArgumentTypeError("whsec_ and base64, as the subscription's page shows it") from None


async def serve(options: argparse.Namespace) -> None:
    """Until cancelled."""
    await listen(options.port, Subscriber(options.secret).answer)


class Subscriber:
    """What has come so far, and how to answer."""

    def __init__(self, keys: list[bytes]) -> None:
        self.keys = keys
        self.faults: dict[str, Any] = {}
        self.changed = asyncio.Event()
        self.forget()

    def forget(self) -> None:
        """Nothing has come."""
        self.log: list[bytes] = []
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.last: dict[tuple[str, str], int] = defaultdict(int)
        self.disorder = self.gaps = 0

    async def answer(self, request: Request) -> Answer:
        """To a delivery, or to who steers this simulator."""
        if request.path.startswith(CONTROL):
            return self._steered(request)
        at = time.time()
        verdict = self.verdict(request, at)
        answer = await self._told() if verdict == OK else Answer(401)
        entry = {"at": at, "path": request.path, "verdict": verdict, "status": answer.status, "cut": answer.cut_after is not None,
                 "headers": request.headers, "body": request.body.decode("utf-8", "replace")}  # fmt: skip
        self.log.append(json.dumps(entry).encode())
        if verdict != OK:
            self.refused[verdict] += 1
        elif 200 <= answer.status < 300 and answer.cut_after is None:
            self._note(request)
        return answer

    def verdict(self, request: Request, now: float) -> str:
        """`ok`, or why a receiver refuses it: `unsigned`, `stale`, `malformed`."""
        message_id, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        content = f"{message_id}.{stamp}.".encode() + request.body
        marks = request.headers.get("webhook-signature", "").split()
        given = [one.removeprefix("v1,").encode() for one in marks]
        expected = [base64.b64encode(hmac.digest(key, content, hashlib.sha256)) for key in self.keys]
        if self.keys and not any(hmac.compare_digest(one, other) for one in expected for other in given):
            return "unsigned"
        if not (stamp.isascii() and stamp.isdigit()) or abs(now - int(stamp)) > TOLERANCE:
            return "stale"
        return OK if _is_envelope(request.body, message_id) else "malformed"

    def _note(self, request: Request) -> None:
        envelope = json.loads(request.body)
        self.accepted[envelope["id"]] += 1
        if self.accepted[envelope["id"]] > 1:
            return
        stream, position = (request.path, envelope["subject"]), int(envelope["crmposition"])
        self.disorder += position < self.last[stream]
        self.last[stream] = max(position, self.last[stream])
        self.gaps += bool(envelope["crmgap"])

    async def _told(self) -> Answer:
        faults, changed = self.faults, self.changed
        await asyncio.sleep(faults.get("latency", 0))
        if "hang" in faults:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), faults["hang"])
        return _told_by(faults)

    def _steered(self, request: Request) -> Answer:
        match request.method, request.path.removeprefix(CONTROL):
            case "GET", "state":
                return _json(self.state())
            case "GET", "log":
                return Answer(
                    200, b"".join(line + b"\n" for line in self.log), {"content-type": "application/x-ndjson"}
                )
            case "POST", "reset":
                self.forget()
                return Answer()
            case "POST", "faults":
                return self._set_faults(request.body)
        return Answer(404)

    def _set_faults(self, body: bytes) -> Answer:
        try:
            faults = json.loads(body or b"{}")
        except ValueError:
            return _json({"error": "no JSON"}, 400)
        if not isinstance(faults, dict) or faults.keys() - FAULTS.keys():
            return _json({"error": f"faults are {', '.join(FAULTS)}"}, 400)
        wrong = [name for name, value in faults.items() if not FAULTS[name](value)]
        if wrong:
            return _json({"error": f"not told well: {', '.join(wrong)}"}, 400)
        self.faults = faults
        self.changed.set()
        self.changed = asyncio.Event()
        return Answer()

    def state(self) -> dict[str, Any]:
        """Counts: what was accepted (each id once), repeats, breaches of the order, told gaps, refused by reason."""
        return {
            "accepted": len(self.accepted),
            "repeats": sum(self.accepted.values()) - len(self.accepted),
            "disorder": self.disorder,
            "gaps": self.gaps,
            "refused": dict(self.refused),
            "subjects": len(self.last),
            "faults": self.faults,
        }


def _is_envelope(body: bytes, message_id: str) -> bool:
    """Whether it holds what order and gaps are told by, under the id of its header."""
    try:
        envelope = json.loads(body)
        kinds = isinstance(envelope["subject"], str), isinstance(envelope["crmposition"], int), "crmgap" in envelope
        return bool(message_id) and envelope["id"] == message_id and all(kinds)
    except (ValueError, KeyError, TypeError):
        return False


def _told_by(faults: dict[str, Any]) -> Answer:
    answer = Answer()
    if faults.keys() & {"hang", "drop"}:
        answer = Answer(cut_after=0)
    elif "reset" in faults:
        answer = Answer(200, b"x" * 100, cut_after=-50)
    elif "error" in faults:
        error = faults["error"]
        wait = {"retry-after": str(error["retry_after"])} if "retry_after" in error else {}
        answer = Answer(error["status"], b"told to", wait)
    elif "redirect" in faults:
        answer = Answer(302, b"", {"location": faults["redirect"]})
    elif "huge" in faults:
        answer = Answer(200, b"x" * faults["huge"])
    return answer


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value, default=str).encode(), {"content-type": "application/json"})
