from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from mintage.contracts import FitContext, Model, SampleRequest, Scalar
from mintage.errors import ConditionError
from mintage.testing import memory_source
from mintage_generators.tabular.autoregressive.config import AutoregressiveConfig
from mintage_generators.tabular.autoregressive.generator import AutoregressiveGenerator
from mintage_generators.tabular.marginals.config import MarginalsConfig
from mintage_generators.tabular.marginals.generator import MarginalsGenerator


def drawn(model: Model, rows: int = 300, **conditions: object) -> pa.RecordBatch:
    request = SampleRequest(seed=1, shard=0, batch=0, rows=rows, first_key=0, **conditions)  # type: ignore[arg-type]
    (only,) = model.sample(request)
    return only.batch


@pytest.fixture(scope="module", params=["autoregressive", "marginals"])
def model(request: pytest.FixtureRequest, mixed: pa.Table) -> Model:
    source, context = memory_source(mixed), FitContext(seed=3)
    if request.param == "marginals":
        return MarginalsGenerator(MarginalsConfig()).fit(source, context)
    config = AutoregressiveConfig(max_steps=30, max_seconds=None, hidden=16, batch_rows=64)
    return AutoregressiveGenerator(config).fit(source, context)


def common(table: pa.Table, column: str) -> object:
    counted = table[column].drop_null().value_counts().to_pylist()
    return max(counted, key=lambda pair: pair["counts"])["values"]


FIXED: dict[str, Scalar] = {
    "name": "eve",
    "code": 114,
    "region": "south",
    "level": "mid",
    "float": None,
    "single": 0.25,
    "huge": 2**64 - 500_001,
    "flag": True,
    "price": "1234.50",
    "day": "2021-03-04",
    "hour": "2021-06-05T10:00:00Z",
    "clock": "07:30:00",
    "took": "PT1000S",
    "year": 2013,
    "nothing": None,
}
EXCLUDED = ["name", "code", "region", "level", "flag", "clock", "day", "hour", "took"]


@pytest.mark.parametrize("column", FIXED)
def test_a_fixed_value_is_in_every_row(model: Model, column: str) -> None:
    value = FIXED[column]
    model.check({column: value}, {})
    rows = drawn(model, fixed={column: value})[column]
    assert len(rows) == 300
    assert len(rows.unique()) == 1
    got = rows[0]
    if isinstance(value, str) and not pa.types.is_string(got.type) and not pa.types.is_large_string(got.type):
        assert _text(got) == value
    else:
        assert got.as_py() == value


def _text(got: pa.Scalar) -> str:
    if pa.types.is_duration(got.type):
        return f"PT{got.value // 1000}S"
    if pa.types.is_timestamp(got.type):
        return f"{np.datetime64(got.value, 'us').astype('datetime64[s]')}Z"
    return str(got.as_py())


@pytest.mark.parametrize(
    "column", ["name", "code", "region", "level", "flag", "clock", "day", "hour", "took"]
)
def test_an_excluded_value_is_in_no_row(model: Model, mixed: pa.Table, column: str) -> None:
    value = common(mixed, column)
    text = value if isinstance(value, str | int | bool) else _text(pa.scalar(value, mixed[column].type))
    excluded = {column: (text,)}
    model.check({}, excluded)
    assert value not in drawn(model, rows=3000, excluded=excluded)[column].to_pylist()


def test_a_number_within_a_bin_can_be_excluded(model: Model, mixed: pa.Table) -> None:
    value = mixed["huge"][5].as_py()
    assert value not in drawn(model, rows=3000, excluded={"huge": (value,)})["huge"].to_pylist()


def test_nan_and_infinity_can_be_fixed_and_excluded(model: Model) -> None:
    assert np.isnan(drawn(model, fixed={"float": "nan"})["float"].to_numpy()).all()
    assert np.isinf(drawn(model, fixed={"float": "inf"})["float"].to_numpy()).all()
    rows = drawn(model, excluded={"float": ("nan", "inf", None)})["float"]
    assert np.isfinite(rows.to_numpy()).all()


def test_nulls_can_be_excluded(model: Model) -> None:
    assert drawn(model, excluded={"float": (None,)})["float"].null_count == 0


def test_several_conditions_hold_together(model: Model) -> None:
    rows = drawn(model, fixed={"flag": False, "level": "hi"}, excluded={"name": ("fay", "ada")})
    assert rows["flag"].unique().to_pylist() == [False]
    assert rows["level"].unique().to_pylist() == ["hi"]
    assert not {"fay", "ada"} & set(rows["name"].to_pylist())


REFUSED: dict[str, tuple[dict[str, Scalar], str]] = {
    "unknown column": ({"nam": "eve"}, "name"),
    "unknown category": ({"name": "evee"}, "'eve'"),
    "wrong type": ({"name": 5}, "text"),
    "text for a number": ({"code": "x"}, "number"),
    "fraction for an integer": ({"code": 100.5}, "number"),
    "not on the lattice": ({"price": "1.005"}, "decimals"),
    "above the range": ({"single": 1e9}, "values made"),
    "out of the type": ({"code": 10**9}, "number"),
    "no date": ({"day": "yesterday"}, "2024-01-31"),
    "no zone": ({"hour": "2021-06-05T10:00:00"}, "2024-01-31T13:45:00Z"),
    "no duration": ({"took": "soon"}, "P1DT2H30M"),
    "null where there is none": ({"name": None}, "values made"),
    "NaN where there is none": ({"single": "nan"}, "values made"),
    "a number that JSON does not have": ({"float": float("nan")}, "in quotes"),
    "finer than the unit": ({"clock": "07:30:00.5"}, "13:45:00"),
    "bool for a number": ({"code": True}, "number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_condition_that_cannot_be_met_is_refused(model: Model, case: str) -> None:
    fixed, hint = REFUSED[case]
    with pytest.raises(ConditionError) as caught:
        model.check(fixed, {})
    assert hint in caught.value.hint


def test_excluding_everything_is_refused(model: Model) -> None:
    with pytest.raises(ConditionError, match="leave no value for column 'flag'"):
        model.check({}, {"flag": (True, False, None)})


def test_fixing_a_column_to_an_excluded_value_is_refused(model: Model) -> None:
    with pytest.raises(ConditionError, match="leave no value"):
        model.check({"name": "eve"}, {"name": ("eve",)})


@pytest.fixture(scope="module")
def calendar() -> Model:
    """Days of two years, of which year, month and day of the month are functions."""
    rng = np.random.default_rng(0)
    days = rng.integers(0, 400, 6000)
    moments = (np.datetime64("2020-02-01") + days).astype("datetime64[D]")
    months = moments.astype("datetime64[M]")
    table = pa.table(
        {
            "year": moments.astype("datetime64[Y]").astype(int) + 1970,
            "month": months.astype(int) % 12 + 1,
            "dom": (moments - months).astype(int) + 1,
            "date": pa.array(moments),
            "slot": days % 7 * 10 + rng.integers(0, 10, 6000),
            "weekday": days % 7,
        }
    )
    config = AutoregressiveConfig(max_steps=40, max_seconds=None, hidden=16, batch_rows=128)
    return AutoregressiveGenerator(config).fit(memory_source(table), FitContext(seed=3))


def _is_consistent(rows: pa.RecordBatch) -> bool:
    return all(
        (day.year, day.month, day.day, slot // 10) == (year, month, dom, (day - date(2020, 2, 1)).days % 7)
        and slot // 10 == weekday
        for year, month, dom, day, slot, weekday in zip(*(c.to_pylist() for c in rows.columns), strict=True)
    )


def test_functions_hold_in_every_row(calendar: Model) -> None:
    assert _is_consistent(drawn(calendar, rows=5000))


@pytest.mark.parametrize(
    "fixed",
    [{"month": 7}, {"date": "2020-02-29"}, {"weekday": 3}, {"slot": 42}, {"year": 2021, "weekday": 0}],
    ids=str,
)
def test_functions_hold_under_conditions(calendar: Model, fixed: dict[str, Scalar]) -> None:
    rows = drawn(calendar, rows=1000, fixed=fixed)
    assert _is_consistent(rows)
    for name in fixed.keys() - {"date"}:
        assert rows[name].unique().to_pylist() == [fixed[name]]


def test_contradicting_a_function_is_refused(calendar: Model) -> None:
    with pytest.raises(ConditionError, match="leave no value for column 'date'"):
        calendar.check({"month": 2, "dom": 30}, {})
