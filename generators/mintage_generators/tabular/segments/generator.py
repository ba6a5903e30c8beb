"""`tabular.segments`: fits a model for each value of a column, and one for what is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pyarrow as pa
from pydantic import JsonValue

from mintage.contracts import DatasetSchema, FitContext, FitProgress, Generator, Model, Source, TableSchema
from mintage.contracts.seeds import Stage
from mintage.errors import FitError, MintageError, SourceError
from mintage_generators.tabular.auto.candidates import KINDS, Limits, generator_class, make_generator
from mintage_generators.tabular.codec import ExactColumn, damaged, read_codec, unpack
from mintage_generators.tabular.codec.files import ARRAYS, DOCUMENT
from mintage_generators.tabular.codec.physical import value_type
from mintage_generators.tabular.codec.saved import write_codec
from mintage_generators.tabular.codec.table import TableCodec
from mintage_generators.tabular.segments.checkpoints import SegmentCheckpoints, files_of
from mintage_generators.tabular.segments.config import SegmentsConfig
from mintage_generators.tabular.segments.model import SegmentsDocument, SegmentsModel
from mintage_generators.tabular.segments.partition import count_segments, parted

LEAST_SHARED = 20
"""Rows that the shared model needs; fewer are left out."""

MAX_RECORDS = 8
"""Fits whose own records are kept; those of the longest segments."""


class SegmentsGenerator(Generator):
    """Learns each segment by itself, so that nothing of one colours another."""

    Config = SegmentsConfig
    config: SegmentsConfig

    def foresee(self, source: Source | None) -> DatasetSchema | None:
        """What its generator foresees of the whole source."""
        return make_generator(self.config.generator, {}, Limits()).foresee(source)

    def fit(self, source: Source | None, context: FitContext) -> SegmentsModel:
        """A pass to count, a pass to part the rows into temporary files, then one fit after the other.

        Raises `SourceError` when no value of the column has enough rows; an error of a segment's fit names
        the segment by its number.
        """
        if source is None:
            raise SourceError("tabular.segments learns from a source, and there is none", "name one")
        tables = self._tables(source)
        table = source.schema.root_table
        own, rest = self._choose(source, table)
        rows = [*own.counts.tolist(), *([rest] if rest >= LEAST_SHARED else [])]
        models = self._fit_all(source, table, own, rows, context)
        codec = TableCodec(
            schema=TableSchema(name=table.name, columns=(tables.root_table.column(own.name),)), columns=(own,)
        )
        shared = rest if rest >= LEAST_SHARED else 0
        document = SegmentsDocument.model_validate(
            {
                "dataset": tables.to_json(),
                "codec": write_codec(codec)[0],
                "kind": self.config.generator.kind,
                "shared_rows": shared,
                "record": _record(rows, models, own, rest - shared),
            }
        )
        return SegmentsModel(own=own, models=tuple(models), document=document, tables=tables)

    def _tables(self, source: Source) -> DatasetSchema:
        tables = self.foresee(source)
        assert tables is not None
        if self.config.column not in tables.root_table.names:
            raise SourceError(
                f"the rows have no column {self.config.column!r} to part by",
                f"name one of {tables.root_table.names[:20]}",
            )
        return tables

    def _choose(self, source: Source, table: TableSchema) -> tuple[ExactColumn, int]:
        """The values that get models of their own, and how many rows have another."""
        column = self.config.column
        values, counts = count_segments(source, table, column)
        if len(table.columns) < 2:
            raise SourceError(
                f"the source has no column but {column!r}", "there is nothing to learn in a segment"
            )
        longest = np.argsort(-counts, kind="stable")[: self.config.max_segments]
        chosen = longest[counts[longest] >= self.config.min_rows]
        if not len(chosen):
            raise SourceError(
                f"no value of {column!r} has {self.config.min_rows} rows; the commonest has "
                f"{counts.max(initial=0)}",
                "lower generator.min_rows, or use a generator without segments",
            )
        type_ = value_type(table.arrow().field(column).type)
        own = ExactColumn.of(column, type_, (values.take(pa.array(chosen)), counts[chosen]))
        return own, int(counts.sum() - counts[chosen].sum())

    def _fit_all(
        self, source: Source, table: TableSchema, own: ExactColumn, rows: list[int], context: FitContext
    ) -> list[Model]:
        done, models = SegmentCheckpoints(context.checkpoints), []
        with ExitStack() as stack:
            parts: list[Source] | None = None
            for number, count in enumerate(rows):
                files = done.finished(number)
                if files is not None:
                    models.append(generator_class(self.config.generator.kind).load(files))
                    continue
                parts = parts or stack.enter_context(parted(source, table, own))
                limits = Limits(seconds=self._seconds(count, sum(rows)))
                within = replace(
                    context,
                    seed=_seed(context.seed, number),
                    report=_relay(context, number, len(rows)),
                    checkpoints=done.of(number),
                )
                models.append(self._fit_one(number, parts[number], limits, within))
                done.finish(number, models[-1].save(), keeps=context.rank == 0)
        return models

    def _fit_one(self, number: int, part: Source, limits: Limits, context: FitContext) -> Model:
        try:
            return make_generator(self.config.generator, {}, limits).fit(part, context)
        except (FitError, SourceError) as exc:
            raise type(exc)(f"segment {number} of {self.config.column!r}: {exc.message}", exc.hint) from exc

    def _seconds(self, rows: int, total: int) -> float | None:
        """A segment's part of the time; None when the options of its generator say how long to learn."""
        given = self.config.generator.options
        if self.config.max_seconds is None or "max_seconds" in given or "max_steps" in given:
            return None
        return self.config.max_seconds * rows / total

    @classmethod
    def warm_up(cls) -> None:
        """Load what the default generator needs."""
        generator_class("tabular.autoregressive").warm_up()

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> SegmentsModel:
        """The models, each by its generator, and what ties them."""
        document, arrays = unpack(
            {name: data for name, data in files.items() if name in (DOCUMENT, ARRAYS)}, SegmentsDocument
        )
        codec = read_codec(document.codec, arrays)
        own = codec.columns[0]
        if len(codec.columns) != 1 or not isinstance(own, ExactColumn) or document.shared_rows < 0:
            raise damaged("its segments are not told apart by one column of listed values")
        if document.kind not in KINDS:
            raise damaged(f"{document.kind[:100]!r} is no generator of segments")
        count = own.tokens + (document.shared_rows > 0)
        if len(files) != 2 + sum(len(files_of(files, number)) for number in range(count)):
            raise damaged(f"it has files of other models than its {count}")
        try:
            tables = DatasetSchema.from_json(document.dataset)
        except (MintageError, KeyError, TypeError, ValueError, AssertionError) as exc:
            raise damaged("its schema cannot be read") from exc
        kind = generator_class(document.kind)
        models = tuple(kind.load(files_of(files, number)) for number in range(count))
        _check_columns(tables, own, models)
        return SegmentsModel(own=own, models=models, document=document, tables=tables)


def _check_columns(tables: DatasetSchema, own: ExactColumn, models: tuple[Model, ...]) -> None:
    table = tables.root_table
    if own.name not in table.names or value_type(table.column(own.name).type) != own.type:
        raise damaged(f"its table has no column {own.name!r} of type {own.type}")
    for number, model in enumerate(models):
        wanted = [c for c in table.columns if c.name != own.name or number == own.tokens]
        found = model.schema.root_table.columns
        if [(c.name, c.type) for c in found] != [(c.name, c.type) for c in wanted]:
            raise damaged(f"model {number} makes other columns than its table has")


def _record(rows: list[int], models: list[Model], own: ExactColumn, left_out: int) -> dict[str, JsonValue]:
    longest = sorted(range(len(rows)), key=lambda number: (-rows[number], number))[:MAX_RECORDS]
    fits: dict[str, object] = {str(number): models[number].fit_record for number in sorted(longest)}
    record: dict[str, object] = {
        "rows_learned_from": sum(rows),
        "segments": {
            "column": own.name,
            "rows": rows[: own.tokens],
            "rows_of_the_shared_model": sum(rows[own.tokens :]),
            "rows_left_out": left_out,
            "fits": fits,
        },
    }
    return record  # type: ignore[return-value]  # fit records are JSON


def _relay(context: FitContext, number: int, count: int) -> Callable[[FitProgress], None]:
    return lambda told: context.report(
        FitProgress(told.step, told.steps, f"segment {number + 1} of {count}: {told.note}")
    )


def _seed(seed: int, number: int) -> int:
    sequence = np.random.SeedSequence(seed, spawn_key=(int(Stage.FIT), number, 0))
    return int(sequence.generate_state(1, np.uint64)[0])
