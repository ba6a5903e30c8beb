"""Fidelity of two tables beside SDMetrics' QualityReport, on all rows and as it comes, with equal scores.

SDMetrics runs in an environment of its own: `.venv-oracles/sdmetrics`, which `make test-oracles` makes, or
the Python that MINTAGE_BENCH_SDMETRICS names. Its time is that of `generate` on data frames that are
already loaded; ours starts from Arrow tables that are already loaded. Processor time is that of all threads:
it says more than the clock while others use the machine.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from environment import ROOT, Setting, seconds_of

from mintage.evaluation.fidelity import ShapeAndTrend, measure_fidelity, measure_shape_and_trend
from mintage.evaluation.options import Options
from mintage.evaluation.tables import align

SCRIPT = ROOT / "tests" / "oracles" / "sdmetrics_scores.py"
SIZES = {"32,561 x 15": (32_561, 15), "1,000,000 x 20": (1_000_000, 20)}
QUICK = {"5,000 x 10": (5_000, 10)}
WIDE_ROWS, WIDE_COLUMNS = 2_000, 500


def measure(setting: Setting) -> dict[str, object]:
    """Seconds, and how many times as long SDMetrics takes, for tables of mixed columns."""
    sizes = QUICK if setting.quick else SIZES
    figures: dict[str, object] = {
        name: _compare(setting.folder, rows, columns, setting.runs if rows < 100_000 else 1)
        for name, (rows, columns) in sizes.items()
    }
    if not setting.quick:
        figures[f"{WIDE_ROWS:,} x {WIDE_COLUMNS}"] = _wide()
    return figures


def _compare(folder: Path, rows: int, columns: int, runs: int) -> dict[str, object]:
    tables = [_make_table(seed, rows, columns) for seed in (1, 2)]
    options = Options(threads=os.cpu_count() or 1)
    ours: list[tuple[float, float, float]] = []
    theirs: dict[str, list[dict[str, object]]] = {"all_rows": [], "as_it_comes": []}
    for _ in range(runs):  # in turns
        seconds, processor, found = _shape_and_trend(tables, options)
        whole = seconds_of(lambda: measure_fidelity(align(tables[0], tables[1], None, options), options))
        ours.append((seconds, processor, whole))
        for name, flags in (("all_rows", []), ("as_it_comes", ["--defaults"])):
            theirs[name] += _sdmetrics(folder, tables, flags)
    seconds, processor, whole = (statistics.median(each) for each in zip(*ours, strict=True))
    return {
        "shape_and_trend_seconds": round(seconds, 3),
        "shape_and_trend_processor_seconds": round(processor, 3),
        "whole_section_seconds": round(whole, 3),
        "threads": options.threads,
        **{f"sdmetrics_{name}": _ratio((seconds, processor), found, each) for name, each in theirs.items()},
    }


def _shape_and_trend(tables: list[pa.Table], options: Options) -> tuple[float, float, ShapeAndTrend]:
    started = time.perf_counter(), time.process_time()
    found = measure_shape_and_trend(align(tables[0], tables[1], None, options), options)
    return time.perf_counter() - started[0], time.process_time() - started[1], found


def _ratio(
    ours: tuple[float, float], found: ShapeAndTrend, theirs: list[dict[str, object]]
) -> dict[str, object]:
    if not theirs:
        return {"not_measured": "SDMetrics is not installed; run: make test-oracles"}
    seconds, processor = (
        statistics.median(float(str(each[name])) for each in theirs)
        for name in ("seconds", "processor_seconds")
    )
    return {
        "seconds": round(seconds, 3),
        "processor_seconds": round(processor, 3),
        "times_as_long": round(seconds / ours[0], 1),
        "times_as_much_processor_time": round(processor / ours[1], 1),
        "shape_error": [found.shape_error, theirs[0]["shape_error"]],
        "trend_error": [found.trend_error, theirs[0]["trend_error"]],
    }


def _sdmetrics(folder: Path, tables: list[pa.Table], flags: list[str]) -> list[dict[str, object]]:
    default = ROOT / ".venv-oracles" / "sdmetrics" / "bin" / "python"
    python = Path(os.environ.get("MINTAGE_BENCH_SDMETRICS", default))
    if not python.exists():
        return []
    files = [folder / name for name in ("real.parquet", "synthetic.parquet", "metadata.json")]
    for table, path in zip(tables, files, strict=False):
        pq.write_table(table, path)
    kinds = {
        field.name: {"sdtype": "categorical" if field.type == pa.string() else "numerical"}
        for field in tables[0].schema
    }
    files[2].write_text(json.dumps({"columns": kinds}), encoding="utf-8")
    done = subprocess.run([python, SCRIPT, *files, *flags], check=True, capture_output=True, text=True)
    return [json.loads(done.stdout)]


def _wide() -> dict[str, object]:
    tables = [_make_table(seed, WIDE_ROWS, WIDE_COLUMNS) for seed in (1, 2)]
    aligned, options = align(tables[0], tables[1], None, Options()), Options(threads=os.cpu_count() or 1)
    return {
        "shape_and_trend_seconds": round(seconds_of(lambda: measure_shape_and_trend(aligned, options)), 1),
        "whole_section_seconds": round(seconds_of(lambda: measure_fidelity(aligned, options)), 1),
    }


def _make_table(seed: int, rows: int, columns: int) -> pa.Table:
    """Normal, skewed and whole numbers, words of few and many levels, some missing, all correlated."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=rows)
    words = np.array([f"level {level}" for level in range(16)])
    made = {}
    for number in range(columns):
        base = common + 0.5 * rng.normal(size=rows) + 0.1 * seed
        made[f"c{number}"] = _make_column(rng, number % 5, base, words)
    return pa.table(made)


def _make_column(rng: np.random.Generator, kind: int, base: np.ndarray, words: np.ndarray) -> pa.Array:
    if kind == 0:
        return pa.array(10 * base)
    if kind == 1:
        return pa.array(np.clip(12 * base + 40, 17, 90).astype(np.int64))
    if kind == 2:
        return pa.array(words[np.clip(3 * base + 8, 0, 15).astype(np.int64)])
    if kind == 3:
        return pa.array(words[(base > 0.3).astype(np.int64)], mask=rng.random(len(base)) < 0.05)
    return pa.array(np.exp(base), mask=rng.random(len(base)) < 0.03)
