"""A digest of rows in memory: of their values, not of how they are cut into chunks or where they lie."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

_BLOCK_ROWS = 65_536


def content_digest(table: pa.Table) -> str:
    """`sha256:<hex>` over schema and values: equal rows give equal digests, whatever their chunks."""
    digest = hashlib.sha256(repr([(field.name, str(field.type)) for field in table.schema]).encode())
    for start in range(0, table.num_rows, _BLOCK_ROWS):
        block = table.slice(start, _BLOCK_ROWS)
        digest.update(block.num_rows.to_bytes(8, "little"))
        for column in block.columns:
            _update(digest, pa.concat_arrays(column.chunks))
    return f"sha256:{digest.hexdigest()}"


def _update(digest: hashlib._Hash, values: pa.Array) -> None:
    digest.update(np.packbits(values.is_valid().to_numpy(zero_copy_only=False)).tobytes())
    present = pc.drop_null(values)
    type_ = present.type
    if pt.is_list(type_) or pt.is_fixed_size_list(type_):
        digest.update(pc.list_value_length(present).cast(pa.int64()).to_numpy().tobytes())
        _update(digest, present.flatten())
    elif pt.is_string(type_) or pt.is_binary(type_) or pt.is_large_string(type_) or pt.is_large_binary(type_):
        digest.update(pc.binary_length(present).cast(pa.int64()).to_numpy().tobytes())
        digest.update(_bytes_between(present))
    elif pt.is_boolean(type_):
        digest.update(np.packbits(present.to_numpy(zero_copy_only=False)).tobytes())
    elif not pt.is_null(type_):
        digest.update(_fixed_bytes(present))


def _bytes_between(values: pa.Array) -> bytes:
    _, offsets, data = values.buffers()
    if not len(values) or data is None:
        return b""
    is_large = pt.is_large_string(values.type) or pt.is_large_binary(values.type)
    ends = np.frombuffer(offsets, np.int64 if is_large else np.int32)[
        values.offset : values.offset + len(values) + 1
    ]
    return memoryview(data)[int(ends[0]) : int(ends[-1])].tobytes()


def _fixed_bytes(values: pa.Array) -> bytes:
    if pt.is_floating(values.type):
        floats = values.to_numpy()
        # All NaNs are one value, whatever their bits.
        return np.where(np.isnan(floats), np.array(np.nan, floats.dtype), floats).tobytes()
    width = values.type.bit_width // 8
    data = values.buffers()[1]
    return (
        memoryview(data)[values.offset * width : (values.offset + len(values)) * width].tobytes()
        if data
        else b""
    )
