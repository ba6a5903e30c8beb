"""Two samples of one distribution pass the tests, two of different ones do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from mintage.engine import likeness
from mintage.engine.likeness import LEVEL, column_p_value, row_tolerance, sample_rows

ROWS = 2000
Draw = Callable[[np.random.Generator, float], pa.Array]


def with_nulls(rng: np.random.Generator, shift: float) -> pa.Array:
    return pa.array(np.ones(ROWS), mask=rng.random(ROWS) < 0.1 + shift / 2)


DRAWS: dict[str, Draw] = {
    "numbers": lambda rng, shift: pa.array(rng.normal(shift, 1, ROWS)),
    "numbers that are none": lambda rng, shift: pa.array(
        np.where(rng.random(ROWS) < 0.1 + shift / 2, np.nan, rng.normal(size=ROWS))
    ),
    "half-precision": lambda rng, shift: pa.array(rng.normal(shift, 1, ROWS).astype(np.float16)),
    "many whole numbers": lambda rng, shift: pa.array(rng.integers(0, int(10**6 * (1 + shift)), ROWS)),
    "few whole numbers": lambda rng, shift: pa.array(rng.binomial(5, 0.3 + shift / 2, ROWS)),
    "levels": lambda rng, shift: pa.array(
        rng.choice(["a", "b", "c"], ROWS, p=[0.5 - shift / 2, 0.3, 0.2 + shift / 2])
    ),
    "switches": lambda rng, shift: pa.array(rng.random(ROWS) < 0.3 + shift / 2),
    "nulls": with_nulls,
    "days": lambda rng, shift: pa.array(
        [date(2020, 1, 1) + timedelta(days=int(n)) for n in rng.integers(0, 900 + int(900 * shift), ROWS)]
    ),
    "texts that are all different": lambda rng, shift: pa.array(
        ["x" * (5 + rng.poisson(5 + 5 * shift)) + str(rng.integers(10**6)) for _ in range(ROWS)]
    ),
    "lists": lambda rng, shift: pa.array([rng.normal(shift, 1, 3).tolist() for _ in range(ROWS)]),
    "decimals": lambda rng, shift: pa.array(rng.normal(10 + shift, 1, ROWS).round(3)).cast(
        pa.decimal128(9, 3), safe=False
    ),
}  # fmt: skip


def p_value(draw: Draw, shift: float) -> float:
    old, new = (draw(np.random.default_rng(seed), by) for seed, by in ((1, 0.0), (2, shift)))
    return column_p_value(pa.chunked_array([old]), pa.chunked_array([new[:700], new[700:]]))


@pytest.mark.parametrize("kind", DRAWS)
def test_two_draws_of_one_distribution_are_alike(kind: str) -> None:
    assert p_value(DRAWS[kind], 0.0) >= LEVEL


@pytest.mark.parametrize("kind", DRAWS)
def test_draws_of_different_distributions_are_not(kind: str) -> None:
    assert p_value(DRAWS[kind], 0.4) < LEVEL / 100


def test_tests_hold_their_level() -> None:
    rng = np.random.default_rng(0)
    draw = DRAWS["levels"]
    found = [
        column_p_value(pa.chunked_array([draw(rng, 0.0)]), pa.chunked_array([draw(rng, 0.0)]))
        for _ in range(200)
    ]
    assert sum(p < 0.05 for p in found) <= 20


@pytest.mark.parametrize(
    "values", [pa.nulls(3), pa.array([], pa.float64()), pa.array([None, None], pa.string())], ids=str
)
def test_columns_without_values_are_alike(values: pa.Array) -> None:
    assert column_p_value(pa.chunked_array([values]), pa.chunked_array([values])) == 1.0


def test_a_sample_is_bounded_and_evenly_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "MAX_SAMPLE_ROWS", 10)
    schema = pa.schema({"x": pa.int64()})

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, 95, 7):
            yield pa.record_batch([pa.array(range(start, min(start + 7, 95)), pa.int64())], schema=schema)

    assert sample_rows(batches(), 95, schema)["x"].to_pylist() == list(range(0, 95, 10))


@pytest.mark.parametrize(("rows", "tolerance"), [(0, 0), (100, 50), (10**6, 20_000)], ids=str)
def test_rows_may_differ_by_chance_or_a_little(rows: int, tolerance: int) -> None:
    assert row_tolerance(rows) == tolerance
