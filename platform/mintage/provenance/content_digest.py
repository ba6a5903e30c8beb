"""The content digest: which rows a table holds, however they are stored.

The definition is normative and stands, apart from this code, in docs/provenance/content-digest.md. It covers
logical values, so chunking, slicing, offsets and dictionary encoding do not change it, and neither do
file formats or library versions. It covers types, nulls, values and the order of rows and columns;
the names of columns are bound by the schema id that stands beside it in every record.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import Protocol, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage.contracts import type_name
from mintage.errors import ProvenanceError
from mintage.provenance.digests import digest_from_raw

ALGORITHM = "mintage-content-sha256/1"
BLOCK_ROWS = 65_536
"""Rows of a block; only the last block of a table is shorter."""

_Integers = np.ndarray[tuple[int, ...], np.dtype[np.signedinteger]]

_ONES = b"\x01" * BLOCK_ROWS
_MAX_LENGTH = 2**32 - 1
_UNSIGNED = {1: pa.uint8(), 2: pa.uint16(), 4: pa.uint32(), 8: pa.uint64()}
# float width in bytes -> (numpy float type, integer type of that width, bits of the one NaN)
_FLOATS = {
    2: ("<f2", "<u2", 0x7E00),
    4: ("<f4", "<u4", 0x7FC0_0000),
    8: ("<f8", "<u8", 0x7FF8_0000_0000_0000),
}


class ContentHasher:
    """Hashes a table that comes as batches of any sizes, in bounded memory.

    >>> hasher = ContentHasher(pa.schema({"n": pa.int64()}))
    >>> hasher.update(pa.record_batch({"n": pa.array([1, None], pa.int64())}))
    >>> hasher.digest()[:15], hasher.rows
    ('sha256:8a9697ba', 2)
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._fields = [(field.name, type_name(field.type)) for field in schema]
        self._types = [field.type for field in schema]
        self._table = hashlib.sha256(_tag("table"))
        self._blocks = 0
        self._block_rows = 0
        self._ended = False
        self.rows = 0
        self._start_block()

    def update(self, batch: pa.RecordBatch) -> None:
        """Hash the rows of a batch.

        Raises `ProvenanceError` when it has other columns than the schema, or after `digest`.
        """
        if self._ended:
            raise ProvenanceError(
                "rows cannot be added after the digest was taken", "use a new ContentHasher"
            )
        self._check(batch)
        start, rows = 0, batch.num_rows
        while start < rows:
            taken = min(rows - start, BLOCK_ROWS - self._block_rows)
            for column, hasher in zip(batch.columns, self._columns, strict=True):
                hasher.update(column.slice(start, taken))
            start += taken
            self._block_rows += taken
            if self._block_rows == BLOCK_ROWS:
                self._end_block()
                self._start_block()
        self.rows += rows

    def digest(self) -> str:
        """`sha256:<hex>` of all rows; may be asked again, but ends the table."""
        if not self._ended and (self._block_rows or not self._blocks):
            self._end_block()
        self._ended = True
        table = self._table.copy()
        table.update(struct.pack("<QQ", self.rows, self._blocks))
        return digest_from_raw(table.digest())

    def _start_block(self) -> None:
        self._block_rows = 0
        self._columns = [_array_hasher(type_) for type_ in self._types]

    def _end_block(self) -> None:
        block = hashlib.sha256(_tag("block") + struct.pack("<QQ", self._block_rows, len(self._columns)))
        for (_, name), hasher in zip(self._fields, self._columns, strict=True):
            text = name.encode("utf-8")
            column = hashlib.sha256(_tag("column") + struct.pack("<Q", len(text)) + text)
            column.update(hasher.summary())
            block.update(column.digest())
        self._table.update(block.digest())
        self._blocks += 1

    def _check(self, batch: pa.RecordBatch) -> None:
        if batch.num_columns != len(self._fields):
            raise ProvenanceError(
                f"a batch has {batch.num_columns} columns where {len(self._fields)} are expected"
            )
        for field, type_, (name, expected) in zip(batch.schema, self._types, self._fields, strict=True):
            if field.name != name or (field.type != type_ and type_name(field.type) != expected):
                raise ProvenanceError(
                    f"a batch has the column {field.name!r} of type {field.type} where {name!r} of type "
                    f"{expected} is expected"
                )


class _ArrayHasher(Protocol):
    """The streams of one level of a column, fed with arrays of one logical type."""

    def update(self, array: pa.Array) -> None: ...

    def summary(self) -> bytes:
        """Count of values, the digest of each stream, then the same of the level below."""
        ...


class _Validity:
    """One byte per value, 1 or 0; an empty stream as long as nothing is null."""

    def __init__(self) -> None:
        self.count = 0
        self._hash: hashlib._Hash | None = None

    def update(self, array: pa.Array) -> None:
        if array.null_count:
            if self._hash is None:
                self._hash = hashlib.sha256()
                self._ones(self.count)
            self._hash.update(_buffer(pc.cast(array.is_valid(), pa.uint8()), 1))
        elif self._hash is not None:
            self._ones(len(array))
        self.count += len(array)

    def _ones(self, count: int) -> None:
        assert self._hash is not None
        for start in range(0, count, len(_ONES)):
            self._hash.update(_ONES[: count - start])

    def summary(self) -> bytes:
        digest = self._hash.digest() if self._hash else hashlib.sha256().digest()
        return struct.pack("<Q", self.count) + digest


class _FixedHasher:
    """Numbers, booleans, times, decimals, binary of one width: the values one after the other."""

    def __init__(self, encode: Callable[[pa.Array], object]) -> None:
        self._encode = encode
        self._validity = _Validity()
        self._values = hashlib.sha256()

    def update(self, array: pa.Array) -> None:
        array = _plain(array)
        self._validity.update(array)
        if len(array):
            self._values.update(cast("bytes", self._encode(array)))

    def summary(self) -> bytes:
        return self._validity.summary() + self._values.digest()


class _TextHasher:
    """Text and binary of any length: all lengths, all bytes."""

    def __init__(self) -> None:
        self._validity = _Validity()
        self._lengths = hashlib.sha256()
        self._bytes = hashlib.sha256()

    def update(self, array: pa.Array) -> None:
        array = _plain(array)
        self._validity.update(array)
        if not len(array):
            return
        lengths, dirty = _lengths(array)
        self._lengths.update(lengths.data)
        packed = array.drop_null() if dirty else array
        if len(packed):
            offsets = _offsets(packed)
            data = packed.buffers()[2]
            if data is not None:
                self._bytes.update(data.slice(int(offsets[0]), int(offsets[-1] - offsets[0])))

    def summary(self) -> bytes:
        return self._validity.summary() + self._lengths.digest() + self._bytes.digest()


class _ListHasher:
    """Lists: all lengths, then the level below, which holds the elements of all lists."""

    def __init__(self, child: _ArrayHasher) -> None:
        self._validity = _Validity()
        self._lengths = hashlib.sha256()
        self._child = child

    def update(self, array: pa.Array) -> None:
        array = _plain(array)
        self._validity.update(array)
        if not len(array):
            return
        if pa.types.is_fixed_size_list(array.type):
            valid = array.is_valid().to_numpy(zero_copy_only=False)
            self._lengths.update((valid * np.uint32(array.type.list_size)).astype("<u4"))
        else:
            self._lengths.update(_lengths(array)[0].data)
        # flatten() leaves out what lies under null lists and outside the slice.
        self._child.update(array.flatten())

    def summary(self) -> bytes:
        return self._validity.summary() + self._lengths.digest() + self._child.summary()


class _NullHasher:
    """The type that has no values: only the count."""

    def __init__(self) -> None:
        self._validity = _Validity()

    def update(self, array: pa.Array) -> None:
        self._validity.update(_plain(array))

    def summary(self) -> bytes:
        return self._validity.summary()


def _array_hasher(type_: pa.DataType) -> _ArrayHasher:
    if pa.types.is_dictionary(type_):
        return _array_hasher(type_.value_type)
    if pa.types.is_null(type_):
        return _NullHasher()
    if pa.types.is_boolean(type_):
        return _FixedHasher(_boolean_bytes)
    if pa.types.is_floating(type_):
        return _FixedHasher(_float_bytes)
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return _ListHasher(_array_hasher(type_.value_type))
    if _has_offsets(type_):
        return _TextHasher()
    return _FixedHasher(_fixed_bytes)


def _has_offsets(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(type_)
        or pa.types.is_large_string(type_)
        or pa.types.is_binary(type_)
        or pa.types.is_large_binary(type_)
    )


def _plain(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array


def _buffer(array: pa.Array, width: int) -> pa.Buffer:
    """The bytes of the values of a fixed-width array, without a copy."""
    return array.buffers()[1].slice(array.offset * width, len(array) * width)


def _boolean_bytes(array: pa.Array) -> pa.Buffer:
    filled = pc.fill_null(array, False) if array.null_count else array
    return _buffer(pc.cast(filled, pa.uint8()), 1)


def _fixed_bytes(array: pa.Array) -> pa.Buffer | np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    width = array.type.byte_width
    if not array.null_count or width == 0:
        return _buffer(array, width)
    if width in _UNSIGNED:
        bits = pa.Array.from_buffers(_UNSIGNED[width], len(array), array.buffers()[:2], offset=array.offset)
        return _buffer(pc.fill_null(bits, 0), width)
    rows = np.frombuffer(_buffer(array, width), np.uint8).reshape(len(array), width).copy()
    rows[array.is_null().to_numpy(zero_copy_only=False)] = 0
    return rows


def _float_bytes(array: pa.Array) -> object:
    data = _fixed_bytes(array)
    kind, bits, nan = _FLOATS[array.type.byte_width]
    values = np.frombuffer(data, kind)
    where = np.isnan(values)
    if not where.any():
        return data
    copy = values.view(bits).copy()
    copy[where] = nan
    return copy


def _offsets(array: pa.Array) -> _Integers:
    type_ = array.type
    large = (
        pa.types.is_large_string(type_) or pa.types.is_large_binary(type_) or pa.types.is_large_list(type_)
    )
    offsets: _Integers = np.frombuffer(array.buffers()[1], np.int64 if large else np.int32)
    return offsets[array.offset : array.offset + len(array) + 1]


def _lengths(array: pa.Array) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint32]], bool]:
    """Lengths of the values, 0 for nulls, and whether bytes lie hidden under nulls."""
    lengths = np.diff(_offsets(array))
    dirty = False
    if array.null_count:
        null = array.is_null().to_numpy(zero_copy_only=False)
        dirty = bool(lengths[null].any())
        lengths[null] = 0
    if lengths.dtype.itemsize > 4 and int(lengths.max()) > _MAX_LENGTH:
        raise ProvenanceError("a value of 4 GiB or more has no content digest", "cut it into smaller values")
    return lengths.astype("<u4"), dirty


def _tag(level: str) -> bytes:
    return f"{ALGORITHM}\n{level}\n".encode()
