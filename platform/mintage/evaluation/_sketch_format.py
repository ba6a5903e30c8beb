"""The bytes of a sketch: a line that names the format, then a compressed JSON head and counters.

Counters are unsigned integers of one width, stored byte plane by byte plane: most of them are small,
so most planes are zeros, which take no room.
"""

from __future__ import annotations

import zlib
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mintage.errors import ProvenanceError

Counts = npt.NDArray[np.int64]

MAX_SKETCH_BYTES = 64 * 2**20
"""Size of a sketch as it is stored."""

_MAGIC = b"mintage-sketch/1\n"
_LEVEL = 1  # for zeros, higher ones only take longer
_NUMBER_BYTES = 48
_Count = Annotated[int, Field(ge=0, lt=2**53)]


class Head(BaseModel):
    """What a sketch holds besides its counters."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    binning: str
    rows: _Count
    moments: list[tuple[_Count, int, Annotated[int, Field(ge=0)], _Count]]
    """Of each continuous column: values, their sum and sum of squares, values out of range."""
    products: list[tuple[int, _Count, int, int, _Count, int, int]]
    """Of each pair of them: sum of products; then number, sum and sum of squares of the left column's
    values where the right one has none, and the reverse."""
    widths: tuple[Literal[1, 2, 4, 8], Literal[1, 2, 4, 8]]


def pack(head: dict[str, object], counters: tuple[Counts, Counts]) -> bytes:
    """The bytes of a sketch."""
    widths = tuple(_width(counts) for counts in counters)
    text = Head.model_validate({**head, "widths": widths}).model_dump_json().encode()
    planes = [_planes(counts, width) for counts, width in zip(counters, widths, strict=True)]
    body = b"".join([len(text).to_bytes(8, "little"), text, *planes])
    data = _MAGIC + zlib.compress(body, _LEVEL)
    if len(data) > MAX_SKETCH_BYTES:
        raise ProvenanceError(f"a sketch of {len(data)} bytes is larger than the {MAX_SKETCH_BYTES} allowed")
    return data


def unpack(data: bytes, *, lengths: tuple[int, int], sums: int) -> tuple[Head, tuple[Counts, Counts]]:
    """Head and counters of a sketch with so many counters and about so many sums.

    Raises `ProvenanceError` for anything else, without ever holding more than these need.
    """
    if len(data) > MAX_SKETCH_BYTES or not data.startswith(_MAGIC):
        raise ProvenanceError(f"{len(data)} bytes are no sketch of the format {_MAGIC.decode().strip()}")
    body = _inflate(data[len(_MAGIC) :], 8 * sum(lengths) + _NUMBER_BYTES * (sums + 64))
    start = 8 + int.from_bytes(body[:8], "little")
    try:
        head = Head.model_validate_json(body[8:start])
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        raise ProvenanceError(f"the head of a sketch is wrong: {first['msg']}") from exc
    middle = start + lengths[0] * head.widths[0]
    if len(body) != middle + lengths[1] * head.widths[1]:
        raise ProvenanceError("a sketch does not have the counters of its binning")
    return head, (
        _counts(body[start:middle], lengths[0], head.widths[0]),
        _counts(body[middle:], lengths[1], head.widths[1]),
    )


def _inflate(data: bytes, most: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        body = inflater.decompress(data, most + 1)
    except zlib.error as exc:
        raise ProvenanceError(f"a sketch cannot be decompressed: {exc}") from exc
    if len(body) > most or not inflater.eof or inflater.unused_data:
        raise ProvenanceError("a sketch is cut off, or holds more than its binning needs")
    return body


def _width(counts: Counts) -> int:
    most = int(counts.max(initial=0))
    return next(width for width in (1, 2, 4, 8) if most < 2 ** (8 * width - 1) * 2)


def _planes(counts: Counts, width: int) -> bytes:
    octets = counts.astype("<i8").view(np.uint8).reshape(-1, 8)
    return octets[:, :width].T.tobytes()


def _counts(planes: bytes, length: int, width: int) -> Counts:
    octets = np.zeros((length, 8), np.uint8)
    octets[:, :width] = np.frombuffer(planes, np.uint8).reshape(width, length).T
    counts: Counts = octets.view("<i8").reshape(length).astype(np.int64)
    return counts
