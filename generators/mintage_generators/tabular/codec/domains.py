"""What an ordered column may hold, value by value: the pieces of its tokens that are allowed.

Masks over tokens are not enough where a token stands for a range of values. A domain knows for each
token which parts of that range are allowed, finds the highest allowed value below a bound, and draws
within a token between two bounds: so a row keeps its bounds by construction, and no draw is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa

from mintage_generators.tabular.codec.column import Column
from mintage_generators.tabular.codec.number import SPECIAL, NumberColumn, special_kinds
from mintage_generators.tabular.codec.physical import from_numbers, is_number, numbers

_FREE = (SPECIAL.index("null"), SPECIAL.index("nan"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """Pieces of tokens in order of value: `token[p]` may hold every value from `low[p]` to `high[p]`.

    low, high: numbers as `physical.numbers` gives them, both values that the column emits. `free` tokens
    (bool, shape (tokens,)) hold no number that could be compared, null or NaN, and are allowed.
    """

    column: Column
    token: np.ndarray
    low: np.ndarray
    high: np.ndarray
    free: np.ndarray
    _highest: np.ndarray
    _lowest: np.ndarray

    @classmethod
    def of(cls, column: Column) -> Self:
        """All that the column can hold; its type must be one of numbers, dates or times."""
        every = np.arange(column.tokens)
        arrays = [column.decode(every, np.full(len(every), end)) for end in (0.0, 1.0)]
        low, high = (numbers(array) for array in arrays)
        free = np.isin(special_kinds(arrays[0], low), _FREE)
        return cls._sorted(column, every[~free], low[~free], high[~free], free)

    @classmethod
    def _sorted(
        cls, column: Column, token: np.ndarray, low: np.ndarray, high: np.ndarray, free: np.ndarray
    ) -> Self:
        order = np.lexsort((high, low))
        token, low, high = token[order], low[order], high[order]
        highest = np.maximum.accumulate(high) if len(high) else high
        lowest = np.minimum.accumulate(low[np.argsort(high, kind="stable")][::-1])[::-1] if len(low) else low
        return cls(
            column=column, token=token, low=low, high=high, free=free, _highest=highest, _lowest=lowest
        )

    @property
    def empty(self) -> bool:
        """Whether nothing at all is allowed."""
        return not len(self.token) and not self.free.any()

    def shares(self) -> np.ndarray:
        """The part of each token's draws that is allowed, float64 in [0, 1], shape (tokens,)."""
        every = np.arange(self.column.tokens)
        first, last, known = self._parts(every, None, None)
        weights, _ = self._spread(every, first, last, known)
        return np.where(self.free, 1.0, np.minimum(weights.sum(axis=0), 1.0))

    def decode(self, tokens: np.ndarray, draws: np.ndarray) -> pa.Array:
        """The values of `tokens` that are allowed, as `Column.decode` gives them."""
        return self.array(self.draw(tokens, draws, None, None), tokens)

    def tokens(self) -> np.ndarray:
        """Tokens of which some value is allowed, bool, shape (tokens,)."""
        allowed = self.free.copy()
        allowed[self.token] = True
        return allowed

    def with_free(self, free: np.ndarray) -> Self:
        """The same values, with these tokens that hold no number (bool, shape (tokens,)) allowed."""
        return replace(self, free=free)

    def among(self, allowed: np.ndarray) -> Self:
        """The domain less the tokens that are not allowed; allowed: bool, shape (tokens,)."""
        kept = allowed[self.token]
        return self._sorted(
            self.column, self.token[kept], self.low[kept], self.high[kept], self.free & allowed
        )

    def between(self, spans: Sequence[tuple[float | None, float | None]], *, free: bool) -> Self:
        """The domain cut down to the spans (low, high: numbers of the column's dtype, or None for no end).

        free: whether tokens without a number stay.
        """
        # Nothing of each, so that no span at all leaves nothing.
        token, low, high = [self.token[:0]], [self.low[:0]], [self.high[:0]]
        for start, end in spans:
            first = self.low if start is None else np.maximum(self.low, self.ceiling(_one(start, self.low)))
            last = self.high if end is None else np.minimum(self.high, self.floor(_one(end, self.low)))
            kept = first <= last
            token.append(self.token[kept])
            low.append(first[kept])
            high.append(last[kept])
        return self._sorted(
            self.column, np.concatenate(token), np.concatenate(low), np.concatenate(high), self.free & free
        )

    def floor(self, bounds: np.ndarray) -> np.ndarray:
        """The greatest numbers on the column's lattice that are at most the bounds; all below it stay."""
        return _on_lattice(self.column, bounds, up=False)

    def ceiling(self, bounds: np.ndarray) -> np.ndarray:
        """The smallest numbers on the column's lattice that are at least the bounds; all above it stay."""
        return _on_lattice(self.column, bounds, up=True)

    def highest(self, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The highest allowed number at most each bound, and whether there is one."""
        bounds = self.floor(bounds)
        place = np.searchsorted(self.low, bounds, side="right")
        found = place > 0
        return np.minimum(bounds, _at(self._highest, place - 1, bounds)), found

    def lowest(self, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lowest allowed number at least each bound, and whether there is one."""
        bounds = self.ceiling(bounds)
        place = np.searchsorted(np.sort(self.high), bounds, side="left")
        found = place < len(self.high)
        return np.maximum(bounds, _at(self._lowest, place, bounds)), found

    def allowed(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Which tokens hold an allowed number from `low` to `high`, or are free: bool (rows, tokens)."""
        low, high = self.ceiling(low)[:, None], self.floor(high)[:, None]
        fits = (low <= self.high) & (self.low <= high) & (low <= high)
        allowed = np.repeat(self.free[None], len(fits), axis=0)
        if len(np.unique(self.token)) == len(self.token):
            allowed[:, self.token] |= fits
        else:
            for piece, token in enumerate(self.token):
                allowed[:, token] |= fits[:, piece]
        return allowed

    def draw(
        self, tokens: np.ndarray, draws: np.ndarray, low: np.ndarray | None, high: np.ndarray | None
    ) -> np.ndarray:
        """A number for each row within its token, allowed and from `low` to `high` (None: no bound).

        draws: uniform in [0, 1), which are spread over the parts of the token that are allowed. Rows of
        free tokens get what the token decodes to. Each row's token must be one that is allowed.
        """
        first, last, known = self._parts(tokens, low, high)
        weight, starts = self._spread(tokens, first, last, known)
        total = weight.sum(axis=0)
        wanted = draws * total
        steps = np.cumsum(weight, axis=0)
        # Where rounding has brought a draw up to the end, the last part that is known.
        part = np.minimum((steps <= wanted).sum(axis=0), _last(known))
        part = np.where(_pick(known, part), part, _first(known))
        inside = np.clip(wanted - (_pick(steps, part) - _pick(weight, part)), 0.0, _pick(weight, part))
        drawn = numbers(self.column.decode(tokens, np.minimum(_pick(starts, part) + inside, 1.0)))
        bounded = np.clip(drawn, _pick(first, part), _pick(last, part))
        return np.where(known.any(axis=0), bounded, drawn)

    def array(self, values: np.ndarray, tokens: np.ndarray) -> pa.Array:
        """The numbers as the column's Arrow type; null where the token is."""
        decoded = self.column.decode(tokens, np.zeros(len(tokens)))
        nulls = decoded.is_null().to_numpy(zero_copy_only=False) if decoded.null_count else None
        return from_numbers(values, nulls, self.column.type)

    def _parts(
        self, tokens: np.ndarray, low: np.ndarray | None, high: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ends of the parts of each row's token, and whether they are any: all of shape (parts, rows)."""
        order = np.argsort(self.token, kind="stable")
        begin = np.searchsorted(self.token[order], tokens)
        end = np.searchsorted(self.token[order], tokens, side="right")
        parts = max(1, int((end - begin).max(initial=0)))
        place = begin[None] + np.arange(parts)[:, None]
        known = place < end[None]
        if not len(order):
            none = np.zeros(place.shape, self.low.dtype)
            return none, none, known
        piece = order[np.minimum(place, len(order) - 1)]
        first, last = self.low[piece], self.high[piece]
        if low is not None:
            first = np.maximum(first, self.ceiling(low)[None])
        if high is not None:
            last = np.minimum(last, self.floor(high)[None])
        known &= first <= last
        # What is not known is not looked at, but must be a value of the column's type all the same.
        some = self.low[piece]
        return np.where(known, first, some), np.where(known, last, some), known

    def _spread(
        self, tokens: np.ndarray, first: np.ndarray, last: np.ndarray, known: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """How much of [0, 1] the draws of each part take, and where they start: (parts, rows) each."""
        if self.column.exact:
            return np.where(known, 1.0, 0.0), np.zeros(first.shape)
        weights, starts = np.zeros(first.shape), np.zeros(first.shape)
        for part in range(len(first)):
            start = self.column.place(from_numbers(first[part], None, self.column.type), tokens)[0]
            end = self.column.place(from_numbers(last[part], None, self.column.type), tokens)[1]
            # No part that is known has no weight at all: a point is as thin as rounding lets it be.
            weights[part] = np.where(known[part], np.maximum(end - start, 1e-12), 0.0)
            starts[part] = start
        return weights, starts


def is_ordered(type_: pa.DataType) -> bool:
    """Whether values of the type can be compared: numbers, dates, times; no text, no flags."""
    return is_number(type_) and not pa.types.is_boolean(type_)


def _one(value: float, like: np.ndarray) -> np.ndarray:
    return np.array([value], like.dtype)


def _at(values: np.ndarray, place: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    return values[np.clip(place, 0, len(values) - 1)] if len(values) else bounds


def _pick(values: np.ndarray, part: np.ndarray) -> np.ndarray:
    return np.asarray(np.take_along_axis(values, part[None], axis=0)[0])


def _first(known: np.ndarray) -> np.ndarray:
    return np.asarray(known.argmax(axis=0))


def _last(known: np.ndarray) -> np.ndarray:
    return np.asarray(len(known) - 1 - known[::-1].argmax(axis=0))


def _on_lattice(column: Column, bounds: np.ndarray, *, up: bool) -> np.ndarray:
    if bounds.dtype == np.float64:
        bounds = _native(bounds, column.type, up=up)
    if not isinstance(column, NumberColumn) or column.grid is None:
        return bounds
    ends = column.grid.values(column.atoms[[0, -1]])
    inside = (bounds >= ends[0]) & (bounds <= ends[1])
    steps = column.grid.steps(np.clip(bounds, *ends))
    one, top = np.uint64(1), np.uint64(column.atoms[-1])

    def emitted(at: np.ndarray) -> np.ndarray:
        values = column.grid.values(at) if column.grid else at
        return numbers(from_numbers(values, None, column.type)) if bounds.dtype == np.float64 else values

    wrong = (emitted(steps) < bounds) if up else (emitted(steps) > bounds)
    steps = np.where(
        wrong & ((steps < top) if up else (steps > 0)), steps + one if up else steps - one, steps
    )
    beyond = (bounds < ends[0]) if not up else (bounds > ends[1])
    if bounds.dtype == np.float64:
        beyond |= np.isinf(bounds)
    return np.where(inside, emitted(steps), np.where(beyond, bounds, ends[0] if up else ends[1]))


def _native(bounds: np.ndarray, type_: pa.DataType, *, up: bool) -> np.ndarray:
    """Bounds as numbers of a narrower float type that are on the right side of them."""
    kind = type_.to_pandas_dtype()
    if kind is np.float64:
        return bounds
    with np.errstate(over="ignore"):
        near = bounds.astype(kind)
    wrong = near < bounds if up else near > bounds
    return np.where(wrong, np.nextafter(near, kind(np.inf if up else -np.inf)), near).astype(np.float64)
