"""Secrets at rest: encrypted with keys derived from SECRET_KEY, each value beside the id of its key.

After SECRET_KEY was changed, values under a key of SECRET_KEY_FALLBACKS are still read; `manage.py organisation rekey`
writes them anew.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def _key(secret: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"freshplan second factor v1").derive(secret.encode())
    return base64.urlsafe_b64encode(derived)


def _key_id(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:8]


def encrypt(text: str) -> str:
    """`text` under today's key, as `<key id>:<token>`."""
    key = _key(settings.SECRET_KEY)
    return f"{_key_id(key)}:{Fernet(key).encrypt(text.encode()).decode()}"


def decrypt(value: str) -> str:
    """The text behind `value`. Raises InvalidToken when it was changed or its key is gone."""
    key_id, _colon, token = value.partition(":")
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        key = _key(secret)
        if _key_id(key) == key_id:
            return Fernet(key).decrypt(token.encode()).decode()
    raise InvalidToken


def is_current(value: str) -> bool:
    """Whether `value` lies under today's key."""
    return value.partition(":")[0] == _key_id(_key(settings.SECRET_KEY))
