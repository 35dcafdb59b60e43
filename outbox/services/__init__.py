"""What the outbox does for others, by what it is about."""

from outbox.services.events import (
    beat,
    publish,
    publish_for_rows,
    publish_many,
    relay_check,
    relay_lag,
)

__all__ = ["beat", "publish", "publish_for_rows", "publish_many", "relay_check", "relay_lag"]
