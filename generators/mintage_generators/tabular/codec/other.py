"""Listed texts with one category for all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa

from mintage_generators.tabular.codec.column import UNKNOWN, ExactColumn, plain

OTHER = "(other)"
"""What stands for all values that too few rows share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherColumn(ExactColumn):
    """Listed texts, one of which is `OTHER`: what is not listed takes its token."""

    @classmethod
    def over(cls, column: ExactColumn, rows: int) -> Self:
        """The column with `OTHER` as its last value, unless it is listed; `rows` is how many rows have it."""
        values, counts = column.values, column.counts
        if OTHER not in values.to_pylist():
            values = pa.concat_arrays([values, pa.array([OTHER], column.type)])
            counts = np.append(counts, rows)
        return cls(name=column.name, type=column.type, values=values, counts=counts)

    def approximate(self, array: pa.Array, tokens: np.ndarray) -> np.ndarray:
        """Texts that are not listed take the token of `OTHER`; null does not."""
        present = plain(array).is_valid().to_numpy(zero_copy_only=False)
        token = self.token_of(pa.scalar(OTHER, self.type))
        assert token is not None
        return np.where((tokens == UNKNOWN) & present, np.int32(token), tokens)
