"""Bins of about equal rows from noisy histograms, and the column of numbers made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mintage_generators.tabular.codec.number import KNOTS, NumberColumn
from mintage_generators.tabular.codec.private_lattice import Lattice, limits
from mintage_generators.tabular.codec.private_looks import Looker

COARSE = 64
FINE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """Ranges from one of `edges` to the next, and the finer cells within them, all in whole lattice units.

    edges: shape (bins + 1,); fine: ascending, all edges among them; masses: noisy rows between `fine`,
    none below 0. All float64.
    """

    edges: np.ndarray
    fine: np.ndarray
    masses: np.ndarray

    def rows(self) -> np.ndarray:
        """Noisy rows of each bin."""
        return np.asarray(np.diff(np.interp(self.edges, self.fine, _reached(self.masses))))

    def quantiles(self) -> np.ndarray:
        """Each bin's quantile function at `KNOTS` even places, shape (bins, KNOTS)."""
        # A whiff of rows everywhere makes the function rise where no rows are.
        reached = _reached(self.masses + 1e-6 + 1e-9 * self.masses.sum())
        ends = np.interp(self.edges, self.fine, reached)
        wanted = ends[:-1, None] + np.diff(ends)[:, None] * np.linspace(0, 1, KNOTS)
        places = np.interp(wanted, reached, self.fine)
        return np.asarray(np.clip(places, self.edges[:-1, None], self.edges[1:, None]))


def make_bins(whole: np.ndarray, low: float, high: float, looker: Looker, *, bins: int, step: int) -> Bins:
    """A coarse histogram tells where rows are, a fine one how many; then cells are merged."""
    coarse = _even(low, high, step)
    noisy = looker.counts("coarse histogram", _histogram(whole, coarse))
    clear = looker.clear(noisy)
    first, last = (int(clear[0]), int(clear[-1]) + 1) if len(clear) else (0, len(noisy))
    fine = _split(coarse[first : last + 1], np.maximum(noisy[first:last], 0), step)
    masses = np.maximum(looker.counts("fine histogram", _histogram(whole, fine)), 0)
    return Bins(edges=_merge(fine, masses, bins), fine=fine, masses=masses)


def number_column(
    name: str,
    type_: pa.DataType,
    lattice: Lattice,
    bins: Bins,
    *,
    special: Mapping[str, float],
    atoms: Mapping[int | float, float],
) -> NumberColumn:
    """The codec's column of these bins, and of point masses by noisy rows (numbers in whole units)."""
    least, most = limits(type_, lattice)
    low, high = max(bins.edges[0], least), min(bins.edges[-1] - lattice.step, most)
    ends = {_exact(low, lattice): 0.0, _exact(max(low, high), lattice): 0.0}
    points = dict(sorted({**ends, **atoms}.items()))
    origin = min(points)
    atom_places = _places(list(points), origin, lattice)
    edges = _places([_exact(edge, lattice) for edge in np.clip(bins.edges[:-1], low, high)], origin, lattice)
    base, knots = _knots(bins.quantiles(), edges, atom_places, lattice)
    order = np.argsort(np.concatenate([atom_places, edges]), kind="stable")
    token = np.empty(len(order), np.int32)
    token[order] = np.arange(len(special), len(special) + len(order))
    counts = np.concatenate([[*points.values()], bins.rows()])[order]
    return NumberColumn(
        name=name,
        type=type_,
        counts=np.concatenate([[*special.values()], counts]),
        grid=lattice.grid(int(origin), type_),
        special=tuple(special),
        atoms=atom_places,
        atom_tokens=token[: len(points)],
        edges=edges,
        bin_tokens=token[len(points) :],
        base=np.concatenate([np.zeros(len(special), base.dtype), base[order]]),
        knots=np.concatenate([np.zeros((len(special), KNOTS)), knots[order]]),
    )


def _knots(
    quantiles: np.ndarray, edges: np.ndarray, atoms: np.ndarray, lattice: Lattice
) -> tuple[np.ndarray, np.ndarray]:
    """Base and knots of the atoms, then of the bins, as `NumberColumn` wants them."""
    if lattice.continuous:
        knots = np.concatenate([np.repeat(atoms[:, None], KNOTS, axis=1), quantiles])
        return np.zeros(len(knots)), np.clip(knots, atoms[0], atoms[-1])
    # A whole number stands for the unit around it, but no draw leaves the bin.
    widths = np.diff(np.append(edges, atoms[-1] + np.uint64(1))).astype(np.float64)
    steps = (quantiles - quantiles[:, :1]) / lattice.step - 0.5
    within = np.clip(steps, 0.0, np.maximum(widths - 1, 0)[:, None])
    return np.concatenate([atoms, edges]), np.concatenate([np.zeros((len(atoms), KNOTS)), within])


def _exact(value: float, lattice: Lattice) -> int | float:
    return float(value) if lattice.continuous else int(value)


def _places(values: list[int | float], origin: int | float, lattice: Lattice) -> np.ndarray:
    """Lattice steps from the origin: in Python's integers, since 64 bits do not fit into floats."""
    if lattice.continuous:
        return np.array(values, np.float64)
    return np.array([(int(value) - int(origin)) // lattice.step for value in values], np.uint64)


def _even(low: float, high: float, step: int) -> np.ndarray:
    """Edges of at most `COARSE` cells from `low` to beyond `high`, on the lattice."""
    if not step:
        return np.unique(np.linspace(low, max(high, np.nextafter(low, np.inf)), COARSE + 1))
    ends = np.linspace(np.floor(low / step), np.floor(high / step) + 1, COARSE + 1)
    return np.asarray(np.unique(np.floor(ends)) * step)


def _split(coarse: np.ndarray, masses: np.ndarray, step: int) -> np.ndarray:
    """Edges of about `FINE` cells: coarse cells cut in proportion to their rows."""
    share = masses / masses.sum() if masses.any() else np.full(len(masses), 1 / len(masses))
    parts = 1 + np.floor(share * (FINE - len(masses))).astype(np.int64)
    start, width = np.repeat(coarse[:-1], parts), np.repeat(np.diff(coarse) / parts, parts)
    number = np.arange(len(start)) - np.repeat(np.cumsum(parts) - parts, parts)
    edges = np.append(start + number * width, coarse[-1])
    return np.unique(np.floor(edges / step) * step if step else edges)


def _histogram(whole: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Rows of each cell; what lies outside is in the outermost ones."""
    place = np.searchsorted(edges, whole.astype(np.float64), side="right") - 1
    return np.bincount(np.clip(place, 0, len(edges) - 2), minlength=len(edges) - 1)


def _merge(fine: np.ndarray, masses: np.ndarray, bins: int) -> np.ndarray:
    """Edges of at most `bins` bins of about equal rows."""
    reached = _reached(masses)
    if not reached[-1]:
        return fine[[0, -1]]
    wanted = np.arange(1, bins) * reached[-1] / bins
    inner = fine[np.clip(np.searchsorted(reached, wanted), 0, len(fine) - 1)]
    return np.unique(np.concatenate([fine[:1], inner, fine[-1:]]))


def _reached(masses: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(masses)])
