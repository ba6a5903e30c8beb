"""`mintage.evaluate`: how good synthetic rows are, for any two tables, ours or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from mintage.contracts import Semantics
from mintage.errors import SpecError
from mintage.evaluation.evaluate import Background, OnSection, evaluate_tables
from mintage.evaluation.gates import Gate
from mintage.evaluation.options import DEFAULT_ROWS, METRICS, Metric, Options
from mintage.evaluation.results import Report
from mintage.jobs.result import Result
from mintage.jobs.sources import make_connector, open_reader
from mintage.plugins import connector
from mintage.provenance.heads import latest_head
from mintage.settings import Settings
from mintage.spec import IN_MEMORY, nearest, spec_errors
from mintage.store import ObjectStore


def _silent(section: str) -> None:
    del section


def evaluate(
    real: object,
    synthetic: object,
    *,
    holdout: object = None,
    target: str | None = None,
    favourable: str | None = None,
    key: str | Sequence[str] = (),
    protected: str | Sequence[str] = (),
    kinds: Mapping[str, Semantics | str] | None = None,
    metrics: Sequence[str] = METRICS,
    gates: Mapping[str, Mapping[str, object]] | None = None,
    rows: int = DEFAULT_ROWS,
    seed: int = 0,
    on_section: OnSection = _silent,
) -> Report:
    """Measure a synthetic table against the real one.

    Args:
        real: What the synthetic rows were learned from: a path or URI, or a pandas, polars or Arrow table.
        synthetic: The synthetic rows; a data set of Mintage's is read through its manifest.
        holdout: Real rows that nothing learned from; without them, most of privacy is not computed.
        target: Column that a model trained on synthetic rows must predict on real ones.
        favourable: Level of the target that counts as the good outcome.
        key: Columns that say whose row it is; not measured.
        protected: Columns whose groups are compared.
        kinds: What columns mean where their type does not say it, such as `{"PAY_0": "category"}`.
        metrics: The sections to measure.
        gates: Bounds by name of a figure, such as `{"trend_error": {"max": 2.0}}`.
        rows: Rows of each table that classifiers and attacks get.
        seed: Root of all randomness.
        on_section: Hears the name of each section as it begins.

    Raises `SpecError` when the tables cannot be compared, `SourceError` when one cannot be read. A gate
    that fails raises nothing: see `report.verdict.status` and `report.gates`.
    """
    options = Options(
        metrics=_metrics(metrics),
        target=target,
        favourable=favourable,
        key=_names(key),
        protected=_names(protected),
        kinds={name: _semantics(name, kind) for name, kind in (kinds or {}).items()},
        max_rows=_rows(rows),
        seed=seed,
        threads=Settings.read().cpus,
    )
    with spec_errors(Gate, "gates"):
        judged = {name: Gate.model_validate(dict(gate)) for name, gate in (gates or {}).items()}
    dataset = _dataset(synthetic)
    background = _background(dataset) if dataset else Background(subject=_title(synthetic))
    return evaluate_tables(
        _read(real, "real"),
        pa.Table.from_batches(dataset.batches()) if dataset else _read(synthetic, "synthetic"),
        None if holdout is None else _read(holdout, "holdout"),
        options=options,
        gates=judged,
        background=background,
        on_section=on_section,
    )


def _read(table: object, what: str) -> pa.Table:
    if isinstance(table, str | Path):
        reader = open_reader(str(table), path=what)
    else:
        reader = make_connector(connector(IN_MEMORY), {}, what).read(table)
    return pa.Table.from_batches(reader.scan(), reader.schema)


def _dataset(table: object) -> Result | None:
    """The data set of ours that a location names; None for a file, a plain folder, or a table."""
    if not isinstance(table, str | Path):
        return None
    # A file has no heads below it, nor has a folder of somebody else's.
    path = Path(table)
    if path.is_file() or ("://" not in str(table) and not path.is_dir()):
        return None
    store = ObjectStore.open(str(table))
    return Result.open(store.uri) if latest_head(store) is not None else None


def _background(dataset: Result) -> Background:
    """What the statement of a data set of ours says about it."""
    statement = dataset.manifest.statement
    predicate: Any = statement.json["predicate"]
    lineage = statement.lineage
    return Background(
        subject=statement.name,
        provenance={
            "dataset": dataset.store.uri,
            "run_id": statement.predicate.run_id,
            "root": statement.root,
            "generator": str(predicate["kind"]),
            "source": str(predicate["source"]),
        },
        generation=lineage.generation,
        real_fraction=None if lineage.real_fraction is None else float(lineage.real_fraction),
    )


def _title(table: object) -> str:
    return str(table) if isinstance(table, str | Path) else "synthetic"


def _names(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _metrics(metrics: Sequence[str]) -> tuple[Metric, ...]:
    for metric in metrics:
        if metric not in METRICS:
            raise SpecError(f"metrics: there is no metric {metric!r}", nearest(metric, METRICS))
    return tuple(metric for metric in METRICS if metric in metrics)


def _semantics(column: str, kind: Semantics | str) -> Semantics:
    try:
        return Semantics(kind)
    except ValueError as exc:
        raise SpecError(
            f"kinds: column {column!r} cannot be {str(kind)!r}", nearest(str(kind), list(Semantics))
        ) from exc


def _rows(rows: int) -> int:
    if rows < 100:
        raise SpecError(f"rows: must be at least 100, got {rows}", "classifiers need rows to learn from")
    return rows
