from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mintage.evaluation.fidelity import measure_fidelity
from mintage.evaluation.options import Options
from mintage.evaluation.results import Fidelity
from mintage.evaluation.tables import align

pytestmark = [pytest.mark.oracle, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).parent / "sdmetrics_scores.py"
Table = tuple[pa.Table, dict[str, str]]


@pytest.fixture(scope="module")
def python(repository: Path) -> Path:
    path = repository / ".venv-oracles" / "sdmetrics" / "bin" / "python"
    if not path.exists():
        pytest.fail(f"there is no {path}; run: make test-oracles")
    return path


def numbers(rng: np.random.Generator, rows: int) -> Table:
    base = rng.normal(size=rows)
    table = pa.table(
        {
            "normal": base,
            "skewed": np.exp(base + rng.normal(size=rows)),
            "whole": rng.poisson(4, rows),
            "huge": 1e12 * (base + rng.normal(size=rows)),
            "small": 1e-5 * rng.random(rows),
        }
    )
    return table, dict.fromkeys(table.column_names, "numerical")


def mixed(rng: np.random.Generator, rows: int) -> Table:
    base = rng.normal(size=rows)
    days = (base * 100).astype("timedelta64[D]") + np.datetime64("2020-01-01")
    table = pa.table(
        {
            "age": np.clip(base * 12 + 40, 17, 90).astype(int),
            "income": np.exp(base * rng.random(rows)),
            "job": np.array(["cook", "clerk", "smith", "judge"])[rng.integers(0, 4, rows)],
            "member": base > rng.normal(size=rows),
            "joined": days.astype("datetime64[us]"),
        }
    )
    kinds = ("numerical", "numerical", "categorical", "boolean", "datetime")
    return table, dict(zip(table.column_names, kinds, strict=True))


def mixed_with_missing(rng: np.random.Generator, rows: int) -> Table:
    table, kinds = mixed(rng, rows)
    columns = {
        name: pa.array(table[name].to_pylist(), table[name].type, mask=rng.random(rows) < 0.2)
        for name in table.column_names
    }
    return pa.table(columns), kinds


def with_constants(rng: np.random.Generator, rows: int) -> Table:
    table, kinds = mixed_with_missing(rng, rows)
    table = table.append_column("same", pa.array([7.0] * rows))
    table = table.append_column("shifting", pa.array([float(rng.integers(5))] * rows))
    table = table.append_column("word", pa.array(["yes"] * rows))
    table = table.append_column("nothing", pa.array([None] * rows, pa.float64()))
    table = table.append_column("no_word", pa.array([None] * rows, pa.string()))
    more = {"same": "numerical", "shifting": "numerical", "nothing": "numerical"}
    return table, kinds | more | {"word": "categorical", "no_word": "categorical"}


def without_overlap(rng: np.random.Generator, rows: int) -> Table:
    start = int(rng.integers(1000)) * 100
    table = pa.table(
        {
            "level": [f"level {start + level}" for level in rng.integers(0, 9, rows)],
            "other": [f"other {level}" for level in rng.integers(0, 300, rows)],
            "value": start + rng.random(rows),
        }
    )
    return table, {"level": "categorical", "other": "categorical", "value": "numerical"}


CASES: dict[str, tuple[Callable[[np.random.Generator, int], Table], int, int]] = {
    "numbers": (numbers, 3000, 2000),
    "mixed": (mixed, 2000, 3000),
    "missing values": (mixed_with_missing, 2000, 2000),
    "constants and empty columns": (with_constants, 1500, 1500),
    "no overlap": (without_overlap, 1000, 700),
    "long columns": (mixed_with_missing, 80_000, 60_000),
    "nine rows": (mixed, 9, 9),
}


@pytest.mark.parametrize("case", CASES)
def test_shape_and_trend_are_those_of_sdmetrics(case: str, python: Path, tmp_path: Path) -> None:
    make, rows_real, rows_synthetic = CASES[case]
    real, kinds = make(np.random.default_rng(1), rows_real)
    synthetic, _ = make(np.random.default_rng(2), rows_synthetic)

    theirs = scores_of_sdmetrics(python, tmp_path, real, synthetic, kinds)

    ours = measure_fidelity(align(real, synthetic, None, Options()), Options())
    assert ours.shape_error == pytest.approx(theirs["shape_error"], abs=1e-4)  # a score to 1e-6
    assert ours.trend_error == pytest.approx(theirs["trend_error"], abs=1e-4)
    assert scores_of_columns(ours, theirs["columns"]) == pytest.approx(theirs["columns"], abs=1e-6)
    assert scores_of_pairs(ours, kinds) == pytest.approx(
        {frozenset(names): score for *names, score in theirs["pairs"]}, abs=1e-6
    )


def test_with_its_thresholds_sdmetrics_scores_the_associated_pairs(python: Path, tmp_path: Path) -> None:
    real, kinds = mixed_with_missing(np.random.default_rng(1), 3000)
    synthetic, _ = mixed_with_missing(np.random.default_rng(2), 3000)

    theirs = scores_of_sdmetrics(python, tmp_path, real, synthetic, kinds, "--defaults")

    ours = measure_fidelity(align(real, synthetic, None, Options()), Options())
    assert theirs["trend_error"] is not None
    assert ours.trend_error_associated == pytest.approx(theirs["trend_error"], abs=1e-4)
    assert ours.trend_error != pytest.approx(theirs["trend_error"], abs=1e-2)


def scores_of_sdmetrics(
    python: Path, folder: Path, real: pa.Table, synthetic: pa.Table, kinds: dict[str, str], *flags: str
) -> dict[str, Any]:
    pq.write_table(real, folder / "real.parquet")
    pq.write_table(synthetic, folder / "synthetic.parquet")
    metadata = {"columns": {name: {"sdtype": kind} for name, kind in kinds.items()}}
    (folder / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    files = [str(folder / name) for name in ("real.parquet", "synthetic.parquet", "metadata.json")]
    done = subprocess.run(
        [str(python), str(SCRIPT), *files, *flags], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def scores_of_columns(fidelity: Fidelity, theirs: dict[str, float | None]) -> dict[str, float | None]:
    """Our scores; None where SDMetrics has none: ours then says whether both tables lack values."""
    return {column.name: None if theirs[column.name] is None else column.score for column in fidelity.columns}


def scores_of_pairs(fidelity: Fidelity, kinds: dict[str, str]) -> dict[frozenset[str], float | None]:
    """Our scores by the names of the two columns; None where the pair is left out."""
    ours: dict[frozenset[str], float | None] = {frozenset(pair): None for pair in combinations(kinds, 2)}
    return ours | {frozenset((pair.left, pair.right)): pair.score for pair in fidelity.pairs}
