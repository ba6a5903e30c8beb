"""Filling cells of given rows: the rows that miss the same columns are drawn together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from mintage.contracts import ImputeRequest
from mintage.errors import ConditionError
from mintage_generators.tabular.autoregressive.drawing import Draw, Drawn
from mintage_generators.tabular.codec import UNKNOWN, Column, Conditions, TableCodec
from mintage_generators.tabular.codec.column import plain
from mintage_generators.tabular.codec.made import MadeColumn
from mintage_generators.tabular.codec.rules import Rules
from mintage_generators.tabular.codec.ruling import Ruling

_GIVEN, _UNSEEN, _MISSING = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Rows (by number) that miss the same columns, and have values never seen in the same others."""

    rows: np.ndarray
    missing: frozenset[int]
    unseen: frozenset[int]


@dataclass(slots=True)
class _Filled:
    """Cells drawn for one column: row numbers and values."""

    rows: list[np.ndarray] = field(default_factory=list)
    values: list[pa.Array] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imputer:
    """Fills cells with a model's codec and rules; `slots` uniform numbers a row go into its tokens."""

    codec: TableCodec
    rules: Rules | None
    slots: int
    draw: Callable[[Draw], Drawn]
    _rulings: dict[frozenset[int], Ruling] = field(default_factory=dict)

    def fill(self, batch: pa.RecordBatch, request: ImputeRequest) -> pa.RecordBatch:
        """The batch with cells filled as `Model.impute` says."""
        codec, rng = self.codec, request.rng()
        given = _columns(codec, batch, request)
        uniform = rng.random((self.slots, batch.num_rows), np.float32)
        draws = [np.zeros(0) if column.exact else rng.random(batch.num_rows) for column in codec.columns]
        filled = {i: _Filled() for i in range(len(codec.columns))}
        for pattern in _patterns(codec, given, request):
            own = [values[pattern.rows] if len(values) else values for values in draws]
            drawn = self.draw(self._asked(pattern, given, uniform[:, pattern.rows], own))
            kept = ~drawn.failed
            for i in pattern.missing - _undrawable(codec, pattern):
                values = drawn.arrays.get(i)
                if values is None:
                    values = codec.columns[i].decode(drawn.tokens[i], own[i])
                filled[i].rows.append(pattern.rows[kept])
                filled[i].values.append(values.filter(pa.array(kept)))
        return _written(codec, batch, request, filled)

    def _asked(
        self, pattern: Pattern, given: Mapping[int, pa.Array], uniform: np.ndarray, draws: list[np.ndarray]
    ) -> Draw:
        rows = pa.array(pattern.rows)
        ruling = self._ruling(pattern.missing)
        filled = {i: ruling.conditions.allowed.get(i, self._filled(i)) for i in pattern.missing}
        return Draw(
            rows=len(pattern.rows),
            conditions=replace(ruling.conditions, allowed={**ruling.conditions.allowed, **filled}),
            uniform=uniform,
            ruling=ruling,
            draws=draws,
            given={i: array.take(rows) for i, array in given.items() if i not in pattern.missing},
            unseen=pattern.unseen,
        )

    def _ruling(self, missing: frozenset[int]) -> Ruling:
        """What the rules leave to the columns that are to be filled; it differs only by those ruled."""
        rules = self.rules or Rules(scales={}, spans={}, rising={})
        functions = self.codec.functions
        bound = rules.tied | {*rules.scales, *rules.spans}
        bound |= {i for f in functions if f.result in bound for i in (f.source,)}
        key = missing & bound
        if key not in self._rulings:
            conditions = Conditions(allowed={i: self._filled(i) for i in key}, written={})
            self._rulings[key] = Ruling.of(rules, self.codec.columns, functions, conditions, computed=True)
        return self._rulings[key]

    def _filled(self, i: int) -> np.ndarray:
        """The tokens that column `i` may be filled with: any but null, unless it knows nothing else."""
        values = ~_nulls(self.codec.columns[i])
        return values if values.any() else ~values


def _columns(codec: TableCodec, batch: pa.RecordBatch, request: ImputeRequest) -> dict[int, pa.Array]:
    """The batch's columns as the codec's types, by number."""
    names = set(batch.schema.names)
    known = {column.name for column in codec.columns}
    if lacking := [column.name for column in codec.columns if column.name not in names]:
        raise ConditionError(
            f"the table has no column {lacking[0]!r}, which the model learned",
            "add the column, filled with nulls where it is not known",
        )
    if strange := [name for name in (*request.columns, *request.renewed) if name not in known]:
        raise ConditionError(
            f"column {strange[0]!r} cannot be filled: the model did not learn it",
            f"columns it learned: {', '.join(sorted(known)[:20])}",
        )
    arrays = {}
    for i, column in enumerate(codec.columns):
        if isinstance(column, MadeColumn):
            continue
        array = plain(batch.column(column.name))
        try:
            arrays[i] = array.cast(column.type)
        except pa.ArrowException as exc:
            raise ConditionError(
                f"column {column.name!r} of the table is of type {array.type}, "
                f"which cannot be read as {column.type}",
                "give the column the type that the model learned",
            ) from exc
    return arrays


def _patterns(codec: TableCodec, given: Mapping[int, pa.Array], request: ImputeRequest) -> Iterator[Pattern]:
    """The rows of which something is to be drawn, in groups."""
    rows = len(next(iter(given.values()))) if given else 0
    states = np.full((rows, len(codec.columns)), _GIVEN, np.uint8)
    for i, array in given.items():
        column = codec.columns[i]
        tokens = column.approximate(array, column.encode(array))
        states[tokens == UNKNOWN, i] = _UNSEEN
        if column.name in request.columns:
            states[array.is_null().to_numpy(zero_copy_only=False), i] = _MISSING
        if column.name in request.renewed:
            states[:, i] = _MISSING
    kinds, which = np.unique(states, axis=0, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(which.ravel(), minlength=len(kinds)))
    for kind, of_kind in zip(kinds, np.split(order, ends[:-1]), strict=True):
        if (kind == _MISSING).any():
            yield Pattern(
                rows=of_kind,
                missing=frozenset(np.flatnonzero(kind == _MISSING).tolist()),
                unseen=frozenset(np.flatnonzero(kind == _UNSEEN).tolist()),
            )


def _undrawable(codec: TableCodec, pattern: Pattern) -> set[int]:
    """Columns that follow from a column whose value was never seen, and so from nothing known."""
    found = set()
    for i in pattern.missing:
        sources = {f.source for f in codec.functions if f.result == i}
        if sources and sources <= pattern.unseen:
            found.add(i)
    return found


def _nulls(column: Column) -> np.ndarray:
    return np.asarray(
        column.decode(np.arange(column.tokens), np.zeros(column.tokens))
        .is_null()
        .to_numpy(zero_copy_only=False)
    )


def _written(
    codec: TableCodec, batch: pa.RecordBatch, request: ImputeRequest, filled: Mapping[int, _Filled]
) -> pa.RecordBatch:
    arrays = list(batch.columns)
    for i, column in enumerate(codec.columns):
        if isinstance(column, MadeColumn):
            continue
        place = batch.schema.get_field_index(column.name)
        original = arrays[place]
        if column.name in request.renewed:
            original = pa.nulls(len(original), original.type)
        if filled[i].rows:
            drawn = pa.concat_arrays(filled[i].values).cast(original.type)
            source = np.arange(len(original))
            source[np.concatenate(filled[i].rows)] = len(original) + np.arange(len(drawn))
            original = _joined(original, drawn).take(pa.array(source))
        arrays[place] = original
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _joined(original: pa.Array, drawn: pa.Array) -> pa.Array:
    joined = pa.chunked_array([original, drawn])
    # Dictionaries of two chunks are made one before they are put behind each other.
    return joined.unify_dictionaries().combine_chunks()
