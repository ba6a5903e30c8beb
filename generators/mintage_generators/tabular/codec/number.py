"""A column of many numbers as tokens: point masses, extremes and quantile bins, all protected.

Tokens: null, NaN, -inf and inf where the source has them, then, in order of value, atoms and bins.
An atom is a value of many rows, emitted exactly; the smallest and the largest value emitted are
atoms of their own (MIN and MAX). A bin is a range between two quantiles of the rest. What is kept of
a bin is a handful of knots of its quantile function, each the mean of at least five real values, so
no value of a single row is stored; a draw interpolates between knots and is rounded to the column's
lattice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mintage_generators.tabular.codec.column import UNKNOWN, Column, plain
from mintage_generators.tabular.codec.grid import Grid
from mintage_generators.tabular.codec.physical import from_numbers, numbers

SPECIAL = ("null", "nan", "-inf", "inf")
KNOTS = 8
MAX_ATOMS = 256
ATOM_ROWS = 20
_WINDOW = 5
_BELOW_2_64 = np.nextafter(2.0**64, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberColumn(Column):
    """`base[t] + knots[t]` is the quantile function of token t, in lattice steps (or in the value itself).

    `special` names the first tokens. `atoms` (ascending) and `edges` (ascending lower edges of the
    bins) are in lattice steps, or in the value itself when `grid` is None; `atom_tokens` and
    `bin_tokens` say which tokens they are. base: uint64 or float64, shape (tokens,); knots: float64,
    shape (tokens, KNOTS).
    """

    grid: Grid | None
    special: tuple[str, ...]
    atoms: np.ndarray
    atom_tokens: np.ndarray
    edges: np.ndarray
    bin_tokens: np.ndarray
    base: np.ndarray
    knots: np.ndarray

    @property
    def special_tokens(self) -> np.ndarray:
        """The first ones, which `special` names."""
        return np.arange(self.tokens) < len(self.special)

    @property
    def exact(self) -> bool:
        """Never: a bin stands for a range."""
        return False

    def encode(self, array: pa.Array) -> np.ndarray:
        """Tokens by value; what lies outside the extremes takes the extreme."""
        array = plain(array)
        values = numbers(array)
        tokens = np.full(len(array), UNKNOWN, np.int32)
        kinds = special_kinds(array, values)
        for token, name in enumerate(self.special):
            tokens[kinds == SPECIAL.index(name)] = token
        finite = kinds < 0
        tokens[finite] = self._ordinary(self._positions(values[finite]))
        return tokens

    def decode(self, tokens: np.ndarray, draws: np.ndarray) -> pa.Array:
        """A linear interpolation between knots for each row."""
        place = draws * (KNOTS - 1)
        left = np.minimum(place.astype(np.int64), KNOTS - 2)
        part = place - left
        left += tokens.astype(np.int64) * KNOTS
        flat = self.knots.ravel()
        offset = flat[left] * (1.0 - part) + flat[left + 1] * part
        values = self._values(tokens, offset)
        for token, name in enumerate(self.special):
            if name != "null":
                values[tokens == token] = float(name)
        nulls = tokens == self.special.index("null") if "null" in self.special else None
        return from_numbers(values, nulls, self.type)

    def place(self, array: pa.Array | pa.ChunkedArray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the quantile function of a bin rounds to the value; all draws for atoms and specials."""
        low, high = np.zeros(len(tokens)), np.ones(len(tokens))
        rows = np.flatnonzero(np.isin(tokens, self.bin_tokens))
        binned = tokens[rows]
        offset = self._offset(numbers(plain(array))[rows], binned)
        # What lies within half a step of the value is rounded to it, and halves go to the even step.
        half = 0.0 if self.grid is None else 0.5
        even = np.mod(offset, 2.0) == 0.0 if half else np.ones(len(rows), np.bool_)
        low[rows] = _draws_below(self.knots[binned], offset - half, ~even)
        high[rows] = _draws_below(self.knots[binned], offset + half, even)
        return low, high

    def token_of(self, value: pa.Scalar) -> int | None:
        """The atom or bin of a value that lies within the extremes and on the lattice."""
        array = plain(pa.array([value], self.type))
        number = numbers(array)
        kind = special_kinds(array, number)[0]
        if kind >= 0:
            return self.special.index(SPECIAL[kind]) if SPECIAL[kind] in self.special else None
        low, high = self._extremes()
        if not low <= number[0] <= high or self._values_at(self._positions(number))[0] != number[0]:
            return None
        return int(self._ordinary(self._positions(number))[0])

    def tokens_making(self, value: pa.Scalar) -> np.ndarray:
        """Every token whose knots enclose the value, rounding included."""
        made = np.zeros(self.tokens, np.bool_)
        token = self.token_of(value)
        if token is None:
            return made
        made[token] = True
        if token >= len(self.special):
            number = numbers(plain(pa.array([value], self.type)))[0]
            every = np.arange(len(self.special), self.tokens)
            low, high = (self._values(every, self.knots[every, end]) for end in (0, -1))
            made[every] |= (low <= number) & (number <= high)
        return made

    def describe(self) -> str:
        """The range."""
        low, high = (from_numbers(np.array([end]), None, self.type)[0] for end in self._extremes())
        named = f", {', '.join(self.special)}" if self.special else ""
        return f"{low} to {high}{named}"

    def _extremes(self) -> tuple[np.generic, np.generic]:
        low, high = self._values_at(self.atoms[[0, -1]])
        return low, high

    def _positions(self, values: np.ndarray) -> np.ndarray:
        if self.grid is None:
            return np.asarray(np.clip(values, self.atoms[0], self.atoms[-1]))
        return self.grid.steps(self.grid.clipped(values, int(self.atoms[-1])))

    def _ordinary(self, positions: np.ndarray) -> np.ndarray:
        atom = np.clip(np.searchsorted(self.atoms, positions), 0, len(self.atoms) - 1)
        tokens = self.atom_tokens[atom]
        if len(self.edges):
            interval = np.clip(np.searchsorted(self.edges, positions, side="right") - 1, 0, None)
            tokens = np.where(self.atoms[atom] == positions, tokens, self.bin_tokens[interval])
        return tokens.astype(np.int32)

    def _values(self, tokens: np.ndarray, offset: np.ndarray) -> np.ndarray:
        if self.grid is None:
            return offset
        base = self.base[tokens]
        steps = np.rint(np.minimum(offset, _BELOW_2_64)).astype(np.uint64)
        return self._values_at(base + np.minimum(steps, self.atoms[-1] - base))

    def _offset(self, values: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """How far values are above the bases of their tokens: what `_values` adds to the bases."""
        positions = self._positions(values)
        base = self.base[tokens]
        if self.grid is None:
            return np.asarray(positions - base)
        above = (np.maximum(positions, base) - base).astype(np.float64)
        return np.asarray(above - (np.maximum(positions, base) - positions))

    def _values_at(self, positions: np.ndarray) -> np.ndarray:
        return positions if self.grid is None else self.grid.values(positions)


def _draws_below(knots: np.ndarray, offsets: np.ndarray, inclusive: np.ndarray) -> np.ndarray:
    """Up to which draw the knots (rows, KNOTS), joined by lines, are below the offsets, or at them."""
    at = inclusive[:, None] & (knots == offsets[:, None])
    right = ((knots < offsets[:, None]) | at).sum(axis=1)
    rows, left = np.arange(len(knots)), np.clip(right - 1, 0, KNOTS - 2)
    rise = knots[rows, left + 1] - knots[rows, left]
    part = np.divide(offsets - knots[rows, left], rise, out=np.zeros(len(rows)), where=rise > 0)
    draws = (left + np.clip(part, 0.0, 1.0)) / (KNOTS - 1)
    return np.where(right == 0, 0.0, np.where(right == KNOTS, 1.0, draws))


def special_kinds(array: pa.Array, values: np.ndarray) -> np.ndarray:
    """Which of `SPECIAL` each cell is, or -1 for a finite number; int8, shape (rows,)."""
    kinds = np.full(len(values), -1, np.int8)
    if values.dtype == np.float64:
        kinds[np.isnan(values)] = SPECIAL.index("nan")
        kinds[np.isneginf(values)] = SPECIAL.index("-inf")
        kinds[np.isposinf(values)] = SPECIAL.index("inf")
    if array.null_count:
        kinds[array.is_null().to_numpy(zero_copy_only=False)] = SPECIAL.index("null")
    return kinds


def fit_numbers(name: str, array: pa.Array, bins: int, min_support: int) -> tuple[NumberColumn, int]:
    """Learn the tokens of `array`, at least `min_support` of whose cells are finite.

    Also tells how many cells lay outside the extremes kept.
    """
    values = numbers(array)
    kinds = special_kinds(array, values)
    special = tuple(n for kind, n in enumerate(SPECIAL) if (kinds == kind).sum() >= min_support)
    finite = np.sort(values[kinds < 0])
    grid = Grid.of(finite, array.type)
    positions = finite if grid is None else grid.steps(finite)
    low, high = _protected_extremes(positions, min_support)
    outside = int((positions < low).sum() + (positions > high).sum())
    positions = np.clip(positions, low, high)
    if grid is not None:
        grid, positions = grid.moved(int(low)), positions - low
    tokens = _tokens(positions, bins, min_support)
    column = NumberColumn(name=name, type=array.type, grid=grid, special=special, **_layout(special, tokens))
    return column, outside


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tokens:
    atoms: np.ndarray
    edges: np.ndarray
    base: np.ndarray
    knots: np.ndarray


def _protected_extremes(positions: np.ndarray, min_support: int) -> tuple[np.generic, np.generic]:
    """The extremes to emit: the real ones when enough rows share them, else means of rows further in."""
    low, high = positions[0], positions[-1]
    inwards = max(0, min(min_support - 1, len(positions) - min_support))
    if positions[min_support - 1] != low:
        low = _mean_position(positions[inwards : inwards + min_support])
    if positions[-min_support] != high:
        high = _mean_position(positions[len(positions) - inwards - min_support : len(positions) - inwards])
    return low, high if bool(np.greater(high, low)) else low


def _mean_position(window: np.ndarray) -> np.generic:
    position: np.generic = _positions_of(*_means(window[None, :]))[0]
    return position


def _means(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row means as (base, offset): exact wherever 64-bit integers are; floats have all in `base`."""
    if windows.dtype == np.float64:
        # Divided before they are summed: the sum of values near 1e308 would overflow.
        return (windows / windows.shape[1]).sum(axis=1), np.zeros(len(windows))
    base = windows.min(axis=1)
    return base, (windows - base[:, None]).astype(np.float64).mean(axis=1)


def _positions_of(base: np.ndarray, offset: np.ndarray) -> np.ndarray:
    return np.asarray(base if base.dtype == np.float64 else base + np.rint(offset).astype(np.uint64))


def _tokens(positions: np.ndarray, bins: int, min_support: int) -> _Tokens:
    # In order already, so that runs need only be counted.
    starts = np.flatnonzero(np.append(True, positions[1:] != positions[:-1]))
    distinct, counts = positions[starts], np.diff(np.append(starts, len(positions)))
    common = np.flatnonzero(counts >= max(ATOM_ROWS, min_support))
    common = np.sort(common[np.argsort(-counts[common], kind="stable")[:MAX_ATOMS]])
    ends = np.array([0, len(distinct) - 1])
    atoms = distinct[np.union1d(common, ends)]
    rest = positions[np.repeat(~np.isin(distinct, atoms), counts)]
    if len(rest) < 2 * max(min_support, _WINDOW):
        none = np.zeros((0,), positions.dtype)
        return _Tokens(atoms=atoms, edges=none, base=none, knots=np.zeros((0, KNOTS)))
    edges, base, knots = _bins(rest, bins, max(min_support, _WINDOW))
    return _Tokens(atoms=atoms, edges=edges, base=base, knots=knots)


def _bins(rest: np.ndarray, bins: int, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower edges, bases and knots of quantile bins of `rest` (sorted)."""
    bins = min(bins, len(rest) // (2 * window))
    edges = np.unique(_smooth(rest, np.linspace(0, len(rest), bins, endpoint=False), window))
    rank = np.concatenate([np.searchsorted(rest, edges), [len(rest)]]).astype(np.float64)
    rank[0] = 0
    edges, rank = edges[np.diff(rank) > 0], np.concatenate([rank[:-1][np.diff(rank) > 0], rank[-1:]])
    places = rank[:-1, None] + np.diff(rank)[:, None] * np.linspace(0, 1, KNOTS)
    base, offset = _window_means(rest, places, window)
    if rest.dtype == np.float64:
        return edges, np.zeros(len(edges)), np.maximum.accumulate(base, axis=1)
    knots = (base - base[:, :1]).astype(np.float64) + offset
    return edges, base[:, 0], np.maximum.accumulate(knots, axis=1)


def _smooth(rest: np.ndarray, places: np.ndarray, window: int) -> np.ndarray:
    base, offset = _window_means(rest, places[None, :], window)
    return _positions_of(base[0], offset[0])


def _window_means(rest: np.ndarray, places: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of the `window` values around each place (a rank, maybe fractional)."""
    start = np.clip(np.rint(places).astype(np.int64) - window // 2, 0, len(rest) - window)
    windows = rest[start.ravel()[:, None] + np.arange(window)]
    base, offset = _means(windows)
    return base.reshape(places.shape), offset.reshape(places.shape)


def _layout(special: tuple[str, ...], tokens: _Tokens) -> dict[str, np.ndarray]:
    atoms, bins, first = len(tokens.atoms), len(tokens.edges), len(special)
    order = np.argsort(np.concatenate([tokens.atoms, tokens.edges]), kind="stable")
    token = np.empty(atoms + bins, np.int32)
    token[order] = np.arange(first, first + atoms + bins)
    base = np.zeros(first + atoms + bins, tokens.base.dtype)
    knots = np.zeros((first + atoms + bins, KNOTS))
    floats = tokens.atoms.dtype == np.float64
    if floats:
        knots[token[:atoms]] = tokens.atoms[:, None]
    else:
        base[token[:atoms]] = tokens.atoms
    base[token[atoms:]], knots[token[atoms:]] = tokens.base, tokens.knots
    return {
        "counts": np.zeros(len(knots), np.int64),
        "atoms": tokens.atoms,
        "atom_tokens": token[:atoms],
        "edges": tokens.edges,
        "bin_tokens": token[atoms:],
        "base": base,
        "knots": knots,
    }
