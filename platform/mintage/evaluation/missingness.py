"""Which columns are missing together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mintage.evaluation.results import Missingness, MissingPattern
from mintage.evaluation.tables import Floats, Table

MAX_PATTERNS = 20
_WORD = 62


def measure_missingness(real: Table, synthetic: Table) -> Missingness:
    """Compare how often each set of columns is missing; a row without missing values has the empty set."""
    places = [
        place
        for place, columns in enumerate(zip(real.columns, synthetic.columns, strict=True))
        if any(column.missing.any() for column in columns)
    ]
    every = np.concatenate([_marks(table, places) for table in (real, synthetic)])
    keys = _keys(every) if every.shape[1] > 1 else every[:, 0]
    known = np.unique(keys)
    shares = np.stack([_shares(part, known) for part in (keys[: real.rows], keys[real.rows :])])
    names = [real.columns[place].name for place in places]
    order = np.argsort(-shares.sum(axis=0), kind="stable")[:MAX_PATTERNS]
    return Missingness(
        tvd=float(np.abs(shares[0] - shares[1]).sum() / 2),
        patterns=[
            MissingPattern(
                columns=_names(names, every[np.argmax(keys == known[pattern])]),
                real=float(shares[0, pattern]),
                synthetic=float(shares[1, pattern]),
            )
            for pattern in order
        ],
    )


def _marks(table: Table, places: list[int]) -> npt.NDArray[np.int64]:
    """Which of these columns are missing, as bits; rows x words of 62 bits."""
    words = np.zeros((table.rows, max(1, -(-len(places) // _WORD))), dtype=np.int64)
    for bit, place in enumerate(places):
        words[:, bit // _WORD] |= table.columns[place].missing.astype(np.int64) << (bit % _WORD)
    return words


def _keys(marks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A number for each different row of several words."""
    keys = np.zeros(len(marks), dtype=np.int64)
    for word in marks.T:
        known, codes = np.unique(word, return_inverse=True)
        _, keys = np.unique(keys * len(known) + codes.reshape(-1), return_inverse=True)
        keys = keys.reshape(-1)
    return keys


def _shares(keys: npt.NDArray[np.int64], known: npt.NDArray[np.int64]) -> Floats:
    held, counts = np.unique(keys, return_counts=True)
    shares = np.zeros(len(known))
    shares[np.searchsorted(known, held)] = counts / len(keys)
    return shares


def _names(names: list[str], words: npt.NDArray[np.int64]) -> list[str]:
    bits = ((words[:, None] >> np.arange(_WORD)) & 1).ravel()
    return [names[place] for place in np.flatnonzero(bits)]
