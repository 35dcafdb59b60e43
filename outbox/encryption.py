"""Secrets of other systems at rest: AES-256-GCM, bound to the row they belong to, each beside the id of its key.

Keys come from FRESHPLAN_CREDENTIAL_KEYS: the first encrypts, all decrypt. A new key goes in front; when everything was
written anew (`is_current` tells what is left) the old one may go.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_FORMAT: Final = b"\x01"
_KEY_ID, _NONCE = 4, 12  # bytes
_HEAD: Final = len(_FORMAT) + _KEY_ID


class SealBroken(ValueError):
    """The value was changed, belongs to another row, or its key is gone."""


def seal(text: str, *, associated: str) -> bytes:
    """`text` under the first key: format, key id, nonce, ciphertext. `associated` names its place and must return."""
    key = _key(settings.CREDENTIAL_KEYS[0])
    head, nonce = _FORMAT + _key_id(key), os.urandom(_NONCE)
    return head + nonce + AESGCM(key).encrypt(nonce, text.encode(), head + associated.encode())


def open_sealed(data: bytes | memoryview, *, associated: str) -> str:
    """The text behind `data`. Raises SealBroken."""
    value = bytes(data)
    head, nonce, rest = value[:_HEAD], value[_HEAD : _HEAD + _NONCE], value[_HEAD + _NONCE :]
    for configured in settings.CREDENTIAL_KEYS:
        key = _key(configured)
        if head == _FORMAT + _key_id(key):
            try:
                return AESGCM(key).decrypt(nonce, rest, head + associated.encode()).decode()
            except (InvalidTag, ValueError):
                raise SealBroken("A sealed value does not open.") from None
    raise SealBroken("The key of a sealed value is not among FRESHPLAN_CREDENTIAL_KEYS.")


def is_current(data: bytes | memoryview) -> bool:
    """Whether it lies under the first key."""
    return bytes(data)[:_HEAD] == _FORMAT + _key_id(_key(settings.CREDENTIAL_KEYS[0]))


@cache
def _key(configured: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"freshplan credentials v1").derive(configured.encode())


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()[:_KEY_ID]
