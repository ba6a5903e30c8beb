"""Columns of keys: a value for each row that no other row of the run has, and that the source has not."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage_generators.tabular.codec.column import count_values
from mintage_generators.tabular.codec.made import MadeColumn, Owners, kinds_of
from mintage_generators.tabular.codec.mixing import mixed
from mintage_generators.tabular.codec.pattern import Pattern, texts_of
from mintage_generators.tabular.codec.physical import is_text, numbers

MIN_KEYS = 50
"""Values that a column must have, all different, before it counts as a key without being said."""

UUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_CAMEL_KEY = re.compile(r"[a-z](ID|Id|Key)$|^Unnamed: 0$")
_PLAIN_KEY = re.compile(r"(^|[\W_])(id|key|pk|uid|guid|rowid|index)$", re.IGNORECASE)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_DASHES = (8, 13, 18, 23)
_FREE = [*range(12), 13, 14, 15, 17]
_ROOM = 2**48


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyColumn(MadeColumn):
    """Keys by their pattern; UUIDs when there is no pattern; integers from `start` on.

    Values depend on the number of the row alone, so they are unique in a run, across its shards.
    """

    pattern: Pattern | None
    start: int

    def values(self, owners: Owners) -> pa.Array:
        """One key for each row."""
        if not is_text(self.type):
            return pa.array(owners.number + np.uint64(self.start), pa.uint64()).cast(self.type)
        made = uuids(owners) if self.pattern is None else self.pattern.spelled(owners.number)
        return made.cast(self.type)

    def describe(self) -> str:
        """How keys are made."""
        return "it holds keys, which are numbered so that no two rows have the same"

    @property
    def shown(self) -> str:
        """What keys look like."""
        if not is_text(self.type):
            return f"{self.start}, {self.start + 1}, …"
        return "UUID" if self.pattern is None else self.pattern.shown


def fit_key(
    name: str, array: pa.Array, type_: pa.DataType, min_support: int, rng: np.random.Generator
) -> KeyColumn | None:
    """The keys of a column, or None when its values have no pattern; `type_` is that of keys made."""
    kinds, present = kinds_of(array, min_support), array.drop_null()
    pattern, start = None, 0
    if not is_text(array.type):
        start = _start(numbers(present))
    elif not is_uuid(present):
        pattern = Pattern.of(present.unique(), rng)
        if pattern is None:
            return None
    counts = np.zeros(len(kinds), np.int64)
    return KeyColumn(
        name=name, type=type_, counts=counts, kinds=kinds, subject=-1, pattern=pattern, start=start
    )


def looks_like_keys(name: str, array: pa.Array) -> bool:
    """Whether all values differ and, for integers, the column is also called a key."""
    present = len(array) - array.null_count
    if present < MIN_KEYS or not (is_text(array.type) or pa.types.is_integer(array.type)):
        return False
    if not is_text(array.type) and not (_PLAIN_KEY.search(name) or _CAMEL_KEY.search(name)):
        return False
    distinct = len(count_values(pa.chunked_array([array]))[0])
    return bool(distinct - bool(array.null_count) == present)


def is_uuid(texts: pa.Array) -> bool:
    """Whether all texts are UUIDs as RFC 9562 writes them."""
    return bool(len(texts) and pc.all(pc.match_substring_regex(texts, UUID)).as_py())


def uuids(owners: Owners) -> pa.Array:
    """A UUID of version 4 for each owner, different for different owners."""
    first, second = owners.mixed, mixed(~owners.mixed)
    shifts = np.arange(60, -1, -4, dtype=np.uint64)
    nibbles = np.empty((len(first), 32), np.uint64)
    nibbles[:, _FREE] = first[:, None] >> shifts
    nibbles[:, 18:] = second[:, None] >> shifts[:14]
    nibbles[:, 12], nibbles[:, 16] = 4, 8 + second % np.uint64(4)
    codes = np.full((len(first), 36), ord("-"), np.uint8)
    codes[:, [i for i in range(36) if i not in _DASHES]] = _HEX[(nibbles % np.uint64(16)).astype(np.int64)]
    return texts_of(codes, np.ones(codes.shape, np.bool_))


def _start(values: np.ndarray) -> int:
    """An integer from which on there is room for keys and none of the values."""
    largest = max(int(values.max()), 0)
    start = int(10 ** len(str(largest)))
    if start + _ROOM < 2**63:
        return start
    taken = np.unique(np.clip(values, 0, None).astype(np.uint64) // np.uint64(_ROOM))
    return int(np.setdiff1d(np.arange(1, 2**15 - 1, dtype=np.uint64), taken)[0]) * _ROOM
