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

from mintage.contracts import Semantics
from mintage.errors import SpecError
from mintage.evaluation.options import Options
from mintage.evaluation.reading import count_distinct, plain, read_levels, read_numbers
from mintage.evaluation.remarks import Remarks
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

    Raises `SpecError` when columns differ, when values cannot be compared with the real table's, when a
    table is empty, or when the options name a column that does not exist or cannot be measured.
    """
    named = {"real": real, "synthetic": synthetic}
    if holdout is not None:
        named["holdout"] = holdout
    _check(named, options)
    remarks = Remarks()
    facts: list[ColumnFacts] = []
    made: dict[str, list[Column]] = {name: [] for name in named}
    for name in real.column_names:
        arrays = [plain(table.column(name)) for table in named.values()]
        semantics, reason = _meaning(name, arrays[0], options)
        facts.append(ColumnFacts(name=name, semantics=semantics.value, kind=_KINDS[semantics], reason=reason))
        if _KINDS[semantics] == "skipped":
            _check_asked(name, reason, options)
            continue
        types = [array.type for array in arrays]
        for table, column in zip(named, _read(name, semantics, arrays), strict=True):
            made[table].append(_finite(column, table, remarks))
        _compare({table: columns[-1] for table, columns in made.items()}, types, remarks)
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
        warnings=(*_few_rows(named), *remarks.lines()),
    )


def _few_rows(named: dict[str, pa.Table]) -> list[str]:
    return [
        f"the {name} table has only {table.num_rows} rows: every figure is uncertain"
        for name, table in named.items()
        if table.num_rows < _FEW_ROWS
    ]


def _check(named: dict[str, pa.Table], options: Options) -> None:
    real = named["real"]
    for name, table in named.items():
        names = table.column_names
        if twice := sorted({column for column in names if names.count(column) > 1}):
            raise SpecError(f"the {name} table has two columns called {twice[0]!r}", "rename one of them")
    for name, table in named.items():
        if table.num_rows == 0:
            raise SpecError(f"the {name} table has no rows", "give a table with rows")
        lacking = [column for column in real.column_names if column not in table.column_names]
        beyond = [column for column in table.column_names if column not in real.column_names]
        if lacking or beyond:
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
        if values >= _IDENTIFIER_ROWS and count_distinct(real) > _IDENTIFIER_SHARE * values:
            return (
                Semantics.TEXT,
                f"nearly every row has a value of its own; --kind {name}=category measures it all the same",
            )
    return semantics, ""


def _asked(options: Options) -> tuple[str, ...]:
    return (*options.protected, *((options.target,) if options.target else ()))


def _check_asked(name: str, reason: str, options: Options) -> None:
    """Refuse a target or protected column that is not measured."""
    if name in _asked(options):
        raise SpecError(
            f"column {name!r} is asked for as target or protected column and cannot be measured: {reason}",
            "name another column, or say with --kind what this one means",
        )


def _read(name: str, semantics: Semantics, arrays: Sequence[pa.Array]) -> list[Column]:
    if _KINDS[semantics] == "continuous":
        numbers = [read_numbers(name, array, arrays[0].type, semantics) for array in arrays]
        return [Column(name=name, semantics=semantics, values=values) for values in numbers]
    levels, codes = read_levels(name, arrays)
    return [Column(name=name, semantics=semantics, values=values, levels=levels) for values in codes]


def _finite(column: Column, table: str, remarks: Remarks) -> Column:
    infinite = np.isinf(column.values)
    if not infinite.any():
        return column
    remarks.add(f"infinite values of the {table} table count as missing", column.name)
    return replace(column, values=np.where(infinite, np.nan, column.values))


def _compare(columns: dict[str, Column], types: Sequence[pa.DataType], remarks: Remarks) -> None:
    """Remark what makes figures of a column look bad, or mean little, whatever the rows are worth."""
    real = columns["real"]
    for (table, other), type_ in zip(columns.items(), types, strict=True):
        if _one_lacks_a_zone(types[0], type_):
            remarks.add(f"times without a zone, real or of the {table} table, are read as UTC", other.name)
        if table == "real" or real.missing.all():
            continue
        if other.missing.all():
            remarks.add(f"the {table} table has no value where the real table has some", other.name)
        elif not _overlap(real, other):
            remarks.add(f"no value of the {table} table is among, or between, the real ones", other.name)


def _one_lacks_a_zone(left: pa.DataType, right: pa.DataType) -> bool:
    both = pa.types.is_timestamp(left) and pa.types.is_timestamp(right)
    return both and (left.tz is None) != (right.tz is None)


def _overlap(real: Column, other: Column) -> bool:
    """Whether two columns with values share a level, or their ranges meet."""
    if real.kind == "discrete":
        size = len(real.levels) + 1  # the first one counts the missing values
        mine, theirs = (np.bincount(column.values + 1, minlength=size)[1:] for column in (real, other))
        return bool(np.any((mine > 0) & (theirs > 0)))
    (low, high), (least, most) = (
        (float(np.nanmin(column.values)), float(np.nanmax(column.values))) for column in (real, other)
    )
    return least <= high and low <= most
