"""The cache: throttles and other things that may be forgotten. While Redis is away, reads miss and writes are dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis
import structlog
from django.core.cache.backends.redis import RedisCache

log = structlog.get_logger(__name__)


class ForgivingRedisCache(RedisCache):
    """Redis as cache that never takes a page down; what it let pass stands in the log."""

    def _forgive(self, call: Callable[..., Any], missing: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        except redis.RedisError as error:
            log.warning("cache away, letting pass", error=type(error).__name__)
            return missing

    def add(self, *args: Any, **kwargs: Any) -> Any:
        """As the base class; True while Redis is away."""
        return self._forgive(super().add, True, *args, **kwargs)

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        """As the base class; the default while Redis is away."""
        return self._forgive(super().get, default, key, default, version)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        """As the base class; nothing while Redis is away."""
        return self._forgive(super().set, None, *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """As the base class; False while Redis is away."""
        return self._forgive(super().delete, False, *args, **kwargs)

    def incr(self, key: Any, delta: int = 1, version: Any = None) -> Any:
        """As the base class; the delta while Redis is away."""
        return self._forgive(super().incr, delta, key, delta, version)
