"""Columns that are functions of another column: found exactly, so that rows keep them exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mintage_generators.tabular.codec.column import UNKNOWN, Column

MAX_COLUMNS = 500
"""Columns above which no functions are looked for: the pairs would be too many."""

_FIRST_LOOK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """Column `result` is a function of column `source`: `table[token of source]` is its token.

    Each entry was seen in every one of the at least `min_support` rows of its key, so nothing rare
    is kept.
    """

    source: int
    result: int
    table: np.ndarray


def find_functions(columns: Sequence[Column], tokens: np.ndarray) -> tuple[Function, ...]:
    """All functions between columns of listed values.

    tokens: int32, shape (rows, columns), UNKNOWN wherever a cell does not hold the value of a token.
    Of two columns that determine each other, the first in order is the source. Constants are
    functions of nothing, and so are left out.
    """
    listed = [i for i, c in enumerate(columns) if c.exact and c.tokens > 1]
    if len(columns) > MAX_COLUMNS or len(listed) < 2:
        return ()
    rank = {i: (-columns[i].tokens, i) for i in listed}
    found = []
    for source in sorted(listed, key=rank.__getitem__):
        below = [i for i in listed if rank[i] > rank[source]]
        likely = below and _agreeing(tokens[:_FIRST_LOOK, source], tokens[:_FIRST_LOOK, below])
        for result in np.asarray(below, np.int64)[likely] if below else ():
            table = _table(columns[source].tokens, tokens[:, source], tokens[:, result])
            if table is not None:
                found.append(Function(source=source, result=int(result), table=table))
    return tuple(found)


def _agreeing(source: np.ndarray, results: np.ndarray) -> np.ndarray:
    """Which columns of `results` are known and the same wherever `source` is known and the same."""
    source, results = source[source != UNKNOWN], results[source != UNKNOWN]
    _, first, inverse = np.unique(source, return_index=True, return_inverse=True)
    return np.asarray(((results == results[first][inverse]) & (results != UNKNOWN)).all(axis=0))


def _table(size: int, source: np.ndarray, result: np.ndarray) -> np.ndarray | None:
    source, result = source[source != UNKNOWN], result[source != UNKNOWN]
    table = np.full(size, UNKNOWN, np.int32)
    table[source] = result
    return table if (table[source] == result).all() and (table != UNKNOWN).all() else None
