from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mintage.errors import SourceError
from mintage.testing import memory_source
from mintage_generators.tabular.codec import (
    UNKNOWN,
    CodecConfig,
    Column,
    FittedTable,
    NumberColumn,
    fit_table,
    pack,
    read_codec,
    unpack,
    write_codec,
)
from mintage_generators.tabular.codec.saved import CodecDocument


def fitted(
    table: pa.Table, options: Mapping[str, int] | None = None, *, functions: bool = True
) -> FittedTable:
    config = CodecConfig.model_validate(options or {})
    return fit_table(memory_source(table), config, np.random.default_rng(0), functions=functions)


def column_of(array: pa.Array, options: Mapping[str, int] | None = None) -> Column:
    return fitted(pa.table({"x": array}), options).codec.columns[0]


def redrawn(array: pa.Array) -> pa.Array:
    """The array through the codec: encoded, then decoded with fresh draws."""
    column = column_of(array)
    tokens = column.approximate(array, column.encode(array))
    return column.decode(tokens, np.random.default_rng(1).random(len(tokens)))


REPEATED = {
    "bool": pa.array([True, False, None]),
    "int8": pa.array([-128, 127, 0], pa.int8()),
    "int64": pa.array([-(2**63), 2**63 - 1, None], pa.int64()),
    "uint64": pa.array([0, 2**64 - 1, 2**63 + 1], pa.uint64()),
    "float32": pa.array([0.1, -np.inf, np.nan], pa.float32()),
    "float64": pa.array([0.1, np.nan, None]),
    "decimal128": pa.array([Decimal("1.20"), Decimal("-0.01"), None], pa.decimal128(20, 2)),
    "decimal256": pa.array([Decimal("-1.20"), Decimal("0.01"), None], pa.decimal256(60, 2)),
    "string": pa.array(["", "\u2603", None]),
    "large_string": pa.array(["a", "b", None], pa.large_string()),
    "dictionary": pa.array(["a", "b", None]).dictionary_encode(),
    "date32": pa.array([date(1900, 1, 1), date(2100, 1, 1), None]),
    "date64": pa.array([date(1900, 1, 1), date(2100, 1, 1), None], pa.date64()),
    "timestamp": pa.array([datetime(2024, 1, 1), None], pa.timestamp("ns")),
    "timestamp_tz": pa.array([datetime(2024, 1, 1, tzinfo=UTC), None], pa.timestamp("s", "Asia/Tokyo")),
    "time32": pa.array([time(1, 2, 3), None], pa.time32("ms")),
    "time64": pa.array([time(1, 2, 3, 4), None], pa.time64("ns")),
    "duration": pa.array([timedelta(days=-3), None], pa.duration("us")),
    "null": pa.nulls(3),
}


@pytest.mark.parametrize("kind", REPEATED)
def test_a_value_of_enough_rows_comes_back_exactly(kind: str) -> None:
    values = REPEATED[kind]
    array = pa.concat_arrays([values] * 7)
    plain = array.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else array
    assert redrawn(array).type == plain.type
    assert str(redrawn(array)) == str(plain)


SPREAD = {
    "int64": pa.array(range(-500_000, 500_000, 250), pa.int64()),
    "full int64": pa.array(np.linspace(-(2.0**62), 2.0**62, 4000).astype(np.int64)),
    "uint64": pa.array(np.uint64(2**64 - 1) - np.arange(4000, dtype=np.uint64) * np.uint64(3)),
    "float32": pa.array(np.linspace(0, 1, 4000).astype(np.float32)),
    "float64": pa.array(np.linspace(-1e300, 1e300, 4000)),
    "decimal": pa.array([Decimal(5 * i).scaleb(-2) for i in range(4000)], pa.decimal128(15, 2)),
    "timestamp": pa.array(np.arange(4000) * 3600 + 7, pa.timestamp("s")),
    "date": pa.array(np.arange(4000, dtype=np.int32), pa.date32()),
    "duration": pa.array(np.arange(4000) * 1000, pa.duration("ns")),
}


@pytest.mark.parametrize("kind", SPREAD)
def test_many_numbers_keep_their_distribution_and_their_range(kind: str) -> None:
    array = SPREAD[kind]
    column = column_of(array)
    assert isinstance(column, NumberColumn)
    before, after = np.sort(_floats(array)), np.sort(_floats(redrawn(array)))
    width = before[-1] - before[0]
    assert after[0] >= before[0]
    assert after[-1] <= before[-1]
    assert np.abs((after - before) / width).max() < 0.02


def _floats(array: pa.Array) -> np.ndarray:
    if pa.types.is_temporal(array.type):
        array = array.view(pa.int32() if array.type.bit_width == 32 else pa.int64())
    if pa.types.is_decimal(array.type):
        array = array.cast(pa.float64())
    values: np.ndarray = array.to_numpy(zero_copy_only=False)
    # Halved so that no difference overflows; counted from the end, where float64 has no room for it.
    return -(np.uint64(2**64 - 1) - values).astype(np.float64) if values.dtype == np.uint64 else values / 2.0


@pytest.mark.parametrize(
    ("array", "step"),
    [
        (SPREAD["int64"], 250),
        (SPREAD["timestamp"].view(pa.int64()), 3600),
        (pa.array([Decimal(5 * i).scaleb(-2) for i in range(4000)], pa.decimal128(15, 2)), Decimal("0.05")),
    ],
    ids=["integers", "whole hours", "decimals"],
)
def test_draws_lie_on_the_lattice_of_the_column(array: pa.Array, step: int | Decimal) -> None:
    origin = array[0].as_py()
    assert all((value - origin) % step == 0 for value in redrawn(array).to_pylist())


def test_floats_keep_their_decimals() -> None:
    array = pa.array(np.round(np.random.default_rng(0).normal(size=5000) * 50, 3))
    drawn = redrawn(array).to_numpy()
    assert (np.round(drawn, 3) == drawn).all()


def test_integers_beyond_two_to_the_53_are_not_rounded() -> None:
    drawn = redrawn(SPREAD["uint64"]).to_numpy()
    assert ((np.uint64(2**64 - 1) - drawn) % np.uint64(3) == 0).all()


def test_point_masses_keep_their_share() -> None:
    rng = np.random.default_rng(0)
    values = np.where(rng.random(20_000) < 0.4, 0.0, rng.exponential(1000.0, 20_000))
    assert (redrawn(pa.array(values)).to_numpy() == 0).mean() == pytest.approx(
        (values == 0).mean(), abs=0.002
    )


def test_null_nan_and_infinity_keep_their_shares_apart() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=10_000)
    values[:1000], values[1000:1500], values[1500:1700] = np.nan, np.inf, -np.inf
    array = pa.array(values, mask=np.arange(10_000) >= 8000)
    drawn = redrawn(array)
    assert drawn.null_count == 2000
    assert pc.sum(pc.is_nan(drawn)).as_py() == 1000
    present = drawn.drop_null().to_numpy()
    assert ((present == np.inf).sum(), (present == -np.inf).sum()) == (500, 200)


def test_no_stored_number_is_the_value_of_a_single_row() -> None:
    values = np.random.default_rng(0).normal(size=5000)
    column = column_of(pa.array(values))
    assert isinstance(column, NumberColumn)
    stored = np.concatenate([column.atoms, column.edges, column.knots.ravel()])
    assert not np.isin(stored, values).any()


def test_an_extreme_of_few_rows_is_moved_inwards() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(size=5000), [1e9, -1e9, 1e8, -1e8]])
    result = fitted(pa.table({"x": values}))
    drawn = result.codec.columns[0].decode(result.tokens[:, 0], np.full(len(values), 1 - 1e-16)).to_numpy()
    assert np.abs(drawn).max() < 10
    assert result.record["protected"] != {"rare_cells_left_out": {}, "extreme_cells_moved_inwards": {}}


def test_a_category_of_few_rows_has_no_token() -> None:
    array = pa.array(["common"] * 100 + ["rare"] * 4)
    result = fitted(pa.table({"x": array}))
    assert (result.tokens[100:, 0] == UNKNOWN).all()
    assert b"rare" not in pack(*write_codec(result.codec))["model.json"].replace(b"rare_cells", b"")


def test_min_support_decides_what_is_rare() -> None:
    array = pa.array(["common"] * 100 + ["rare"] * 4)
    assert column_of(array, {"min_support": 4}).tokens == 2


def test_functions_are_found_and_kept(mixed: pa.Table) -> None:
    result = fitted(mixed)
    functions = result.record["functions"]
    assert isinstance(functions, list)
    assert ["name", "code"] in functions
    assert ["name", "region"] in functions
    assert ["code", "name"] not in functions


def test_a_single_exception_is_no_function() -> None:
    key = np.repeat(np.arange(20), 100)
    value = key % 4
    value[7] = 3
    assert fitted(pa.table({"key": key, "value": value})).codec.functions == ()


@pytest.mark.parametrize("levels", [300, 20_000])
def test_many_levels_come_back(levels: int) -> None:
    names = np.array([f"level {i}" for i in range(levels)])
    array = pa.array(np.tile(names, 5))
    assert redrawn(array).equals(array)
    assert column_of(array).group == int(np.ceil(np.sqrt(levels)))


def test_levels_that_share_a_partner_stand_together() -> None:
    rng = np.random.default_rng(0)
    level = rng.integers(0, 600, 30_000)
    table = pa.table({"level": [f"v{i}" for i in level], "half": [f"h{i % 2}" for i in level]})
    column = fitted(table).codec.columns[0]
    order = [int(value[1:]) % 2 for value in column.values.to_pylist()]  # type: ignore[attr-defined]
    assert np.abs(np.diff(order)).sum() == 1


def test_a_longer_source_is_sampled_uniformly() -> None:
    table = pa.table({"x": np.arange(200_000) // 1000})
    result = fitted(table, {"fit_rows": 2000})
    assert result.record["rows_seen"] == 200_000
    assert result.record["rows_learned_from"] == 2000
    assert np.bincount(result.tokens[:, 0]).std() < 10


def test_saving_and_loading_gives_the_same_codec(mixed: pa.Table) -> None:
    codec = fitted(mixed).codec
    document, arrays = write_codec(codec)
    files = pack(document, arrays)
    again = write_codec(read_codec(*unpack(files, CodecDocument)))
    assert pack(*again) == files


NOT_CARRIED = {
    "list": pa.array([[1]] * 10),
    "binary": pa.array([b"x"] * 10),
    "struct": pa.array([{"a": 1}] * 10),
    "float16": pa.array(np.ones(10, np.float16)),
}


@pytest.mark.parametrize("kind", NOT_CARRIED)
def test_what_cannot_be_carried_is_refused_by_name(kind: str) -> None:
    with pytest.raises(SourceError, match="column 'odd'") as caught:
        fitted(pa.table({"fine": [1] * 10, "odd": NOT_CARRIED[kind]}))
    assert "leave the column out" in caught.value.hint


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_too_few_rows_are_refused(rows: int) -> None:
    with pytest.raises(SourceError, match="at least 5 are needed"):
        fitted(pa.table({"x": pa.array(range(rows), pa.int64())}))


def test_a_column_of_which_all_is_protected_is_refused_by_name() -> None:
    with pytest.raises(SourceError, match="column 'id' has no value that at least 5"):
        fitted(pa.table({"id": ["é" * i for i in range(50)]}))


def test_wide_decimals_are_refused_with_a_way_out() -> None:
    values = pa.array([Decimal(10) ** 30 + i for i in range(20)], pa.decimal128(38, 0))
    with pytest.raises(SourceError, match="more than 18 digits"):
        column_of(values)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=12, max_size=60), st.integers(1, 8))
def test_any_integers_stay_within_their_range(values: list[int | None], repeats: int) -> None:
    array = pa.array(values * repeats, pa.int64())
    present = [value for value in values if value is not None]
    if len(present) * repeats < 5 and (len(values) - len(present)) * repeats < 5:
        return
    drawn = [value for value in redrawn_known(array).to_pylist() if value is not None]
    if drawn:
        assert min(present) <= min(drawn)
        assert max(drawn) <= max(present)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(width=32), min_size=12, max_size=60), st.integers(1, 8))
def test_any_floats_stay_within_their_range(values: list[float], repeats: int) -> None:
    array = pa.array(values * repeats, pa.float32())
    finite = [value for value in values if np.isfinite(value)]
    if not finite:
        return
    drawn = redrawn_known(array).to_numpy(zero_copy_only=False)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn):
        assert min(finite) <= drawn.min()
        assert drawn.max() <= max(finite)


def redrawn_known(array: pa.Array) -> pa.Array:
    """As `redrawn`, without the cells that are protected; empty when all are."""
    try:
        column = column_of(array)
    except SourceError:
        return array.slice(0, 0)
    tokens = column.approximate(array, column.encode(array))
    tokens = tokens[tokens != UNKNOWN]
    return column.decode(tokens, np.random.default_rng(1).random(len(tokens)))
