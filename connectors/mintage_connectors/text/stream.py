"""Bytes of a file as chunks of UTF-8 that are safe to parse: decompressed, decoded, checked.

What is wrong is found here, with its place, because parsers further on either stumble over it
without saying where (encodings, NUL bytes), or take it for data.
"""

from __future__ import annotations

import codecs
import gzip
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO, cast

import numpy as np
import pyarrow as pa

from mintage.errors import SourceError
from mintage_connectors.files.location import SourceFile
from mintage_connectors.files.reading import reading

_CHUNK = 1 << 20
_HINT = "check that the file is complete and of the kind that its name says"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLimits:
    """What a file may hold: bytes after decompression, bytes (of UTF-8) in a line."""

    uncompressed_bytes: int
    line_bytes: int


def checked_text(file: SourceFile, encoding: str, limits: TextLimits) -> Iterator[bytes]:
    """The text of a file as chunks of UTF-8 of about 1 MiB, without byte order mark, ending in a line break.

    gzip, and a ZIP archive of one member, are decompressed. Raises `SourceError` with file and place
    for text that is empty, too large, in another encoding, with NUL bytes, or with too long a line.
    """
    checker = _Checker(file.uri, encoding, limits)
    is_empty = True
    with reading(file.uri, _HINT), file.open() as raw, _decompressed(raw, file, limits) as stream:
        while chunk := stream.read(_CHUNK):
            if data := checker.check(chunk):
                is_empty = False
                yield data
        if final := checker.finish():
            yield final
    if is_empty:
        raise SourceError(f"{file.uri} holds no text", "remove it, or write it again")


def native_stream(data: bytes) -> pa.BufferReader:
    """A copy of the bytes as a stream that Arrow's threads can use and drop without asking Python."""
    buffer = pa.allocate_buffer(len(data))
    np.frombuffer(buffer, np.uint8)[:] = np.frombuffer(data, np.uint8)
    return pa.BufferReader(buffer)


class _Checker:
    """Checks one text, chunk by chunk, and counts bytes and lines for messages."""

    def __init__(self, place: str, encoding: str, limits: TextLimits) -> None:
        self._place = place
        self._encoding = encoding
        self._limits = limits
        self._is_utf8 = codecs.lookup(encoding).name == "utf-8"
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._bytes = 0
        self._line = 1
        self._line_bytes = 0
        self._started = False
        self._at_line_start = True

    def check(self, chunk: bytes) -> bytes:
        """The chunk as UTF-8; may be empty while a character is incomplete."""
        text = self._decode(chunk, final=False)
        self._bytes += len(chunk)
        if self._bytes > self._limits.uncompressed_bytes:
            raise SourceError(
                f"{self._place} holds more than {self._limits.uncompressed_bytes:,} bytes of text",
                "raise max_uncompressed_bytes if this is no mistake",
            )
        data = chunk if self._is_utf8 else text.encode()
        data = self._without_mark(data, text)
        self._check_content(data)
        return data

    def finish(self) -> bytes:
        """What is left, and a line break when the last line has none."""
        self._decode(b"", final=True)
        return b"" if self._at_line_start else b"\n"

    def _decode(self, chunk: bytes, *, final: bool) -> str:
        pending = len(self._decoder.getstate()[0])
        try:
            return self._decoder.decode(chunk, final)
        except UnicodeDecodeError as exc:
            at = self._bytes - pending + exc.start
            line = self._line + exc.object[: exc.start].count(b"\n")
            raise SourceError(
                f"{self._place} is not {self._encoding}: byte 0x{exc.object[exc.start]:02x} at offset "
                f"{at:,}, line {line:,} ({exc.reason})",
                f"set the option encoding ({_guess(exc.object)}), or write the file in one encoding",
            ) from exc

    def _without_mark(self, data: bytes, text: str) -> bytes:
        if self._started or not text:
            return data
        self._started = True
        return data[len(codecs.BOM_UTF8) :] if text.startswith("\ufeff") else data

    def _check_content(self, data: bytes) -> None:
        if (at := data.find(b"\0")) >= 0:
            line = self._line + data.count(b"\n", 0, at)
            raise SourceError(
                f"{self._place} has a NUL byte in line {line:,}",
                "this is no text: check the kind of the source and its encoding, or remove the NUL bytes",
            )
        first, last = data.find(b"\n"), data.rfind(b"\n")
        self._line_bytes += len(data) if first < 0 else first
        longest = max(self._line_bytes, _longest(data, first, last, self._limits.line_bytes))
        if longest > self._limits.line_bytes:
            raise SourceError(
                f"{self._place} has a line of more than {self._limits.line_bytes:,} bytes, in or after line "
                f"{self._line:,}",
                "raise max_line_bytes if this is no mistake",
            )
        if first >= 0:
            self._line_bytes = len(data) - last - 1
            self._line += data.count(b"\n")
        if data:
            self._at_line_start = data.endswith(b"\n")


def _longest(data: bytes, first: int, last: int, limit: int) -> int:
    """A length beyond `limit` when a line within `data` is that long; looks only where one can be."""
    if first < 0:
        return 0
    start = first + 1
    while last - start > limit:
        stop = data.rfind(b"\n", start, start + limit + 1)
        if stop < 0:
            return limit + 1
        start = stop + 1
    return 0


def _guess(data: bytes) -> str:
    return (
        "utf-16, by its first bytes"
        if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        else "such as cp1252"
    )


def _decompressed(raw: BinaryIO, file: SourceFile, limits: TextLimits) -> IO[bytes]:
    magic = raw.read(4)
    raw.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
    if magic == b"PK\x03\x04":
        return _only_member(raw, file, limits)
    return raw


def _only_member(raw: BinaryIO, file: SourceFile, limits: TextLimits) -> IO[bytes]:
    archive = zipfile.ZipFile(raw)
    members = [
        one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        names = ", ".join(one.filename for one in members[:5])
        raise SourceError(
            f"{file.uri} holds {len(members)} files: {names}", "make it hold one, or unpack it into a folder"
        )
    member = members[0]
    if member.flag_bits & 1:
        raise SourceError(f"{member.filename} in {file.uri} is encrypted", "unpack the archive first")
    if member.file_size > limits.uncompressed_bytes:
        raise SourceError(
            f"{member.filename} in {file.uri} is declared to hold {member.file_size:,} bytes, more than the "
            f"{limits.uncompressed_bytes:,} that are read",
            "raise max_uncompressed_bytes if this is no mistake",
        )
    return archive.open(member)
