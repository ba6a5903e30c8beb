"""How often the values of two columns occur together, for all pairs of columns of all tables.

Fine codes (see `coding`) are counted once per pair and table. Columns of few codes are counted against
many others at a time, in blocks of rows that stay in the processor's cache; columns of many levels are
counted pair by pair, and as a list of the cells that occur when most of them do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation.coding import Coded, Coding, Integers, View
from mintage.evaluation.tables import Floats

FEW_CODES = 128
"""Columns of at most as many fine codes are counted many at a time."""
_DENSE_CELLS = 2**20
_BLOCK = 2**17


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The cells of the joint counts of some pairs that are not empty in every table, as a list."""

    pair: Integers
    """For each cell, the position of its pair in `Joint.pairs`."""
    left: Integers
    """Code of the pair's left column."""
    right: Integers
    """Code of the pair's right column."""
    counts: Floats
    """Rows, as whole numbers: tables x cells."""
    left_size: int
    right_sizes: Integers
    """For each pair, how many codes its right column has."""

    def sums(self, values: Floats) -> Floats:
        """Add up a value of each cell: one sum for each pair."""
        return _add_up(self.pair, values, len(self.right_sizes))

    def left_sums(self, values: Floats) -> Floats:
        """Add up a value of each cell over the right codes; pairs x left codes."""
        key = self.pair * self.left_size + self.left
        return _add_up(key, values, len(self.right_sizes) * self.left_size).reshape(-1, self.left_size)

    def right_sums(self, values: Floats) -> Floats:
        """Add up a value of each cell over the left codes; pairs x right codes."""
        size = int(self.right_sizes.max())
        return _add_up(self.pair * size + self.right, values, len(self.right_sizes) * size).reshape(-1, size)

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """Which cells are of rows where neither value is missing (not in the view `own`)."""
        complete: npt.NDArray[np.bool_] = (self.left < self.left_size - 1) & (
            self.right < self.right_sizes[self.pair] - 1
        )
        return complete


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fine:
    """The fine cells of one table that are not empty."""

    pair: Integers
    left: Integers
    right: Integers
    counts: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """Joint counts of some pairs that share one column."""

    left: Coding
    rights: tuple[Coding, ...]
    pairs: tuple[tuple[int, int], ...]
    """Positions of the two columns."""
    tables: tuple[_Fine, ...]

    def cells(self, view: View) -> Cells:
        """The same counts, each column cut as the view has it."""
        sizes = np.array([right.sizes[view] for right in self.rights], dtype=np.int64)
        lefts, rights = self.left.sizes[view], int(sizes.max())
        keys, counts = [], []
        for number, fine in enumerate(self.tables):
            left = self.left.tables[number].views[view][fine.left]
            right = _mapped([coding.tables[number].views[view] for coding in self.rights], fine)
            keys.append((fine.pair * lefts + left) * rights + right)
            counts.append(fine.counts)
        cells, merged = _merge(keys, counts, len(sizes) * lefts * rights)
        return Cells(
            pair=cells // (lefts * rights),
            left=cells // rights % lefts,
            right=cells % rights,
            counts=merged,
            left_size=lefts,
            right_sizes=sizes,
        )


def count_pairs(codings: Sequence[Coding], *, continuous: bool) -> Iterator[Joint]:
    """Count all pairs of columns; those of two continuous columns only when `continuous` says so."""
    few = [number for number, coding in enumerate(codings) if coding.size <= FEW_CODES]
    few.sort(key=lambda number: codings[number].kind == "continuous")
    stacks = _stacks([codings[number] for number in few])
    for place, number in enumerate(few):
        if codings[number].kind == "continuous" and not continuous:
            break
        for start, stop in _parts(codings, few, place):
            yield _count_many(codings, few, place, (start, stop), stacks)
    many = [number for number, coding in enumerate(codings) if coding.size > FEW_CODES]
    for place, number in enumerate(many):
        for other in (*few, *many[:place]):
            yield _count_two(codings, other, number)


def _stacks(codings: Sequence[Coding]) -> list[npt.NDArray[np.uint8]]:
    """The codes of each table's columns, one column after the other: columns x rows."""
    if not codings:
        return []
    return [
        np.stack([coding.tables[table].codes for coding in codings]).astype(np.uint8, copy=False)
        for table in range(len(codings[0].tables))
    ]


def _parts(codings: Sequence[Coding], few: list[int], place: int) -> Iterator[tuple[int, int]]:
    """Split the columns after `place` so that the counts of a part stay small."""
    start, cells = place + 1, 0
    for stop in range(place + 1, len(few)):
        cells += codings[few[place]].size * codings[few[stop]].size
        if cells > _DENSE_CELLS:
            yield start, stop
            start, cells = stop, codings[few[place]].size * codings[few[stop]].size
    if start < len(few):
        yield start, len(few)


def _count_many(
    codings: Sequence[Coding],
    few: list[int],
    place: int,
    part: tuple[int, int],
    stacks: list[npt.NDArray[np.uint8]],
) -> Joint:
    left, rights = codings[few[place]], tuple(codings[number] for number in few[slice(*part)])
    sizes = np.array([right.size for right in rights], dtype=np.int64)
    first = np.cumsum(sizes) - sizes
    width = int(sizes.sum())
    pair = np.repeat(np.arange(len(rights)), sizes)
    tables = []
    for stack in stacks:
        counts = _count_blocks(stack[place], stack[slice(*part)], first, width, left.size)
        cells = np.flatnonzero(counts)
        slot = cells % width
        tables.append(
            _Fine(pair=pair[slot], left=cells // width, right=slot - first[pair[slot]], counts=counts[cells])
        )
    pairs = tuple((few[place], number) for number in few[slice(*part)])
    return Joint(left=left, rights=rights, pairs=pairs, tables=tuple(tables))


def _count_blocks(
    left: npt.NDArray[np.uint8],
    rights: npt.NDArray[np.uint8],
    first: Integers,
    width: int,
    lefts: int,
) -> Integers:
    """Count (left code, slot of the right code) over all rows; shape lefts x width, flat."""
    rows = len(left)
    step = max(min(rows, 1024), _BLOCK // len(rights))
    keys = np.empty((len(rights), step), dtype=np.int64)
    total = np.zeros(lefts * width, dtype=np.int64)
    for start in range(0, rows, step):
        block = slice(start, min(start + step, rows))
        key = keys[:, : block.stop - start]
        np.add(left[block].astype(np.int64) * width, first[:, None], out=key)
        np.add(key, rights[:, block], out=key)
        total += np.bincount(key.ravel(), minlength=len(total))
    return total


def _count_two(codings: Sequence[Coding], left: int, right: int) -> Joint:
    tables = tuple(
        _cells_of_two(*pair) for pair in zip(codings[left].tables, codings[right].tables, strict=True)
    )
    return Joint(left=codings[left], rights=(codings[right],), pairs=((left, right),), tables=tables)


def _cells_of_two(left: Coded, right: Coded) -> _Fine:
    key = left.codes.astype(np.int64) * right.size + right.codes
    if left.size * right.size <= max(_DENSE_CELLS, len(key)):
        every = np.bincount(key)
        cells = np.flatnonzero(every)
        counts: Integers = every[cells]
    else:
        cells, counts = np.unique(key, return_counts=True)
    return _Fine(
        pair=np.zeros(len(cells), dtype=np.int64),
        left=cells // right.size,
        right=cells % right.size,
        counts=counts,
    )


def _mapped(views: list[Integers], fine: _Fine) -> Integers:
    first = np.cumsum([0, *(len(view) for view in views)])
    return np.concatenate(views)[first[fine.pair] + fine.right]


def _merge(keys: list[Integers], counts: list[Integers], size: int) -> tuple[Integers, Floats]:
    """The keys that occur in any table, ascending, and each table's counts of them."""
    tables = list(zip(keys, counts, strict=True))
    if size <= 4 * _DENSE_CELLS:
        every = np.stack([_add_up(key, rows, size) for key, rows in tables])
        cells = np.flatnonzero(every.any(axis=0))
        return cells, every[:, cells]
    cells = np.unique(np.concatenate(keys))
    return cells, np.stack([_add_up(np.searchsorted(cells, key), rows, len(cells)) for key, rows in tables])


def _add_up(keys: Integers, values: Floats | Integers, size: int) -> Floats:
    sums: Floats = np.bincount(keys, weights=values, minlength=size).astype(np.float64, copy=False)
    return sums
