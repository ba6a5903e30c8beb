"""One of Mintage's own generators under the protocol of the peers' scripts (`peers/_protocol.py`).

Option `kind` names the generator; `config` has its options. Only columns that hold text are text here: what
an integer means the generator has to find out itself, which the peers are told.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import polars as pl
import pyarrow as pa

from mintage.contracts import FitContext, Model, SampleRequest
from mintage.plugins import generator, load_generator
from mintage.testing import memory_source


def main() -> None:
    """Fit, draw, write and report."""
    table, _, rows, options = (Path(argument) for argument in sys.argv[1:5])
    asked = json.loads(options.read_text(encoding="utf-8"))
    source = memory_source(_read(table).to_arrow())
    kind = load_generator(generator(asked["kind"]))
    config = kind.Config.model_validate(asked.get("config", {}))
    kind.warm_up()
    started = _now()
    model = kind(config).fit(source, FitContext(seed=asked["seed"], threads=asked["threads"]))
    fitted = _now()
    _draw(model, min(1000, asked["rows"]), asked["seed"], shard=1)
    warm = _now()
    made = _draw(model, max(asked["rows"], asked["rate_rows"]), asked["seed"], shard=0)
    drawn = _now()
    frame = pl.from_arrow(made.slice(0, asked["rows"]))
    assert isinstance(frame, pl.DataFrame)
    frame.write_csv(rows)
    record = model.fit_record
    report = {
        "fit_seconds": fitted[0] - started[0],
        "fit_processor_seconds": fitted[1] - started[1],
        "rows_per_second": made.num_rows / (drawn[0] - warm[0]),
        "rows_per_processor_second": made.num_rows / max(drawn[1] - warm[1], 1e-9),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "record": {
            name: record[name] for name in ("choice", "steps", "best_step", "stopped") if name in record
        },
    }
    print(json.dumps(report))


def _read(table: Path) -> pl.DataFrame:
    """The rows, with flags as the file spells them: polars would spell them anew."""
    frame = pl.read_csv(table, infer_schema_length=None)
    flags = {name: pl.String for name, type_ in frame.schema.items() if type_ == pl.Boolean}
    return pl.read_csv(table, infer_schema_length=None, schema_overrides=flags)


def _draw(model: Model, rows: int, seed: int, *, shard: int) -> pa.Table:
    """As a shard does: in requests of the model's own size."""
    batches: list[pa.RecordBatch] = []
    for batch, start in enumerate(range(0, rows, model.batch_rows)):
        size = min(model.batch_rows, rows - start)
        request = SampleRequest(seed=seed, shard=shard, batch=batch, rows=size, first_key=start)
        batches += [made.batch for made in model.sample(request)]
    return pa.Table.from_batches(batches)


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


if __name__ == "__main__":
    main()
