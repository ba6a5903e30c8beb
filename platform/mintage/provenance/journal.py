"""A file of a verifier's own that keeps which shards were found sound, so that it can go on from there.

    mintage-verify-journal/1 {"rows":false,"statement":"sha256:…","uri":"/data/people"}
    17 <leaf hash, 64 digits> <chain, 64 digits>

A line is added for each shard whose commit and parts were checked and are what was signed. Each is chained
to the one before by SHA-256, so that a file that was edited, or is of another data set, is refused rather
than believed; a last line that was cut short, as when a process is killed, is dropped. It is no signature:
keep it where only the verifier can write.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from pathlib import Path
from typing import BinaryIO, Self

from mintage.errors import ProvenanceError
from mintage.provenance.canonical import canonical_json

FORMAT = "mintage-verify-journal/1"
_LINE = re.compile(rb"(0|[1-9][0-9]{0,15}) ([0-9a-f]{64}) ([0-9a-f]{64})\n")
_LINE_BYTES = 256
_MAX_HEADER_BYTES = 8192
_FLUSH_LINES = 64


class Journal:
    """The sound shards of one version, in one place, checked in one way. Use it in a `with` block."""

    def __init__(self, path: Path, file: BinaryIO, chain: bytes, known: dict[int, bytes]) -> None:
        self.path = path
        self._file = file
        self._chain = chain
        self._known = known
        self._unflushed = 0
        self.resumed = 0
        """Shards that were known already, and were asked for."""

    @classmethod
    def open(cls, path: Path, *, uri: str, statement: str, rows: bool) -> Self:
        """The journal at `path`, made when there is none; what it holds is read and checked.

        Raises `ProvenanceError` when it is of another data set, version or way of checking, when it was
        edited, or cannot be written.
        """
        header = (
            f"{FORMAT} ".encode() + canonical_json({"rows": rows, "statement": statement, "uri": uri}) + b"\n"
        )
        try:
            file = path.open("a+b")
            try:
                _lock(path, file)
                return cls._read(path, file, header)
            except BaseException:
                file.close()
                raise
        except OSError as exc:
            raise ProvenanceError(
                f"the journal {path} cannot be used: {exc.strerror or exc}", "name a file that you may write"
            ) from exc

    @classmethod
    def _read(cls, path: Path, file: BinaryIO, header: bytes) -> Self:
        file.seek(0)
        first = file.readline(_MAX_HEADER_BYTES)
        if not first:
            file.write(header)
            file.flush()
            first = header
        if first != header:
            raise ProvenanceError(
                f"{path} is the journal of something else: {first[:300]!r}",
                "name another file for this data set, version and way of checking, or remove it",
            )
        chain, known, end = hashlib.sha256(header).digest(), {}, len(header)
        while line := file.readline(_LINE_BYTES):
            if not line.endswith(b"\n") and len(line) < _LINE_BYTES:
                break  # cut short by the end of the process that wrote it
            match = _LINE.fullmatch(line)
            chain = _link(chain, int(match[1]), bytes.fromhex(match[2].decode())) if match else b""
            if not match or match[3].decode() != chain.hex():
                raise ProvenanceError(
                    f"{path} was altered at byte {end}: what it says is not believed",
                    "remove it, and verify from the beginning",
                )
            known[int(match[1])] = bytes.fromhex(match[2].decode())
            end += len(line)
        os.ftruncate(file.fileno(), end)
        return cls(path, file, chain, known)

    def holds(self, index: int, leaf: bytes) -> bool:
        """Whether the shard with that number and leaf hash was found sound before."""
        found = self._known.get(index) == leaf
        self.resumed += found
        return found

    def add(self, index: int, leaf: bytes) -> None:
        """Keep that a shard is sound."""
        self._chain = _link(self._chain, index, leaf)
        try:
            self._file.write(f"{index} {leaf.hex()} {self._chain.hex()}\n".encode())
            self._unflushed += 1
            if self._unflushed >= _FLUSH_LINES:
                self._file.flush()
                self._unflushed = 0
        except OSError as exc:
            raise ProvenanceError(
                f"the journal {self.path} cannot be written: {exc.strerror or exc}"
            ) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._file.close()


def _lock(path: Path, file: BinaryIO) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise ProvenanceError(
            f"the journal {path} is in use by another verifier", "wait for it, or name another file"
        ) from exc


def _link(chain: bytes, index: int, leaf: bytes) -> bytes:
    return hashlib.sha256(chain + index.to_bytes(8, "big") + leaf).digest()
