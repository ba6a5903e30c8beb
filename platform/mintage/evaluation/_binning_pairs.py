"""Which pairs of columns are counted together, and on how many cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ALL_PAIRS_COLUMNS = 64
"""Columns of which all pairs are counted; of more, the pairs that matter."""
MOST_PAIRS = ALL_PAIRS_COLUMNS * (ALL_PAIRS_COLUMNS - 1) // 2
MOST_CELLS = 2**20
"""Cells of all pairs of a table together."""
MOST_PAIR_CELLS = 2**17

CANDIDATE_ROWS = 4096
"""Rows over which associations are looked at."""
_CANDIDATES = 512


def all_pairs(columns: int) -> list[tuple[int, int]]:
    """Every pair of `columns` positions, in order."""
    return [(left, right) for left in range(columns) for right in range(left + 1, columns)]


def candidates(columns: int) -> list[int]:
    """Positions of the columns whose associations are looked at, evenly spread over a wide table."""
    return sorted({int(place) for place in np.linspace(0, columns - 1, min(columns, _CANDIDATES))})


def choose_pairs(columns: int, places: Sequence[int], features: Sequence[Floats]) -> list[tuple[int, int]]:
    """Half the strongest pairs of the candidates, and half spread evenly over all columns.

    `features[i]` [rows, k] are numbers that stand for the column at `places[i]`; its association with
    another is the greatest correlation between theirs.
    """
    chosen = _strongest(places, features, MOST_PAIRS // 2)
    distance = 1
    while len(chosen) < MOST_PAIRS and distance < columns:
        step = max(1, columns // (MOST_PAIRS // 2))
        for left in range(0, columns, step):
            right = (left + distance) % columns
            chosen.add((min(left, right), max(left, right)))
            if len(chosen) == MOST_PAIRS:
                break
        distance += 1
    return sorted(chosen)


def _strongest(places: Sequence[int], features: Sequence[Floats], most: int) -> set[tuple[int, int]]:
    owners = np.repeat(np.arange(len(features)), [feature.shape[1] for feature in features])
    table = np.concatenate(features, axis=1)
    table = table - table.mean(axis=0)
    length = np.sqrt((table**2).sum(axis=0))
    table = table / np.where(length > 0, length, 1)
    # Rounded, so that the last digit of a product does not decide between equals.
    strength = np.round(np.abs(table.T @ table), 6)
    best = np.zeros((len(features), len(features)))
    np.maximum.at(best, (owners[:, None], owners[None, :]), strength)
    left, right = np.triu_indices(len(features), 1)
    order = np.argsort(-best[left, right], kind="stable")[:most]
    strongest = zip(left[order].tolist(), right[order].tolist(), strict=True)
    return {(places[one], places[other]) for one, other in strongest}


def share_cells(wanted: Sequence[int]) -> list[int]:
    """Cells that each pair may have: what it wants where it is little, an equal share of the rest."""
    given = [0] * len(wanted)
    left = MOST_CELLS
    order = sorted(range(len(wanted)), key=lambda place: (wanted[place], place))
    for done, place in enumerate(order):
        given[place] = min(wanted[place], MOST_PAIR_CELLS, left // (len(order) - done))
        left -= given[place]
    return given


def fit_sides(wanted: tuple[int, int], least: tuple[int, int], cells: int) -> tuple[int, int]:
    """Codes of both sides, at least `least`, so that their product fits `cells` as far as that goes."""

    def capped(most: int) -> tuple[int, int]:
        return max(least[0], min(wanted[0], most)), max(least[1], min(wanted[1], most))

    low, high = 0, max(wanted)
    while low < high:
        middle = (low + high + 1) // 2
        left, right = capped(middle)
        low, high = (middle, high) if left * right <= cells else (low, middle - 1)
    return capped(low)
