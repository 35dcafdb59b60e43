"""The form of a backup file: one header line, then three encrypted parts in chunks, each bound to its place.

AES-256-GCM with a key of the file's own (HKDF over BACKUP_KEY and a random salt), so that nonces may count. Every chunk
authenticates the header, its part, its number and whether it is the last: nothing can be changed, moved, cut off or added
without being found. Nothing is ever held whole in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crm.launcher.problem import Problem

MAGIC: Final = b"FRESHPLAN BACKUP 1\n"
PARTS: Final = ("database", "files", "manifest")  # in this order
CHUNK: Final = 2**20  # bytes of plain text
LEAST_KEY: Final = 32  # characters
_HEADER_LIMIT: Final = 4096
_FRAME: Final = struct.Struct(">BI")  # last of its part, bytes that follow
_NONCE: Final = struct.Struct(">IQ")  # part, chunk
_TAG: Final = 16


def _derived(master: str, salt: bytes | None, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"freshplan backup " + purpose).derive(master.encode())


def key_id(master: str) -> str:
    """A short name of the key; it tells nothing of it."""
    return _derived(master, None, b"key id").hex()[:12]


class Part:
    """What a part is written through: bytes in, chunks out; counts and hashes the plain text."""

    def __init__(self, file: IO[bytes], cipher: AESGCM, header: bytes, number: int) -> None:
        self._file, self._cipher, self._header, self._number = file, cipher, header, number
        self._waiting = bytearray()
        self._chunks = 0
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """Of the plain text so far."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:
        """Take bytes of any number; how many."""
        self._digest.update(data)
        self.size += len(data)
        self._waiting += data
        while len(self._waiting) > CHUNK:
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(data)

    def close(self) -> None:
        """Write the last chunk, be it empty."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, plain: bytes, *, last: bool) -> None:
        nonce = _NONCE.pack(self._number, self._chunks)
        sealed = self._cipher.encrypt(nonce, plain, self._header + bytes([last]))
        self._file.write(_FRAME.pack(last, len(sealed)) + sealed)
        self._chunks += 1


class Writer:
    """Writes a backup file: one `part` after the other, each closed before the next."""

    def __init__(self, file: IO[bytes], master: str) -> None:
        salt = os.urandom(32)
        self._file = file
        self._header = MAGIC + json.dumps({"key": key_id(master), "salt": salt.hex()}).encode() + b"\n"
        self._cipher = AESGCM(_derived(master, salt, b"contents"))
        file.write(self._header)

    def part(self, name: str) -> Part:
        """The part to write now."""
        return Part(self._file, self._cipher, self._header, PARTS.index(name))


class Reader:
    """Reads a backup file. Every method raises Problem, one line long, for a file that is not whole and unchanged."""

    def __init__(self, path: Path, master: str) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._header, told = self._read_header(file)
        except OSError as error:
            raise Problem(f"{path} cannot be read: {error.strerror}.") from error
        if told["key"] != key_id(master):
            raise Problem(f"{path} was made with another key: set BACKUP_KEY to that installation's.")
        self._cipher = AESGCM(_derived(master, bytes.fromhex(told["salt"]), b"contents"))

    def chunks(self, name: str) -> Iterator[bytes]:
        """The plain text of one part, piece by piece; the parts before it are passed over unread."""
        with self.path.open("rb") as file:
            file.seek(len(self._header))
            for number in range(PARTS.index(name)):
                for _chunk in self._part(file, number, skip=True):
                    pass
            yield from self._part(file, PARTS.index(name))

    def inspect(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Read the whole file: the manifest, and size and SHA-256 of the other parts as they are."""
        parts: dict[str, dict[str, Any]] = {}
        manifest = b""
        with self.path.open("rb") as file:
            file.seek(len(self._header))
            for number, name in enumerate(PARTS):
                digest, size = hashlib.sha256(), 0
                for chunk in self._part(file, number):
                    digest.update(chunk)
                    size += len(chunk)
                    if name == "manifest":
                        manifest += chunk
                parts[name] = {"bytes": size, "sha256": digest.hexdigest()}
            if file.read(1):
                raise Problem(f"{self.path} is damaged: something was added to it.")
        del parts["manifest"]
        told: dict[str, Any] = json.loads(manifest)
        if told["parts"] != parts:
            raise Problem(f"{self.path} is damaged: its checksums are not those of its manifest.")
        return told, parts

    def _read_header(self, file: IO[bytes]) -> tuple[bytes, dict[str, str]]:
        header = file.read(len(MAGIC))
        if header != MAGIC:
            raise Problem(f"{self.path} is no backup of this product, or its beginning is damaged.")
        line = file.readline(_HEADER_LIMIT)
        try:
            told = json.loads(line)
            bytes.fromhex(told["salt"])
            return header + line, {"key": str(told["key"]), "salt": str(told["salt"])}
        except (ValueError, KeyError, TypeError) as error:
            raise Problem(f"{self.path} is damaged: its header cannot be read.") from error

    def _part(self, file: IO[bytes], number: int, *, skip: bool = False) -> Iterator[bytes]:
        chunk, last = 0, False
        while not last:
            frame = file.read(_FRAME.size)
            if len(frame) < _FRAME.size:
                raise Problem(f"{self.path} is truncated: it ends early.")
            mark, length = _FRAME.unpack(frame)
            if mark > 1 or not _TAG <= length <= CHUNK + _TAG:
                raise Problem(f"{self.path} is damaged.")
            last = bool(mark)
            if skip:
                file.seek(length, os.SEEK_CUR)
                continue
            sealed = file.read(length)
            if len(sealed) < length:
                raise Problem(f"{self.path} is truncated: it ends early.")
            try:
                yield self._cipher.decrypt(_NONCE.pack(number, chunk), sealed, self._header + bytes([last]))
            except InvalidTag as error:
                raise Problem(f"{self.path} is damaged.") from error
            chunk += 1
