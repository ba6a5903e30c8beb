"""Which columns are missing together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mintage.evaluation.results import MissingPattern, Missingness
from mintage.evaluation.tables import Table

MAX_PATTERNS = 20
_WORD = 62


def measure_missingness(real: Table, synthetic: Table) -> Missingness:
    """Compare how often each set of columns is missing; a row without missing values has the empty set."""
    places = [
        place
        for place, columns in enumerate(zip(real.columns, synthetic.columns, strict=True))
        if any(column.missing.any() for column in columns)
    ]
    marks = np.concatenate([_marks(real, places), _marks(synthetic, places)])
    pattern, first = _number(marks)
    counts = np.stack(
        [np.bincount(part, minlength=len(first)) for part in (pattern[: real.rows], pattern[real.rows :])]
    )
    shares = counts / np.array([[real.rows], [synthetic.rows]])
    order = np.argsort(-shares.sum(axis=0), kind="stable")[:MAX_PATTERNS]
    return Missingness(
        tvd=float(np.abs(shares[0] - shares[1]).sum() / 2),
        patterns=[
            MissingPattern(
                columns=[
                    real.columns[places[bit]].name for bit in np.flatnonzero(_bits(marks[first[number]]))
                ],
                real=float(shares[0, number]),
                synthetic=float(shares[1, number]),
            )
            for number in order
        ],
    )


def _marks(table: Table, places: list[int]) -> npt.NDArray[np.int64]:
    """Which of these columns are missing, as bits; rows x words of 62 bits."""
    words = np.zeros((table.rows, max(1, -(-len(places) // _WORD))), dtype=np.int64)
    for bit, place in enumerate(places):
        words[:, bit // _WORD] |= table.columns[place].missing.astype(np.int64) << (bit % _WORD)
    return words


def _bits(words: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    bits: npt.NDArray[np.int64] = (words[:, None] >> np.arange(_WORD)) & 1
    return bits.ravel()


def _number(marks: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """A number for each different row of words, and the first row that has it."""
    number = np.zeros(len(marks), dtype=np.int64)
    for word in marks.T:
        known, codes = np.unique(word, return_inverse=True)
        _, number = np.unique(number * len(known) + codes.reshape(-1), return_inverse=True)
        number = number.reshape(-1)
    _, first = np.unique(number, return_index=True)
    return number, first
