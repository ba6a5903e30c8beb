"""Choosing how a column is carried, and learning its tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from mintage.errors import SourceError
from mintage_generators.tabular.codec.column import UNKNOWN, Column, ExactColumn, count_values, plain
from mintage_generators.tabular.codec.config import CodecConfig
from mintage_generators.tabular.codec.number import fit_numbers, special_kinds
from mintage_generators.tabular.codec.physical import check_type, is_number, numbers

MAX_LEVELS = 100_000
"""Values listed at most; of more, the commonest are kept."""

LISTED_SHARE = 0.99
"""Share of a numeric column's rows that listed values must cover, or the column gets bins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedColumn:
    """A column, the tokens of the rows learned from, and how many cells were kept from being emitted.

    `tokens` stand for the nearest value where a cell's own is protected; `listed` are UNKNOWN there.
    """

    column: Column
    tokens: np.ndarray
    listed: np.ndarray
    hidden: int
    moved: int


def fit_column(name: str, data: pa.ChunkedArray, config: CodecConfig) -> FittedColumn:
    """Learn one column. Raises `SourceError` when its type cannot be carried or all of it is protected."""
    check_type(name, data.type)
    array = plain(data)
    column, moved = _learn(name, array, config)
    listed = column.encode(array)
    tokens = column.approximate(array, listed)
    column = replace(column, counts=np.bincount(tokens[tokens != UNKNOWN], minlength=column.tokens))
    return FittedColumn(
        column=column, tokens=tokens, listed=listed, hidden=int((tokens == UNKNOWN).sum()), moved=moved
    )


def _learn(name: str, array: pa.Array, config: CodecConfig) -> tuple[Column, int]:
    values, counts = count_values(pa.chunked_array([array]))
    shared = counts >= config.min_support
    if shared.sum() > MAX_LEVELS:
        shared &= counts >= np.sort(counts)[-MAX_LEVELS]
    if is_number(array.type) and counts[shared].sum() < LISTED_SHARE * len(array):
        finite = int((special_kinds(array, numbers(array)) < 0).sum())
        if finite >= config.min_support:
            return fit_numbers(name, array, config.bins, config.min_support)
    if not shared.any():
        raise SourceError(
            f"column {name!r} has no value that at least {config.min_support} of {len(array)} rows share, "
            "and rarer values are protected",
            "leave the column out of the source, or group its values",
        )
    counted = values.filter(pa.array(shared)), counts[shared]
    moved = int(counts[~shared].sum()) if is_number(array.type) else 0
    return ExactColumn.of(name, array.type, counted), moved
