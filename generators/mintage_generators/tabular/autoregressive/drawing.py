"""What a draw is asked for, and what comes of it: nothing here needs torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from mintage_generators.tabular.codec import Conditions
from mintage_generators.tabular.codec.rows import RuledRows
from mintage_generators.tabular.codec.ruling import Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Rows: tokens of every column, int32 each; arrays of those columns whose values are settled.

    `failed` tells the rows that could not be completed, bool (rows,): only where values were given.
    """

    tokens: list[np.ndarray]
    arrays: Mapping[int, pa.Array]
    failed: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What is to be drawn: rows under conditions, and, where there are constraints, their ruling.

    uniform: float32 (slots, rows) in [0, 1); draws: by column, (rows,) in [0, 1), for values within
    tokens. `given` are columns that are there already: one array each, of all rows, whose values are
    either all known to the codec or, where `unseen` names the column, all unknown.
    `last` is a column to be drawn after all others.
    """

    rows: int
    conditions: Conditions
    uniform: np.ndarray
    ruling: Ruling | None = None
    draws: Sequence[np.ndarray] = ()
    given: Mapping[int, pa.Array] = field(default_factory=dict)
    unseen: frozenset[int] = frozenset()
    last: int | None = None

    def ruled(self, start: int, rows: int) -> RuledRows | None:
        """The rows from `start` on, as constraints see them; None when there are none."""
        if self.ruling is None:
            return None
        return RuledRows(
            self.ruling,
            rows,
            {i: draws[start : start + rows] for i, draws in enumerate(self.draws) if len(draws)},
            {i: array.slice(start, rows) for i, array in self.given.items()},
        )


def constants(draw: Draw, columns: int) -> Drawn:
    """Rows of a table in which nothing varies but what is computed."""
    zeros = np.zeros(draw.rows, np.int32)
    ruled = draw.ruled(0, draw.rows)
    if ruled is not None:
        for i in range(columns):
            if i not in draw.given and i not in ruled.ruling.rules.totals:
                ruled.settle(i, zeros)
        while next(ruled.computed(), None):
            pass
    arrays = {} if ruled is None else ruled.arrays()
    failed = np.zeros(draw.rows, np.bool_) if ruled is None else ruled.failed
    return Drawn(tokens=[zeros] * columns, arrays=arrays, failed=failed)
