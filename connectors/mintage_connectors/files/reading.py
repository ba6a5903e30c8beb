"""The border where errors of foreign code become `SourceError`."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from mintage.errors import SourceError

_FOREIGN = (
    pa.ArrowException,
    OSError,
    EOFError,
    MemoryError,
    UnicodeError,
    ValueError,
    zlib.error,
    zipfile.BadZipFile,
)
_SHOWN = 300


@contextmanager
def reading(place: str, hint: str) -> Iterator[None]:
    """Report what foreign code raises while `place` (a file) is read as a `SourceError` that names it."""
    try:
        yield
    except _FOREIGN as exc:
        raise SourceError(f"{place} cannot be read: {shorten(str(exc) or type(exc).__name__)}", hint) from exc


def shorten(text: str) -> str:
    """The start of a text, fit for one line of a message."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
