"""Choosing how a column is carried, and learning its tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage.errors import SourceError
from mintage_generators.tabular.codec.column import UNKNOWN, Column, ExactColumn, count_values, plain
from mintage_generators.tabular.codec.config import CodecConfig
from mintage_generators.tabular.codec.number import fit_numbers, special_kinds
from mintage_generators.tabular.codec.other import OtherColumn
from mintage_generators.tabular.codec.physical import check_type, is_number, is_text, numbers

MAX_LEVELS = 100_000
"""Values listed at most; of more, the commonest are kept."""

_SENTENCES = 0.5
_WORDS = 4.0
"""Share of rare cells, and words of a cell, above which a column counts as free text."""

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


def fit_column(
    name: str, data: pa.ChunkedArray, config: CodecConfig, role: Literal["numeric", "category"] | None = None
) -> FittedColumn:
    """Learn one column. Raises `SourceError` when its type cannot be carried or all of it is protected."""
    check_type(name, data.type)
    array = plain(data)
    column, moved = _learn(name, array, config, role)
    return fitted(column, array, moved)


def fitted(column: Column, array: pa.Array, moved: int = 0) -> FittedColumn:
    """A column with the tokens of the values that it was learned from, counted."""
    listed = column.encode(array)
    tokens = column.approximate(array, listed)
    column = replace(column, counts=np.bincount(tokens[tokens != UNKNOWN], minlength=column.tokens))
    return FittedColumn(
        column=column, tokens=tokens, listed=listed, hidden=int((tokens == UNKNOWN).sum()), moved=moved
    )


def _learn(
    name: str, array: pa.Array, config: CodecConfig, role: Literal["numeric", "category"] | None
) -> tuple[Column, int]:
    if is_number(array.type) and role != "category" and (role or not _is_listed(array, config.min_support)):
        finite = int((special_kinds(array, numbers(array)) < 0).sum())
        if finite >= config.min_support:
            return fit_numbers(name, array, config.bins, config.min_support)
    values, counts = count_values(pa.chunked_array([array]))
    shared = counts >= config.min_support
    if shared.sum() > MAX_LEVELS:
        shared &= counts >= np.sort(counts)[-MAX_LEVELS]
    covered = int(counts[shared].sum())
    if is_text(array.type) and role is None:
        _refuse_sentences(name, array, 1.0 - covered / len(array))
    if not shared.any():
        raise SourceError(
            f"column {name!r} has no value that at least {config.min_support} of {len(array)} rows share, "
            "and rarer values are protected",
            f"say what it is, under columns (columns: {{{name}: {{as: key}}}}) or personal.columns; "
            f"or leave it out (exclude: [{name}]), or group its values",
        )
    counted = values.filter(pa.array(shared)), counts[shared]
    column = ExactColumn.of(name, array.type, counted)
    if is_text(array.type) and _rare(name, config) == "other" and len(array) - covered >= config.min_support:
        return OtherColumn.over(column, len(array) - covered), 0
    return column, int(counts[~shared].sum()) if is_number(array.type) else 0


def _is_listed(array: pa.Array, min_support: int) -> bool:
    """Whether values that enough rows share cover a column of numbers, each special kind being one value."""
    values = numbers(array)
    kinds = special_kinds(array, values)
    ordered = np.sort(values[kinds < 0])
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    counts = np.concatenate([np.diff(np.append(starts, len(ordered))), np.bincount(kinds[kinds >= 0])])
    shared = np.sort(counts[counts >= min_support])[-MAX_LEVELS:]
    return bool(shared.sum() >= LISTED_SHARE * len(array))


def _rare(name: str, config: CodecConfig) -> str:
    said = config.columns.get(name)
    return (said.rare if said else None) or config.rare


def _refuse_sentences(name: str, array: pa.Array, rare: float) -> None:
    """Raise `SourceError` for a column most of whose cells are texts of several words that few rows share."""
    if rare <= _SENTENCES:
        return
    words = pc.mean(pc.count_substring_regex(array, r"\S+")).as_py() or 0.0
    if words >= _WORDS:
        raise SourceError(
            f"column {name!r} holds free text: {words:.0f} words a cell, and {rare:.0%} of its cells hold "
            "what few other rows do; a tabular generator learns categories, not sentences",
            f"leave it out (exclude: [{name}]), or learn only the texts that many rows share "
            f"(columns: {{{name}: {{as: category}}}})",
        )
