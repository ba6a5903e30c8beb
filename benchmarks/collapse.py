"""Model collapse: models that learn, generation after generation, from what the one before made.

In `replace` mode a generation learns from the rows of the last one only (Shumailov et al. 2024, Nature
631); in `accumulate` mode from the real rows and those of all generations before it (Gerstgrasser et al.
2024, arXiv 2404.01413). Each generation draws as many rows as the real table has, and is measured against
the real table. Generation 0 is fresh real rows: no generation can beat its figures but by chance.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet
from environment import Setting

from mintage.contracts import (
    ColumnSchema,
    DatasetSchema,
    FitContext,
    Generator,
    SampleRequest,
    Source,
    TableSchema,
)
from mintage.evaluation.collapse import measure_collapse
from mintage.evaluation.fidelity import measure_fidelity
from mintage.evaluation.options import Options
from mintage.evaluation.results import Collapse
from mintage.evaluation.tables import align
from mintage_connectors.frame.connector import FrameReader
from mintage_generators.tabular.autoregressive.generator import AutoregressiveGenerator
from mintage_generators.tabular.marginals.generator import MarginalsGenerator

COLUMNS = (
    "month",
    "hour",
    "dep_delay",
    "arr_delay",
    "carrier",
    "origin",
    "dest",
    "air_time",
    "distance",
)
ROWS = 5_000
GENERATIONS = 8
MODES = ("replace", "accumulate")
GENERATORS: dict[str, tuple[type[Generator], dict[str, object]]] = {
    "tabular.autoregressive": (AutoregressiveGenerator, {"max_steps": 400, "batch_rows": 256, "hidden": 64}),
    "tabular.marginals": (MarginalsGenerator, {}),
}

Figures = dict[str, float | None]


def measure(setting: Setting) -> dict[str, object]:
    """The figures of every generation, by generator and mode; once, since the same seeds give the same."""
    rows, generations = (1_000, 2) if setting.quick else (ROWS, GENERATIONS)
    samples = list(_sampled(setting, rows, seed=0))
    chains = {
        name: {mode: list(_chain(name, mode, samples, generations=generations)) for mode in MODES}
        for name in GENERATORS
    }
    return {"rows": rows, "columns": len(COLUMNS), "options": _options(), "generations": chains}


def _options() -> dict[str, dict[str, object]]:
    return {name: options for name, (_, options) in GENERATORS.items()}


def _sampled(setting: Setting, rows: int, seed: int) -> Iterator[pa.Table]:
    """Two disjoint samples of the flights: what is learned from, and fresh rows."""
    import numpy as np

    flights = pa.parquet.read_table(setting.flights, columns=list(COLUMNS))
    chosen = np.random.default_rng(seed).choice(flights.num_rows, 2 * rows, replace=False)
    for part in np.split(chosen, 2):
        yield flights.take(np.sort(part))


def _chain(name: str, mode: str, samples: list[pa.Table], *, generations: int) -> Iterator[Figures]:
    """The figures of fresh rows, then of one generation after the other."""
    real, fresh = samples
    yield {"generation": 0, **_figures(real, fresh)}
    learned_from = real
    for generation in range(1, generations + 1):
        made = _generate(name, learned_from, real.num_rows, generation)
        yield {"generation": generation, **_figures(real, made)}
        learned_from = pa.concat_tables([learned_from, made]) if mode == "accumulate" else made


def _generate(name: str, table: pa.Table, rows: int, seed: int) -> pa.Table:
    """Rows of a model that learned from the table."""
    kind, options = GENERATORS[name]
    schema = TableSchema(name="flights", columns=tuple(ColumnSchema.of(field) for field in table.schema))
    reader = FrameReader(table)
    source = Source(
        schema=DatasetSchema(tables=(schema,), root="flights"),
        readers={"flights": reader},
        digest=reader.digest(),
    )
    model = kind(kind.Config.model_validate(options)).fit(source, FitContext(seed=seed))
    request = SampleRequest(seed=seed, shard=0, batch=0, rows=rows, first_key=0)
    made = pa.Table.from_batches([batch.batch for batch in model.sample(request)])
    return made.cast(table.schema)


def _figures(real: pa.Table, other: pa.Table) -> Figures:
    options = Options()
    tables = align(real, other, None, options)
    collapse = measure_collapse(tables, options)
    assert isinstance(collapse, Collapse)
    fidelity = measure_fidelity(tables, options)
    columns = collapse.columns
    variances = [column.variance_retention for column in columns if column.variance_retention is not None]
    tails = [column.tail_retention for column in columns if column.tail_retention is not None]
    figures = {
        "variance_retention": collapse.variance_retention,
        "tail_retention": collapse.tail_retention,
        "support_coverage": collapse.support_coverage,
        "least_variance_retention": min(variances),
        "least_tail_retention": min(tails),
        "least_support_coverage": min(column.support_coverage for column in columns),
        "distinct_share_ratio": collapse.distinct_share_ratio,
        "shape_error": fidelity.shape_error,
        "trend_error": fidelity.trend_error_fixed_edges,
    }
    return {name: figure if figure is None else round(figure, 4) for name, figure in figures.items()}
