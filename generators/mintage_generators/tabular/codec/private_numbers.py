"""Numbers under differential privacy: bounds, point masses and quantiles from noisy histograms.

A column is looked at up to five times: on which lattice its values lie; which single values many
rows share; between which powers of two they lie; and, within the bounds found, a coarse and then a
fine histogram, whose cells are merged into bins of about equal rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mintage.errors import SourceError, SpecError
from mintage_generators.tabular.codec.column import Column, ExactColumn
from mintage_generators.tabular.codec.number import SPECIAL, special_kinds
from mintage_generators.tabular.codec.physical import from_numbers, numbers
from mintage_generators.tabular.codec.private_lattice import Lattice, rungs
from mintage_generators.tabular.codec.private_looks import Looker
from mintage_generators.tabular.codec.private_quantiles import make_bins, number_column
from mintage_generators.tabular.ledger import Domain

LISTED_SHARE = 0.97
"""Part of the rows that single values must cover for the column to be listed."""

MAX_LISTED = 256
_CLEAR = 0.99
"""Part of the rows that must lie on a lattice."""
_EXPONENTS = (-100, 1023)


def looks_at_numbers(type_: pa.DataType, domain: Domain | None) -> int:
    """How many mechanisms `learn_numbers` runs at most."""
    stepped = len(rungs(type_)) > 1 and (domain is None or domain.decimals is None)
    bounded = domain is not None and domain.low is not None
    return int(stepped) + 1 + int(not bounded) + 2


def learn_numbers(
    array: pa.Array, domain: Domain | None, looker: Looker, *, rows: float, bins: int
) -> Column:
    """The column of numbers; `rows` is their (noisy) number. Raises `SourceError` when noise drowns it."""
    values = numbers(array)
    kinds = special_kinds(array, values)
    finite = values[kinds < 0]
    masses = _point_masses(finite, kinds, looker)
    if masses.listed(rows):
        return masses.column(looker.column, array.type)
    lattice = _lattice(finite, array.type, domain, looker)
    heavy = masses.heavy(rows / bins)
    rest = lattice.whole(finite[~np.isin(finite, heavy.values)])
    bounds = _bounds(rest, lattice, domain, looker)
    if bounds is None:
        return masses.alone(looker.column, array.type)
    low, high = bounds
    found = make_bins(rest, low, high, looker, bins=bins, step=lattice.step)
    special = dict(zip(heavy.special, heavy.special_counts.tolist(), strict=True))
    atoms = dict(zip(lattice.whole(heavy.values).tolist(), heavy.counts.tolist(), strict=True))
    return number_column(looker.column, array.type, lattice, found, special=special, atoms=atoms)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Masses:
    """Values that many rows share: kinds of no number by name, and numbers in order, with noisy counts."""

    special: tuple[str, ...]
    special_counts: np.ndarray
    values: np.ndarray
    counts: np.ndarray

    def listed(self, rows: float) -> bool:
        """Whether they are nearly all there is."""
        covered = self.counts.sum() + self.special_counts.sum()
        return self._usable() and len(self.values) <= MAX_LISTED and covered >= LISTED_SHARE * rows

    def heavy(self, least: float) -> _Masses:
        """Those of at least so many rows."""
        kept = self.counts >= least
        return _Masses(
            special=self.special, special_counts=self.special_counts, values=self.values[kept],
            counts=self.counts[kept],
        )  # fmt: skip

    def alone(self, name: str, type_: pa.DataType) -> ExactColumn:
        """A column of these values, when the noise hides between which bounds the others lie."""
        if self._usable():
            return self.column(name, type_)
        raise SourceError(
            f"column {name!r} has too few rows of one magnitude for the noise to leave its bounds visible",
            "raise privacy.epsilon, give low and high under privacy.domains, or leave the column out",
        )

    def column(self, name: str, type_: pa.DataType) -> ExactColumn:
        """A column of these values alone."""
        nulls = np.zeros(len(self.values) + len(self.special), np.bool_)
        nulls[: len(self.special)] = True
        values = np.concatenate([np.zeros(len(self.special), self.values.dtype), self.values])
        counts = np.concatenate([self.special_counts, self.counts]).astype(np.int64)
        return ExactColumn.of(name, type_, (from_numbers(values, nulls, type_), counts))

    def _usable(self) -> bool:
        return set(self.special) <= {"null"} and len(self.special) + len(self.values) > 0


def _point_masses(finite: np.ndarray, kinds: np.ndarray, looker: Looker) -> _Masses:
    values, counts = np.unique(finite, return_counts=True)
    special = np.bincount(kinds[kinds >= 0], minlength=len(SPECIAL))
    noisy, shown = looker.seen("values", np.concatenate([special, counts]))
    names = tuple(name for name, kept in zip(SPECIAL, shown[: len(SPECIAL)], strict=True) if kept)
    return _Masses(
        special=names,
        special_counts=noisy[: len(SPECIAL)][shown[: len(SPECIAL)]],
        values=values[shown[len(SPECIAL) :]],
        counts=noisy[len(SPECIAL) :][shown[len(SPECIAL) :]],
    )


def _lattice(finite: np.ndarray, type_: pa.DataType, domain: Domain | None, looker: Looker) -> Lattice:
    """The coarsest of the type's lattices that nearly all rows lie on."""
    known = rungs(type_)
    if domain is not None and domain.decimals is not None:
        return Lattice(type=type_, decimals=domain.decimals)
    if len(known) == 1:
        return known[0]
    first = np.full(len(finite), len(known) - 1)
    for number in reversed(range(len(known) - 1)):
        first[known[number].holds(finite)] = number
    noisy = np.cumsum(np.maximum(looker.counts("lattice", np.bincount(first, minlength=len(known))), 0))
    return known[int(np.argmax(noisy >= _CLEAR * noisy[-1]))]


def _bounds(
    whole: np.ndarray, lattice: Lattice, domain: Domain | None, looker: Looker
) -> tuple[float, float] | None:
    """The public bounds, or powers of two between which nearly all rows lie; None when noise hides them."""
    if domain is not None and domain.low is not None:
        low, high = (lattice.bound(looker.column, end) for end in (domain.low, domain.high))
        if low > high:
            raise SpecError(
                f"privacy.domains: of column {looker.column!r} low {domain.low} is above high {domain.high}",
                "swap them",
            )
        return low, high
    least, most = _EXPONENTS if lattice.continuous else (0, 63)
    size = most - least + 1
    exponents = np.clip(np.frexp(np.abs(whole.astype(np.float64)))[1] - 1, least, most) - least
    # Negative numbers, largest first; zero; positive numbers.
    cells = np.where(whole > 0, size + 1 + exponents, size - 1 - exponents)
    cells[whole == 0] = size
    noisy = looker.counts("powers of two", np.bincount(cells, minlength=2 * size + 1))
    shown = looker.clear(noisy)
    if not len(shown):
        return None
    return _edge(int(shown[0]), size, least, 0), _edge(int(shown[-1]), size, least, 1)


def _edge(cell: int, size: int, least: int, end: int) -> float:
    if cell == size:
        return 0.0
    if cell > size:
        return float(np.ldexp(1.0, cell - size - 1 + least + end))
    return -float(np.ldexp(1.0, size - 1 - cell + least + 1 - end))
