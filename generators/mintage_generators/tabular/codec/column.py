"""One column as tokens: what every codec of a column can do, and columns of listed values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage_generators.tabular.codec.physical import is_number, numbers, value_type

UNKNOWN = -1
"""The token of a cell that is protected: it is never learned and never emitted."""

TWO_LEVELS = 256
"""Tokens above which a column is split into groups of tokens, so that no softmax is wide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(ABC):
    """A column's tokens 0 … tokens - 1; `counts` says how many rows learned from had each."""

    name: str
    type: pa.DataType
    counts: np.ndarray

    @property
    def tokens(self) -> int:
        """How many tokens there are; at least one."""
        return len(self.counts)

    @property
    def group(self) -> int:
        """Tokens of a group, about the root of `tokens`; 0 when the column is not split."""
        return int(np.ceil(np.sqrt(self.tokens))) if self.tokens > TWO_LEVELS else 0

    @property
    @abstractmethod
    def special_tokens(self) -> np.ndarray:
        """Which tokens stand for no value (null, NaN, infinities); bool, shape (tokens,)."""

    @property
    @abstractmethod
    def exact(self) -> bool:
        """Whether each token stands for one value."""

    @abstractmethod
    def encode(self, array: pa.Array) -> np.ndarray:
        """The tokens of the values, int32, shape (rows,); `UNKNOWN` for what has none."""

    def approximate(self, array: pa.Array, tokens: np.ndarray) -> np.ndarray:
        """`tokens` of `array` with the nearest token instead of `UNKNOWN`, where there is such a thing."""
        del array
        return tokens

    @abstractmethod
    def decode(self, tokens: np.ndarray, draws: np.ndarray) -> pa.Array:
        """The values of `tokens`; `draws` are uniform in [0, 1), one for each row."""

    def place(self, array: pa.Array | pa.ChunkedArray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The draws, from `low` to `high`, at which `decode` makes of `tokens` the values of `array`.

        float64 of shape (rows,) in [0, 1]. Where a token stands for one value, every draw makes it. A
        value that its token cannot make has the nearest that it can.
        """
        del array
        return np.zeros(len(tokens)), np.ones(len(tokens))

    @abstractmethod
    def token_of(self, value: pa.Scalar) -> int | None:
        """The token that can stand for this very value, or None when the column never holds it."""

    @abstractmethod
    def tokens_making(self, value: pa.Scalar) -> np.ndarray:
        """Which tokens might be decoded to this value, bool, shape (tokens,)."""

    @abstractmethod
    def describe(self) -> str:
        """What values there are, for messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactColumn(Column):
    """A column whose every token is one value (or null): categories, flags, few numbers, constants."""

    values: pa.Array

    @classmethod
    def of(cls, name: str, type_: pa.DataType, counted: tuple[pa.Array, np.ndarray]) -> Self:
        """The column of these distinct values and how often each was seen, commonest first for text."""
        values, counts = counted
        order = _number_order(values) if is_number(type_) else np.argsort(-counts, kind="stable")
        return cls(name=name, type=type_, values=values.take(pa.array(order)), counts=counts[order])

    @property
    def special_tokens(self) -> np.ndarray:
        """Null, wherever it is listed, and floats that are no numbers."""
        nulls = np.asarray(self.values.is_null().to_numpy(zero_copy_only=False))
        return nulls | ~np.isfinite(numbers(self.values)) if is_number(self.type) else nulls

    @property
    def exact(self) -> bool:
        """Always."""
        return True

    def encode(self, array: pa.Array) -> np.ndarray:
        """Tokens by equality."""
        return _positions(plain(array), self.values)

    def approximate(self, array: pa.Array, tokens: np.ndarray) -> np.ndarray:
        """A number that is not listed takes the nearest listed one."""
        missed = tokens == UNKNOWN
        if is_number(self.type) and missed.any():
            tokens = tokens.copy()
            tokens[missed] = self._nearest(plain(array).filter(pa.array(missed)))
        return tokens

    def decode(self, tokens: np.ndarray, draws: np.ndarray) -> pa.Array:
        """One take."""
        del draws
        return self.values.take(pa.array(tokens))

    def token_of(self, value: pa.Scalar) -> int | None:
        """By equality alone."""
        token = int(_positions(plain(pa.array([value], self.type)), self.values)[0])
        return None if token < 0 else token

    def tokens_making(self, value: pa.Scalar) -> np.ndarray:
        """At most one."""
        made = np.zeros(self.tokens, np.bool_)
        token = self.token_of(value)
        if token is not None:
            made[token] = True
        return made

    def describe(self) -> str:
        """The commonest few."""
        common = np.argsort(-self.counts, kind="stable")[:10]
        shown = ", ".join(str(value) for value in self.values.take(pa.array(common)))
        return shown if self.tokens <= 10 else f"{shown}, … ({self.tokens} values)"

    def reordered(self, order: np.ndarray) -> Self:
        """The same column with token `i` standing for what was token `order[i]`."""
        return replace(self, values=self.values.take(pa.array(order)), counts=self.counts[order])

    def _nearest(self, array: pa.Array) -> np.ndarray:
        values = numbers(self.values)
        usable = np.flatnonzero(np.isfinite(values) & ~self.values.is_null().to_numpy(zero_copy_only=False))
        wanted = numbers(array)
        found = np.full(len(wanted), UNKNOWN, np.int32)
        numeric = np.isfinite(wanted) & ~array.is_null().to_numpy(zero_copy_only=False)
        if len(usable):
            found[numeric] = usable[_closest(values[usable], wanted[numeric])]
        return found


def count_values(array: pa.ChunkedArray) -> tuple[pa.Array, np.ndarray]:
    """The distinct values (null is one of them) in order of appearance, and how often each occurs."""
    counted = pc.value_counts(array)
    return counted.field("values"), counted.field("counts").to_numpy()


def _closest(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    if len(values) == 1:
        return np.zeros(len(wanted), np.int64)
    wanted = np.clip(wanted, values[0], values[-1])
    above = np.clip(np.searchsorted(values, wanted), 1, len(values) - 1)
    return np.asarray(above - (wanted - values[above - 1] < values[above] - wanted))


def _number_order(values: pa.Array) -> np.ndarray:
    nulls = values.is_null().to_numpy(zero_copy_only=False)
    return np.lexsort((numbers(values), ~nulls))


def plain(array: pa.Array) -> pa.Array:
    """One array of the value type, with a single zero."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.cast(value_type(array.type))
    if pa.types.is_floating(array.type):
        # 0.0 and -0.0 are one number, but not to a hash.
        array = pc.add(array, pa.scalar(0.0, array.type))
    return array


def _positions(array: pa.Array, values: pa.Array) -> np.ndarray:
    found = pc.index_in(array, value_set=values)
    return np.asarray(pc.fill_null(found, UNKNOWN).to_numpy(zero_copy_only=False)).astype(np.int32)
