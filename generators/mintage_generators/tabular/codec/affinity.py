"""The order of a wide column's levels: beside each other what goes with the same value elsewhere.

A column of thousands of levels is drawn in two steps, first a group and then a level within it. The
groups are cut from the order of the levels, so a good order puts, say, all aircraft of one airline
in the same groups: then the group can be told from the airline.
"""

from __future__ import annotations

import numpy as np

from mintage_generators.tabular.codec.column import TWO_LEVELS, UNKNOWN, Column

_ROWS = 100_000
_PARTNERS = 64
_MAX_PAIRS = 4_000_000


def level_order(wide: int, columns: list[Column], tokens: np.ndarray) -> np.ndarray:
    """A permutation of the tokens of column `wide`; tokens: int32, shape (rows, columns)."""
    size = columns[wide].tokens
    sample = tokens[:: max(1, len(tokens) // _ROWS)]
    best, partner_of = 0.0, np.zeros(size, np.int64)
    most = min(TWO_LEVELS, _MAX_PAIRS // size)
    for partner in [i for i, c in enumerate(columns) if i != wide and 1 < c.tokens <= most][:_PARTNERS]:
        known = (sample[:, wide] != UNKNOWN) & (sample[:, partner] != UNKNOWN)
        pairs = _pair_counts(sample[known, wide], sample[known, partner], size, columns[partner].tokens)
        if (shared := _information(pairs)) > best:
            best, partner_of = shared, pairs.argmax(axis=1)
    return np.lexsort((np.arange(size), -columns[wide].counts, partner_of))


def _pair_counts(wide: np.ndarray, partner: np.ndarray, rows: int, columns: int) -> np.ndarray:
    flat = np.bincount(wide.astype(np.int64) * columns + partner, minlength=rows * columns)
    return flat.reshape(rows, columns)


def _information(pairs: np.ndarray) -> float:
    """Mutual information of a table of counts, in nats, less what chance alone gives (Miller, 1955)."""
    total = pairs.sum()
    if not total:
        return 0.0
    expected = np.outer(pairs.sum(axis=1), pairs.sum(axis=0)) / total
    seen = pairs > 0
    plain = float((pairs[seen] * np.log(pairs[seen] / expected[seen])).sum() / total)
    freedom = (np.count_nonzero(pairs.sum(axis=1)) - 1) * (np.count_nonzero(pairs.sum(axis=0)) - 1)
    return plain - float(freedom / (2 * total))
