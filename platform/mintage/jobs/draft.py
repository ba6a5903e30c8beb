"""A first spec for a source: commented, ready to run, with what its columns seem to be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mintage import plugins
from mintage.contracts import ColumnSchema, Semantics, TableReader, TableSchema, type_name
from mintage.errors import SourceError, SpecError
from mintage.jobs.sources import make_connector
from mintage.spec import DEFAULT_GENERATOR, DEFAULT_SHARD_ROWS, SourceSpec, dump_yaml

SAMPLE_ROWS = 100_000
_SAMPLE_CELLS = 5_000_000
_LISTED_COLUMNS = 500
_FEW_VALUES = 50
_LONG_TEXT = 40
_EXAMPLES = 3
_MOST_CHARACTERS = 32
_ENOUGH_ROWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """What the sample says about a column.

    `distinct` is None for types that are not counted; `least` and `most` are None for types without
    an order, and characters for text.
    """

    schema: ColumnSchema
    rows: int
    nulls: int
    distinct: int | None
    least: object
    most: object

    @property
    def name(self) -> str:
        """The name as it is written in YAML."""
        return _word(self.schema.name)

    @property
    def meaning(self) -> Semantics:
        """What the values suggest, beyond the type."""
        text, type_ = self.schema.semantics is Semantics.CATEGORY, self.schema.type
        if self.rows > 1 and self.distinct == self.rows and (text or pa.types.is_integer(type_)):
            return Semantics.KEY
        if text and isinstance(self.most, int) and self.most > _LONG_TEXT:
            return Semantics.TEXT
        return self.schema.semantics

    @property
    def is_quantity(self) -> bool:
        """Whether it is a number that never went below zero."""
        if self.meaning is not Semantics.NUMERIC or not isinstance(self.least, int | float | Decimal):
            return False
        return bool(self.least >= 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Survey:
    """The first rows of a source. `complete`: these are all. `repeats`: some row is there twice."""

    columns: tuple[_Column, ...]
    rows: int
    complete: bool
    repeats: bool


def draft_spec(uri: str) -> str:
    """The text of a spec that learns from the file or folder at `uri`.

    Reads at most `SAMPLE_ROWS` rows, fewer of wide tables. Raises `SpecError` or `SourceError` when
    the source cannot be read or learned from.
    """
    # Refuses credentials before anything is read, and before they are written down.
    SourceSpec(uri=uri)
    ref = plugins.connector_for(uri)
    reader = make_connector(ref, {}, "source.options").read(uri)
    name = draft_name(uri)
    table = TableSchema.of(name, reader.schema)
    survey = _survey(reader, table)
    if not survey.rows:
        raise SourceError(f"{uri} has no rows", "name a source with rows to learn from")
    return "\n".join([*_head(name, uri, survey), *_rules(survey), *_tail(name, survey)])


def draft_name(uri: str) -> str:
    """A job's name made from the last part of a location that gives one.

    >>> draft_name("s3://bucket/2013/flights.csv.gz"), draft_name("./my data/*.parquet"), draft_name("/")
    ('flights', 'my-data', 'data')
    """
    for part in reversed(uri.rstrip("/").split("/")):
        stem = part.lstrip(".").partition(".")[0]
        name = re.sub(r"[^A-Za-z0-9_\-]+", "-", stem).strip("-_")[:100]
        if name and "*" not in part and not part.endswith(":"):
            return name
    return "data"


def write_draft(uri: str, path: Path | None = None, *, overwrite: bool = False) -> Path:
    """Write the draft for `uri` to `path`, by default NAME.yaml in the working directory.

    Raises `SpecError` when the file is there, unless `overwrite`, or cannot be written.
    """
    target = path or Path(f"{draft_name(uri)}.yaml")
    hint = "choose another file with --output, or overwrite it with --force"
    if target.exists() and not overwrite:
        raise SpecError(f"{target} exists", hint)
    text = draft_spec(uri)
    try:
        with target.open("w" if overwrite else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as exc:
        raise SpecError(f"{target} exists", hint) from exc
    except OSError as exc:
        raise SpecError(f"{target} cannot be written: {exc}", "choose another file with --output") from exc
    return target


def _survey(reader: TableReader, table: TableSchema) -> _Survey:
    wanted = max(1, min(SAMPLE_ROWS, _SAMPLE_CELLS // max(1, len(table.columns))))
    batches: list[pa.RecordBatch] = []
    rows = 0
    # One row more than wanted tells whether there are any.
    for batch in reader.scan(batch_rows=min(wanted + 1, 16_384)):
        batches.append(batch)
        rows += batch.num_rows
        if rows > wanted:
            break
    sample = pa.Table.from_batches(batches, reader.schema).slice(0, wanted)
    columns = tuple(_look(sample.column(i), column) for i, column in enumerate(table.columns))
    return _Survey(
        columns=columns, rows=sample.num_rows, complete=rows == sample.num_rows, repeats=_repeats(sample)
    )


def _look(values: pa.ChunkedArray, schema: ColumnSchema) -> _Column:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    try:
        distinct = int(pc.count_distinct(values, mode="only_valid").as_py())
    except pa.ArrowNotImplementedError:
        distinct = None
    least, most = _ends(values)
    return _Column(
        schema=schema, rows=len(values), nulls=values.null_count, distinct=distinct, least=least, most=most
    )


def _ends(values: pa.ChunkedArray) -> tuple[object, object]:
    text = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
    try:
        ends = pc.min_max(pc.utf8_length(values) if text else values)
    except pa.ArrowNotImplementedError:
        return None, None
    return ends["min"].as_py(), ends["max"].as_py()


def _repeats(sample: pa.Table) -> bool:
    try:
        distinct = sample.group_by(sample.column_names).aggregate([]).num_rows
    except pa.ArrowNotImplementedError:
        # Lists and the like cannot be compared here; then nothing is claimed.
        return True
    return bool(distinct < sample.num_rows)


def _head(name: str, uri: str, survey: _Survey) -> Iterator[str]:
    yield f"# What to make from {_word(uri)}. `mintage preview` shows a few rows of it."
    yield f"name: {_word(name)}"
    yield "seed: 0  # another seed gives other rows"
    yield ""
    yield "source:"
    yield f"  uri: {_word(uri)}"
    rows = f"all {survey.rows:,} rows" if survey.complete else f"the first {survey.rows:,} rows"
    yield f"  # Found in {rows}; what is written behind a # goes nowhere but here:"
    yield from (f"  #   {line}" for line in _table(survey.columns[:_LISTED_COLUMNS]))
    if more := len(survey.columns[_LISTED_COLUMNS:]):
        yield f"  #   and {more:,} more columns"
    yield "  # What columns mean, where it is not what their type suggests:"
    yield from _meanings(survey.columns)
    yield ""
    yield "generator:"
    yield f"  kind: {DEFAULT_GENERATOR}  # tabular.marginals is faster, and knows no dependencies"
    yield ""
    yield f"rows: {survey.rows}"


def _table(columns: Sequence[_Column]) -> Iterator[str]:
    """The columns as lines of aligned text."""
    cells = [("column", "type", "taken as", "nulls", "distinct", "values")]
    cells += [
        (
            column.name,
            type_name(column.schema.type),
            str(column.meaning),
            f"{column.nulls:,}",
            "" if column.distinct is None else f"{column.distinct:,}",
            _range(column),
        )
        for column in columns
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _range(column: _Column) -> str:
    if column.least is None:
        return ""
    unit = " characters" if column.schema.semantics is Semantics.CATEGORY else ""
    least, most = _short(column.least), _short(column.most)
    return f"{least}{unit}" if least == most else f"{least} to {most}{unit}"


def _meanings(columns: Sequence[_Column]) -> Iterator[str]:
    found = [column for column in columns if column.meaning is not column.schema.semantics]
    yield "  # columns:"
    if not found:
        yield f"  #   {columns[0].name}: {Semantics.CATEGORY}"
    for column in found[:_LISTED_COLUMNS]:
        why = "no value is there twice" if column.meaning is Semantics.KEY else "long texts"
        yield f"  #   {column.name}: {column.meaning}  # {why}"


def _rules(survey: _Survey) -> Iterator[str]:
    full = [c.schema.name for c in survey.columns if not c.nulls]
    few = [
        c for c in survey.columns if c.meaning is Semantics.CATEGORY and 1 < (c.distinct or 0) <= _FEW_VALUES
    ]
    yield ""
    yield "# Rules that every row must keep; action: reject (default), fail or tag."
    active = _no_nulls(survey, full) + _no_copies(survey)
    yield "validate:" if any(not line.lstrip().startswith("#") for line in active) else "# validate:"
    yield from active
    for column in [c for c in survey.columns if c.is_quantity][:_EXAMPLES]:
        yield f"  # - {{kind: range, column: {column.name}, min: 0}}"
    for column in few[:_EXAMPLES]:
        yield f"  # - {{kind: allowed, column: {column.name}, values_from: source}}"


def _no_nulls(survey: _Survey, columns: Sequence[str]) -> list[str]:
    if not columns:
        return []
    listed = dump_yaml(list(columns), in_one_line=True)
    # Only what was seen to the end is known to hold no null.
    mark = "" if survey.complete else "# "
    return [f"  {mark}- {{kind: type, columns: {listed}, nullable: false}}"]


def _no_copies(survey: _Survey) -> list[str]:
    if survey.repeats:
        return ["  # - {kind: exact_copy}  # rows repeat in the source, so copies are to be expected"]
    return ["  - {kind: exact_copy}  # no row is a copy of a source row"]


def _tail(name: str, survey: _Survey) -> Iterator[str]:
    few = [c for c in survey.columns if c.meaning is Semantics.CATEGORY and (c.distinct or 0) > 1]
    yield ""
    if few:
        yield "# So many rows with fixed values, exactly:"
        yield "# conditions:"
        yield f"#   - {{values: {{{few[0].name}: VALUE}}, rows: {max(1, survey.rows // 10)}}}"
        yield "# Target shares of a column's values:"
        yield f"# balance: {{column: {few[0].name}, shares: {{VALUE: 0.5}}}}"
        yield ""
    yield from _evaluation(survey, few)
    yield ""
    yield "sink:"
    yield f"  uri: ./{name}-synthetic"
    yield f"  # shard_rows: {DEFAULT_SHARD_ROWS}  # rows of a shard; other boundaries give other rows"
    yield "  # keep_rejects: true"
    yield ""
    yield "# resources: {workers: 2}  # by default one for each CPU"
    yield "# signing: {key: my.key}  # made by mintage keygen; by default a local identity"
    yield ""


def _evaluation(survey: _Survey, few: Sequence[_Column]) -> Iterator[str]:
    """How the data set is measured; a small source keeps all of its rows for learning, unless asked."""
    target = (few or survey.columns)[-1].name
    yield "# What is measured of the data set, for its report:"
    if survey.complete and survey.rows < _ENOUGH_ROWS:
        yield "# evaluation:"
        yield "#   holdout: 0.1  # rows that nothing learns from: privacy is measured with them"
    else:
        yield "evaluation:"
        yield "  holdout: 0.1  # rows that nothing learns from: privacy is measured with them"
    yield f"  # target: {target}  # a model learned from synthetic rows must predict it on real ones"
    yield "  # protected: [COLUMN]  # whose groups are compared"
    yield "# A figure out of its bounds fails the job, and nothing is signed:"
    yield "# gates: {trend_error: {max: 3}, membership_advantage: {max: 0.1}}"


def _short(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MOST_CHARACTERS and text.isprintable() else f"{text[:_MOST_CHARACTERS]!r}…"


def _word(text: str) -> str:
    """A text as it is written in YAML, also inside `[]` and `{}`."""
    return dump_yaml([text], in_one_line=True)[1:-1]
