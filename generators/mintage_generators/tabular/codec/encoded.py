"""Rows of a source that do not fit into memory, as tokens in a file that vanishes after the fit."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

import numpy as np
import pyarrow as pa

from mintage.contracts import Source
from mintage.errors import SourceError
from mintage_generators.tabular.codec.table import FittedTable, TableCodec

_MAX_HYPERGEOMETRIC = 10**9
"""Rows from which on numpy draws no such number."""

_SPARE_BYTES = 256 * 2**20
"""Bytes of the temporary folder that are left to others."""


class EncodedRows:
    """Tokens in a file, read by slices: shape (rows, columns), int16 or int32; nothing stays in memory."""

    def __init__(self, file: IO[bytes], rows: int, columns: int, dtype: type[np.signedinteger]) -> None:
        self._file, self.dtype = file, np.dtype(dtype)
        self.shape = (rows, columns)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise ValueError(f"rows are read in a stretch, not with a step of {step}")
        width, count = self.shape[1] * self.dtype.itemsize, max(0, stop - start)
        self._file.seek(start * width)
        data = self._file.read(count * width)
        return np.frombuffer(data, self.dtype).reshape(count, self.shape[1])


@contextmanager
def training_rows(
    source: Source,
    fitted: FittedTable,
    columns: Sequence[int],
    *,
    most: int | None,
    max_disk_bytes: int,
    rng: np.random.Generator,
) -> Iterator[np.ndarray | EncodedRows]:
    """The tokens of these columns of the rows to train on, while the body runs.

    Those that the codec was learned from when they are all, or as many as `most`; else all rows of the
    source (or a uniform sample of `most`), encoded in a second pass into a file of the temporary folder,
    which has no name there and is gone when it is closed, however the process ends.

    Raises `SourceError` when the file would need more than `max_disk_bytes` or than is free, and when the
    source has other rows than in the first pass.
    """
    seen = int(str(fitted.record["rows_seen"]))
    wanted = seen if most is None else min(most, seen)
    if wanted <= len(fitted.tokens):
        yield _some(fitted.tokens, wanted, rng)[:, list(columns)]
        return
    widest = max((fitted.codec.columns[i].tokens for i in columns), default=1)
    dtype: type[np.signedinteger] = np.int16 if widest <= np.iinfo(np.int16).max else np.int32
    _check_disk(wanted * len(columns) * np.dtype(dtype).itemsize, wanted, max_disk_bytes)
    with tempfile.TemporaryFile(prefix="mintage-rows-") as file:
        for batch in _sampled(source, seen, wanted, rng):
            tokens = encode_batch(fitted.codec, batch, columns)
            file.write(np.ascontiguousarray(tokens, dtype).tobytes())
        yield EncodedRows(file, wanted, len(columns), dtype)


def encode_batch(codec: TableCodec, batch: pa.RecordBatch, columns: Sequence[int]) -> np.ndarray:
    """Tokens of these columns, int32, shape (rows, len(columns)), with the nearest one for what has none."""
    tokens = np.empty((batch.num_rows, len(columns)), np.int32)
    for place, number in enumerate(columns):
        column = codec.columns[number]
        array = batch.column(column.name)
        tokens[:, place] = column.approximate(array, column.encode(array))
    return tokens


def _some(tokens: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    if wanted == len(tokens):
        return tokens
    return tokens[np.sort(rng.choice(len(tokens), wanted, replace=False, shuffle=False))]


def _sampled(source: Source, seen: int, wanted: int, rng: np.random.Generator) -> Iterator[pa.RecordBatch]:
    """A uniform sample of `wanted` of the source's `seen` rows, in order, batch by batch."""
    left, needed = seen, wanted
    for batch in source.scan():
        left -= batch.num_rows
        if left < 0:
            break
        share = (
            batch.num_rows if needed == left + batch.num_rows else _share(batch.num_rows, left, needed, rng)
        )
        needed -= share
        if share == batch.num_rows:
            yield batch
        else:
            chosen = rng.choice(batch.num_rows, share, replace=False, shuffle=False)
            yield batch.take(pa.array(np.sort(chosen)))
    if left:
        raise SourceError(
            f"the source had {seen} rows when it was read first, and {'fewer' if left > 0 else 'more'} when "
            "it was read again",
            "let nothing write to the source while it is learned from",
        )


def _share(rows: int, left: int, needed: int, rng: np.random.Generator) -> int:
    """How many of `rows` rows are among `needed` that are drawn from them and the `left` ones after them."""
    if rows + left < _MAX_HYPERGEOMETRIC:
        return int(rng.hypergeometric(rows, left, needed))
    # Of so many rows the draws hardly know of each other.
    return int(np.clip(rng.binomial(rows, needed / (rows + left)), needed - left, needed))


def _check_disk(needed: int, rows: int, max_disk_bytes: int) -> None:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free - _SPARE_BYTES
    if needed > max_disk_bytes:
        raise SourceError(
            f"{rows} rows to train on need {needed} bytes of disk; max_disk_bytes allows {max_disk_bytes}",
            "raise generator.max_disk_bytes, or set generator.train_rows to train on a sample",
        )
    if needed > free:
        raise SourceError(
            f"{rows} rows to train on need {needed} bytes in {folder}, where {max(0, free)} are free",
            "set TMPDIR to a larger disk, or set generator.train_rows to train on a sample",
        )
