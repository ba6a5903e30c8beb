"""The pattern of identifiers (A-00017, 3f9ac0, DE12-…), and fresh ones that the source does not hold.

A pattern knows the characters that all values share, at their places, and for every other place
what kind of character stands there. A number is spelled into it digit by digit, each place in the
radix of its kind, so numbers that differ give texts that differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage_generators.tabular.codec.mixing import scrambled

ALPHABETS = {
    "0": "0123456789",
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "a": "abcdefghijklmnopqrstuvwxyz",
    "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "x": "0123456789abcdefghijklmnopqrstuvwxyz",
    "X": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "m": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "b": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_",
}
"""What may stand at a place, by the kind of the place; "=" is a place of a fixed character."""

MAX_LENGTH = 64
"""Characters of a text that has a pattern, at most."""

DENSE = 4
"""Numbers per text, at most, in the range of texts that count as counted rather than drawn."""

_MAX_BLOCK = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """`places` has a kind for each character of `text`; `text` has the fixed ones, and "0" elsewhere.

    Numbers are spelled from `start` on. They are scrambled within a block of `block` numbers, or
    count up when `block` is 0.
    """

    text: str
    places: str
    start: int
    block: int

    @classmethod
    def of(cls, values: pa.Array, rng: np.random.Generator) -> Self | None:
        """The pattern of distinct texts, with numbers that none of them spells; None when there is none."""
        if not pc.all(pc.string_is_ascii(values)).as_py():
            return None
        lengths = np.unique(pc.binary_length(values).to_numpy())
        if lengths[0] == 0 or lengths[-1] > MAX_LENGTH:
            return None
        if (counting := cls._counting(values)) is not None:
            return counting
        return cls._masked(_codes(values), rng) if len(lengths) == 1 else None

    @classmethod
    def _counting(cls, values: pa.Array) -> Self | None:
        """Dense whole numbers between fixed texts, written as they are or with leading zeros."""
        parts = pc.extract_regex(values, r"^(?P<before>.*?)(?P<digits>[0-9]{1,17})(?P<after>[^0-9]*)$")
        before, digits, after = (parts.field(name) for name in ("before", "digits", "after"))
        if parts.null_count or len(before.unique()) > 1 or len(after.unique()) > 1:
            return None
        numbers = digits.cast(pa.int64())
        least, largest = (pc.min_max(numbers)[end].as_py() for end in ("min", "max"))
        if largest - least >= DENSE * len(values):
            return None
        padded = pc.any(pc.match_substring_regex(digits, "^0[0-9]")).as_py()
        width = pc.min(pc.binary_length(digits)).as_py() if padded else 1
        fixed = before[0].as_py(), after[0].as_py()
        text = fixed[0] + "0" * width + fixed[1]
        places = "=" * len(fixed[0]) + "0" * width + "=" * len(fixed[1])
        return cls(text=text, places=places, start=10 ** len(str(largest)), block=0)

    @classmethod
    def _masked(cls, codes: np.ndarray, rng: np.random.Generator) -> Self | None:
        """Texts of one length, by the kind of character at each place."""
        places = "".join(_kind(np.unique(codes[:, i])) for i in range(codes.shape[1]))
        if "?" in places or set(places) == {"="}:
            return None
        first = bytes(codes[0]).decode("ascii")
        text = "".join(c if kind == "=" else "0" for c, kind in zip(first, places, strict=True))
        return cls(text=text, places=places, start=0, block=0).unused(codes, rng)

    @property
    def radices(self) -> list[int]:
        """How many characters there are for each free place, in order."""
        return [len(ALPHABETS[kind]) for kind in self.places if kind != "="]

    @property
    def capacity(self) -> int:
        """How many texts of this length there are."""
        return math.prod(self.radices)

    @property
    def shown(self) -> str:
        """The pattern as people read it: `#` for a digit, `?` for a letter, `*` for either."""
        signs = {"0": "#", "a": "?", "A": "?"}
        pairs = zip(self.text, self.places, strict=True)
        return "".join(c if kind == "=" else signs.get(kind, "*") for c, kind in pairs)

    def spelled(self, numbers: np.ndarray) -> pa.Array:
        """The texts of numbers, uint64, counted from 0; different for different numbers."""
        rounds = np.zeros(len(numbers), np.uint64)
        if self.block:
            size = np.uint64(self.block)
            rounds, numbers = numbers // size, scrambled(numbers % size, self.block)
        codes, more = self._written(numbers)
        more = more + rounds
        if not more.any():
            return texts_of(codes, np.ones(codes.shape, np.bool_))
        # What does not fit is written before the first free place: longer than any text of the source.
        at = next(i for i, kind in enumerate(self.places) if kind != "=")
        digits, used = _decimal(more)
        codes = np.concatenate([codes[:, :at], digits, codes[:, at:]], axis=1)
        every = np.ones((len(codes), len(self.text)), np.bool_)
        return texts_of(codes, np.concatenate([every[:, :at], used, every[:, at:]], axis=1))

    def unused(self, codes: np.ndarray, rng: np.random.Generator) -> Self:
        """The same pattern with numbers that none of these texts spells; codes: uint8 (texts, places)."""
        digits, radices = self._digits(codes), self.radices
        if (largest := _dense(digits, radices)) is not None:
            start = 1
            for radix in reversed(radices):
                start *= radix if start <= largest else 1
            return replace(self, start=start)
        for known in range(1, len(radices)):
            block = math.prod(radices[known:])
            prefix = None if block > _MAX_BLOCK else _absent_prefix(digits[:, :known], radices[:known], rng)
            if prefix is not None:
                return replace(self, start=prefix * block, block=block)
        return replace(self, start=self.capacity)

    def beginning(self, first: str) -> Self:
        """The same pattern with only texts whose first free places hold these digits."""
        radices = self.radices
        prefix = 0
        for digit, radix in zip(first, radices, strict=False):
            prefix = prefix * radix + int(digit)
        block = math.prod(radices[len(first) :])
        return replace(self, start=prefix * block, block=block if block <= _MAX_BLOCK else 0)

    def _written(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes of `start` + numbers, shape (rows, places), and what is left after the first free place."""
        rest, start = numbers.copy(), self.start
        codes = np.repeat(np.frombuffer(self.text.encode(), np.uint8)[None], len(numbers), axis=0)
        carry = np.zeros(len(numbers), np.uint64)
        for i in reversed([i for i, kind in enumerate(self.places) if kind != "="]):
            letters = np.frombuffer(ALPHABETS[self.places[i]].encode(), np.uint8)
            radix = np.uint64(len(letters))
            digit = rest % radix + np.uint64(start % len(letters)) + carry
            codes[:, i] = letters[(digit % radix).astype(np.int64)]
            carry, rest, start = digit // radix, rest // radix, start // len(letters)
        return codes, rest + np.uint64(start) + carry

    def _digits(self, codes: np.ndarray) -> np.ndarray:
        columns = []
        for i, kind in enumerate(self.places):
            if kind != "=":
                value = np.zeros(256, np.uint64)
                letters = np.frombuffer(ALPHABETS[kind].encode(), np.uint8)
                value[letters] = np.arange(len(letters), dtype=np.uint64)
                columns.append(value[codes[:, i]])
        return np.stack(columns, axis=1)


def _dense(digits: np.ndarray, radices: list[int]) -> int | None:
    """The largest number spelled, when the numbers look counted rather than drawn; else None."""
    if math.prod(radices) > _MAX_BLOCK:
        return None
    numbers = np.zeros(len(digits), np.uint64)
    for column, radix in enumerate(radices):
        numbers = numbers * np.uint64(radix) + digits[:, column]
    span = int(numbers.max()) - int(numbers.min()) + 1
    return int(numbers.max()) if span <= DENSE * len(numbers) else None


def _absent_prefix(digits: np.ndarray, radices: list[int], rng: np.random.Generator) -> int | None:
    """A number of the leading places that no text begins with, without a leading zero; or None."""
    total = math.prod(radices)
    if total > _MAX_BLOCK:
        return None
    seen = np.zeros(len(digits), np.uint64)
    for column, radix in enumerate(radices):
        seen = seen * np.uint64(radix) + digits[:, column]
    drawn = rng.integers(total // radices[0], total, 64).astype(np.uint64)
    absent = drawn[~np.isin(drawn, seen)]
    return int(absent[0]) if len(absent) else None


def _kind(codes: np.ndarray) -> str:
    characters = {chr(code) for code in codes}
    if len(characters) == 1:
        return "="
    for kind, alphabet in ALPHABETS.items():
        if characters <= set(alphabet):
            return kind
    return "?"


def _codes(texts: pa.Array) -> np.ndarray:
    length = len(texts[0].as_py())
    joined = np.frombuffer("".join(texts.to_pylist()).encode("ascii"), np.uint8)
    return joined.reshape(len(texts), length)


def _decimal(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers as ASCII digits, shape (rows, digits of the largest), and which are no leading zeros."""
    width = len(str(int(numbers.max())))
    powers = np.uint64(10) ** np.arange(width - 1, -1, -1, dtype=np.uint64)
    return (numbers[:, None] // powers % np.uint64(10) + np.uint64(48)).astype(np.uint8), (
        numbers[:, None] >= powers
    )


def texts_of(codes: np.ndarray, used: np.ndarray) -> pa.Array:
    """Rows of ASCII codes as texts, without those that are not `used`; both of shape (rows, places)."""
    ends = np.concatenate([[0], np.cumsum(used.sum(axis=1))]).astype(np.int32)
    data = codes[used]
    return pa.StringArray.from_buffers(len(codes), pa.py_buffer(ends.tobytes()), pa.py_buffer(data.tobytes()))
