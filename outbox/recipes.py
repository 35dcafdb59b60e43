"""How a subscriber proves that a message is ours, in three languages, with the headers of the last one he accepted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from outbox.models import Attempt, Dispatch
from outbox.sending import request_headers
from outbox.signing import live_secrets

PYTHON: Final = """from standardwebhooks import Webhook

def receive(body: bytes, headers: dict[str, str]) -> None:
    event = Webhook(SECRET).verify(body, headers)  # raises where it is not ours, or older than 5 minutes
    if remember_once(event["id"]):                 # the same id may come again
        work_on(event)"""
PHP: Final = """$id = $_SERVER['HTTP_WEBHOOK_ID']; $time = $_SERVER['HTTP_WEBHOOK_TIMESTAMP']; $body = file_get_contents('php://input');
$key = base64_decode(substr($secret, strlen('whsec_')));
$ours = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$time.$body", $key, true));
$known = array_filter(explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE']), fn ($one) => hash_equals($ours, $one));
if (!$known || abs(time() - (int) $time) > 300) { http_response_code(401); exit; }"""
TYPESCRIPT: Final = """import { Webhook } from "standardwebhooks";

export function receive(body: string, headers: Record<string, string>): void {
  const event = new Webhook(SECRET).verify(body, headers) as { id: string };
  if (rememberOnce(event.id)) workOn(event);
}"""


@dataclass(frozen=True, slots=True)
class Recipes:
    """Code by language, and the headers of the last accepted message with the time they were made at."""

    codes: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    at: datetime | None


def recipes(last: Dispatch | None) -> Recipes:
    """For a subscription's page; `last` is its last accepted message."""
    codes = (("Python", PYTHON), ("PHP", PHP), ("TypeScript", TYPESCRIPT))
    attempt = Attempt.objects.filter(dispatch=last, error="").order_by("-pk").first() if last is not None else None
    if last is None or attempt is None or last.body is None:
        return Recipes(codes, (), None)
    headers = request_headers(
        last,
        attempt=attempt.number,
        body=bytes(last.body),
        secrets=live_secrets(last.subscription_id, attempt.at),
        timestamp=int(attempt.at.timestamp()),
    )
    return Recipes(codes, tuple(headers.items()), attempt.at)
