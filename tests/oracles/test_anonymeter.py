from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mintage.evaluation.options import Options
from mintage.evaluation.privacy.inference import measure_inference
from mintage.evaluation.privacy.linkability import measure_linkability
from mintage.evaluation.privacy.singling_out import rank_tables, single_out_by_many, single_out_by_one
from mintage.evaluation.privacy.space import Space
from mintage.evaluation.privacy.targets import Targets
from mintage.evaluation.results import Attack, Interval
from mintage.evaluation.tables import align

pytestmark = [pytest.mark.oracle, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).parent / "anonymeter_attacks.py"
ROWS = 400
SECRETS = ("income", "hours", "group")
LEAKS = {"nothing": 0.0, "a quarter": 0.25, "everything": 1.0}


@dataclass(frozen=True)
class Both:
    """The same attacks on the same rows."""

    ours: dict[str, Attack]
    theirs: dict[str, Any]


@pytest.fixture(scope="module", params=list(LEAKS.values()), ids=list(LEAKS))
def both(request: pytest.FixtureRequest, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Both:
    python = repository / ".venv-oracles" / "anonymeter" / "bin" / "python"
    if not python.exists():
        pytest.fail(f"there is no {python}; run: make test-oracles")
    train, fresh, holdout = (_draw(number) for number in range(3))
    copied = int(request.param * ROWS)
    synthetic = pa.concat_tables([train.slice(0, copied), fresh.slice(copied)])
    # The same range in all tables: Anonymeter scales by the range of what it is given.
    train, synthetic, holdout = (_with_extremes(table) for table in (train, synthetic, holdout))
    # In another order: what Anonymeter guesses at random, it takes from the row of the same number.
    synthetic = synthetic.take(pa.array(np.random.default_rng(0).permutation(synthetic.num_rows)))
    ours = _attack(train, synthetic, holdout)
    folder = tmp_path_factory.mktemp("anonymeter")
    paths = [folder / f"{name}.parquet" for name in ("real", "synthetic", "holdout")]
    for path, table in zip(paths, (train, synthetic, holdout), strict=True):
        pq.write_table(table, path)
    asked = (",".join(SECRETS), str(ours["univariate"].attempts))
    command = [str(part) for part in (python, SCRIPT, *paths, *asked)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Both(ours=ours, theirs=json.loads(done.stdout.splitlines()[-1]))


def _draw(number: int) -> pa.Table:
    rng = np.random.default_rng([7, number])
    wealth = rng.normal(size=ROWS)
    group = np.clip(np.floor(1.5 * wealth + rng.normal(size=ROWS) + 3), 0, 5).astype(int)
    return pa.table(
        {
            "income": np.exp(2 + 0.5 * wealth + 0.1 * rng.normal(size=ROWS)),
            "group": [f"g{level}" for level in group],
            "hours": 40 + 5 * wealth + 3 * rng.normal(size=ROWS),
            "age": 50 + 8 * rng.normal(size=ROWS),
            "region": [f"r{level}" for level in rng.integers(0, 4, ROWS)],
        }
    )


def _with_extremes(table: pa.Table) -> pa.Table:
    """With rows that hold the least and the greatest value of each number."""
    ends = pa.table(
        {
            "income": [0.5, 200.0],
            "group": ["g0", "g5"],
            "hours": [1.0, 90.0],
            "age": [10.0, 99.0],
            "region": ["r0", "r3"],
        }
    )
    return pa.concat_tables([ends, table])


def _attack(train: pa.Table, synthetic: pa.Table, holdout: pa.Table) -> dict[str, Attack]:
    tables = align(train, synthetic, holdout, Options())
    space = Space.of(tables)
    real, made, fresh = (Targets.of(space.points(table, mismatch=1.0)) for table in tables.all)
    secrets = [position for position, name in enumerate(train.column_names) if name in SECRETS]
    guesses = measure_inference(space, secrets, tables.synthetic, (tables.real, tables.holdout), seed=0)
    ranked = rank_tables(tables)
    one = single_out_by_one(ranked, attempts=5000, seed=0)
    many = single_out_by_many(ranked, attempts=500, seed=0)
    assert one is not None
    assert many is not None
    return {
        "linkability": measure_linkability(space, made, real, fresh),
        **{attack.name: attack for attack in guesses},
        "univariate": one,
        "multivariate": many,
    }


def _interval(centre: float, error: float) -> tuple[float, float]:
    return max(0.0, centre - error), min(1.0, centre + error)


def _ends(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    return interval.low, interval.high


@pytest.mark.parametrize("name", ["linkability", *SECRETS])
def test_attacks_on_the_same_rows_have_the_same_rates_intervals_and_risk(both: Both, name: str) -> None:
    ours, theirs = both.ours[name], both.theirs[name]
    assert ours.control is not None
    assert ours.risk is not None
    assert ours.success.value == pytest.approx(theirs["success"][0], abs=1e-9)
    assert ours.control.value == pytest.approx(theirs["control"][0], abs=1e-9)
    assert _ends(ours.success) == pytest.approx(_interval(*theirs["success"]), abs=1e-9)
    assert _ends(ours.control) == pytest.approx(_interval(*theirs["control"]), abs=1e-9)
    assert (ours.risk.value, *_ends(ours.risk)) == pytest.approx(theirs["risk"], abs=1e-9)


def test_univariate_predicates_single_out_the_same_rows(both: Both) -> None:
    ours, theirs = both.ours["univariate"], both.theirs["univariate"]
    assert ours.success.value == pytest.approx(theirs["success"][0], abs=0.01)
    assert ours.risk is not None
    assert ours.risk.value == pytest.approx(theirs["risk"][0], abs=0.01)


def test_multivariate_predicates_are_as_successful_within_the_intervals(both: Both) -> None:
    ours, theirs = both.ours["multivariate"], both.theirs["multivariate"]
    their_success = _interval(*theirs["success"])
    for (low, high), (their_low, their_high) in (
        (_ends(ours.success), their_success),
        (_ends(ours.risk), theirs["risk"][1:]),
    ):
        assert low <= their_high
        assert their_low <= high


@pytest.mark.parametrize("name", ["linkability", *SECRETS])
def test_guesses_are_as_successful_up_to_chance(both: Both, name: str) -> None:
    ours, theirs = both.ours[name], both.theirs[name]
    assert ours.baseline is not None
    # Three standard errors of the difference of two rates of so many rows.
    assert ours.baseline.value == pytest.approx(theirs["baseline"][0], abs=3 * (0.5 / ROWS) ** 0.5)
