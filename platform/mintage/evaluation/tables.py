"""The tables of an evaluation, aligned: the same columns in the same order, with the same codes.

    tables = align(real, synthetic, holdout, options)
    tables.real.column("age").values            float64, NaN where missing
    tables.synthetic.column("sex").values       int32 codes into `levels`, -1 where missing

A column is continuous (numbers, dates and times), discrete (categories and booleans), or skipped (keys,
free text, binary). The real table decides; nothing but the options can make an integer a category.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mintage.contracts import Semantics
from mintage.errors import SpecError
from mintage.evaluation.options import Options
from mintage.evaluation.results import ColumnFacts

Kind = Literal["continuous", "discrete", "skipped"]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

_IDENTIFIER_SHARE = 0.9
_IDENTIFIER_ROWS = 100
_FEW_ROWS = 100
_KINDS: dict[Semantics, Kind] = {
    Semantics.NUMERIC: "continuous",
    Semantics.DATETIME: "continuous",
    Semantics.CATEGORY: "discrete",
    Semantics.BOOLEAN: "discrete",
    Semantics.TEXT: "skipped",
    Semantics.KEY: "skipped",
    Semantics.BINARY: "skipped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of one table, ready to be measured."""

    name: str
    semantics: Semantics
    values: Floats | Codes
    """Continuous: float64, NaN where missing; times in microseconds. Discrete: codes, -1 where missing."""
    levels: tuple[str, ...] = ()
    """Text of the levels of a discrete column, the same in all tables; sorted."""

    @property
    def kind(self) -> Kind:
        """`continuous` or `discrete`."""
        return _KINDS[self.semantics]

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Which rows have no value."""
        missing: npt.NDArray[np.bool_] = (
            np.isnan(self.values) if self.kind == "continuous" else self.values < 0
        )
        return missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table: columns of equal length."""

    name: str
    rows: int
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column of that name; it must be one that is measured."""
        return next(column for column in self.columns if column.name == name)

    def of_kind(self, kind: Kind) -> tuple[Column, ...]:
        """The columns of a kind, in order."""
        return tuple(column for column in self.columns if column.kind == kind)

    def take(self, rows: npt.NDArray[np.int64]) -> Table:
        """The rows at these positions, in their order."""
        columns = tuple(replace(column, values=column.values[rows]) for column in self.columns)
        return Table(name=self.name, rows=len(rows), columns=columns)

    def sample(self, rows: int, seed: int) -> Table:
        """At most `rows` rows, drawn without replacement; the table itself when it has no more."""
        if self.rows <= rows:
            return self
        chosen = np.random.default_rng(np.random.SeedSequence(seed)).choice(self.rows, rows, replace=False)
        return self.take(np.sort(chosen))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What is compared: real (what was learned from), synthetic, and a holdout that nothing learned from."""

    real: Table
    synthetic: Table
    holdout: Table | None
    columns: tuple[ColumnFacts, ...]
    """All columns, also those that are skipped, in the real table's order."""
    warnings: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[Table, ...]:
        """The tables that there are."""
        return tuple(table for table in (self.real, self.synthetic, self.holdout) if table is not None)


def align(real: pa.Table, synthetic: pa.Table, holdout: pa.Table | None, options: Options) -> Tables:
    """Bring the tables into one form.

    Raises `SpecError` when columns differ, when a type cannot be read as the real table's, when a
    table is empty, or when the options name an unknown column.
    """
    named = {"real": real, "synthetic": synthetic}
    if holdout is not None:
        named["holdout"] = holdout
    _check(named, options)
    facts: list[ColumnFacts] = []
    made: dict[str, list[Column]] = {name: [] for name in named}
    warnings = [
        f"the {name} table has only {table.num_rows} rows: every figure is uncertain"
        for name, table in named.items()
        if table.num_rows < _FEW_ROWS
    ]
    for name in real.column_names:
        arrays = [_plain(table.column(name)) for table in named.values()]
        semantics, reason = _meaning(name, arrays[0], options)
        if _KINDS[semantics] == "skipped":
            facts.append(_facts(name, semantics, reason))
            continue
        for table, column in zip(named, _encode(name, semantics, arrays, warnings), strict=True):
            made[table].append(column)
        facts.append(_facts(name, semantics, ""))
    if not made["real"]:
        raise SpecError(
            "no column can be measured: all are keys, free text or binary",
            "say what columns mean, such as --kind name=category",
        )
    done = {
        name: Table(name=name, rows=table.num_rows, columns=tuple(made[name]))
        for name, table in named.items()
    }
    return Tables(
        real=done["real"],
        synthetic=done["synthetic"],
        holdout=done.get("holdout"),
        columns=tuple(facts),
        warnings=tuple(warnings),
    )


def _facts(name: str, semantics: Semantics, reason: str) -> ColumnFacts:
    return ColumnFacts(name=name, semantics=semantics.value, kind=_KINDS[semantics], reason=reason)


def _check(named: dict[str, pa.Table], options: Options) -> None:
    real = named["real"]
    if twice := sorted({name for name in real.column_names if real.column_names.count(name) > 1}):
        raise SpecError(f"the real table has two columns called {twice[0]!r}", "rename one of them")
    for name, table in named.items():
        if table.num_rows == 0:
            raise SpecError(f"the {name} table has no rows", "give a table with rows")
        lacking = [column for column in real.column_names if column not in table.column_names]
        beyond = [column for column in table.column_names if column not in real.column_names]
        if lacking or beyond or table.num_columns != real.num_columns:
            raise SpecError(
                f"the columns of the real and the {name} table differ: "
                f"only in real: {lacking[:10]}, only in {name}: {beyond[:10]}",
                "drop or rename columns until both have the same; their order does not matter",
            )
    asked = {
        "target": (options.target,) if options.target else (),
        "key": options.key,
        "protected": options.protected,
        "kinds": tuple(options.kinds),
    }
    for what, columns in asked.items():
        for column in columns:
            if column not in real.column_names:
                near = get_close_matches(column, real.column_names, 1)
                raise SpecError(
                    f"{what}: there is no column {column!r}",
                    f"did you mean {near[0]!r}?" if near else f"known: {', '.join(real.column_names[:20])}",
                )


def _plain(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # what Arrow leaves of a column without chunks, or one too long
        array = pa.concat_arrays(array.chunks)
    return array


def _meaning(name: str, real: pa.Array, options: Options) -> tuple[Semantics, str]:
    """What a column means, and why it is skipped, if it is."""
    if name in options.key:
        return Semantics.KEY, "it says whose row it is (key)"
    if name in options.kinds:
        return options.kinds[name], "as the options say"
    semantics = Semantics.of(real.type)
    if pa.types.is_null(real.type):
        return Semantics.CATEGORY, ""
    if semantics is Semantics.BINARY:
        return semantics, f"columns of the type {real.type} are not measured"
    if semantics is Semantics.CATEGORY and len(real) >= _IDENTIFIER_ROWS and name not in _asked(options):
        values = len(real) - real.null_count
        if values >= _IDENTIFIER_ROWS and pc.count_distinct(real).as_py() > _IDENTIFIER_SHARE * values:
            return (
                Semantics.TEXT,
                "nearly every row has a value of its own; measure it with its kind=category",
            )
    return semantics, ""


def _asked(options: Options) -> tuple[str, ...]:
    return (*options.protected, *((options.target,) if options.target else ()))


def _encode(
    name: str, semantics: Semantics, arrays: Sequence[pa.Array], warnings: list[str]
) -> tuple[Column, ...]:
    if _KINDS[semantics] == "continuous":
        made = [_numbers(name, array, arrays[0].type) for array in arrays]
        return tuple(
            Column(name=name, semantics=semantics, values=_finite(name, values, warnings)) for values in made
        )
    texts = [_texts(array).dictionary_encode() for array in arrays]
    levels = sorted({level for text in texts for level in text.dictionary.to_pylist() if level is not None})
    known = pa.array(levels, pa.large_string())
    return tuple(
        Column(name=name, semantics=semantics, values=_codes(text, known), levels=tuple(levels))
        for text in texts
    )


def _numbers(name: str, array: pa.Array, real: pa.DataType) -> Floats:
    """The values as float64, times in microseconds (days and times of day too)."""
    type_ = array.type
    try:
        if pa.types.is_dictionary(type_):
            array = array.dictionary_decode()
        if pa.types.is_temporal(real) and not pa.types.is_temporal(type_):
            array = array.cast(real)
        elif pa.types.is_boolean(type_):
            array = array.cast(pa.int8())
        if pa.types.is_temporal(array.type):
            array = _microseconds(array)
        array = array.cast(pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as exc:
        raise SpecError(
            f"column {name!r} is {real} in the real table and {type_} in another, which cannot be read "
            f"as numbers: {str(exc).splitlines()[0]}",
            f"convert it, or measure it as text with --kind {name}=category",
        ) from exc
    values: Floats = array.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return values


def _microseconds(array: pa.Array) -> pa.Array:
    type_ = array.type
    if pa.types.is_date(type_):
        return array.cast(pa.timestamp("us")).cast(pa.int64())
    if pa.types.is_timestamp(type_):
        return array.cast(pa.timestamp("us", type_.tz), safe=False).cast(pa.int64())
    if pa.types.is_duration(type_):
        return array.cast(pa.duration("us"), safe=False).cast(pa.int64())
    return array.cast(pa.time64("us"), safe=False).cast(pa.int64())


def _finite(name: str, values: Floats, warnings: list[str]) -> Floats:
    infinite = np.isinf(values)
    if not infinite.any():
        return values
    warnings.append(f"column {name!r} holds {int(infinite.sum())} infinite values; they count as missing")
    return np.where(infinite, np.nan, values)


def _texts(array: pa.Array) -> pa.Array:
    """The values as text, so that 1, 1.0 and "1" are one level in whatever type they were stored."""
    type_ = array.type
    if pa.types.is_dictionary(type_):
        array, type_ = array.dictionary_decode(), type_.value_type
    if pa.types.is_floating(type_):
        values = array.to_numpy(zero_copy_only=False).astype(np.float64)
        array = pa.array(values, from_pandas=True)
        if (
            np.all((values == np.floor(values)) | np.isnan(values))
            and np.nanmax(np.abs(values), initial=0) < 2**53
        ):
            array = array.cast(pa.int64())
    return array.cast(pa.large_string())


def _codes(text: pa.DictionaryArray, levels: pa.Array) -> Codes:
    table = pc.index_in(text.dictionary, levels)
    positions = table.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    indices = text.indices.fill_null(len(positions)).to_numpy(zero_copy_only=False)
    codes: Codes = np.append(positions, np.int32(-1))[indices]
    return codes
