"""Tables in one form, whatever they were stored as; and what cannot be compared is refused by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from mintage.contracts import Semantics
from mintage.errors import SpecError
from mintage.evaluation.options import Options
from mintage.evaluation.tables import Column, Tables, align

CATEGORY = Options(kinds={"x": Semantics.CATEGORY})
SECOND = 1_000_000
DAY = 86_400 * SECOND


def aligned(
    real: object, synthetic: object, holdout: object = None, *, options: Options | None = None
) -> Tables:
    """Tables of one column `x`."""
    return align(
        pa.table({"x": real}),
        pa.table({"x": synthetic}),
        pa.table({"x": holdout}) if holdout is not None else None,
        options or Options(),
    )


def columns(real: object, synthetic: object, options: Options | None = None) -> tuple[Column, Column]:
    tables = aligned(real, synthetic, options=options)
    return tables.real.column("x"), tables.synthetic.column("x")


def read(column: Column) -> list[str | None]:
    """The levels of the rows."""
    return [column.levels[code] if code >= 0 else None for code in column.values.astype(int)]


# --- columns -------------------------------------------------------------------------------------


def test_columns_come_in_the_order_of_the_real_table() -> None:
    tables = align(pa.table({"a": [1], "b": ["u"]}), pa.table({"b": ["v"], "a": [2]}), None, Options())
    assert [column.name for column in tables.synthetic.columns] == ["a", "b"]
    assert tables.synthetic.column("a").values.tolist() == [2.0]
    assert read(tables.synthetic.column("b")) == ["v"]


@pytest.mark.parametrize(
    ("real", "synthetic", "said"),
    [
        ({"a": [1]}, {"a": [1], "b": [1]}, "only in synthetic: ['b']"),
        ({"a": [1], "b": [1]}, {"a": [1]}, "only in real: ['b']"),
        ({"a": [1]}, {"A": [1]}, "only in real: ['a'], only in synthetic: ['A']"),
        ({"a": [1]}, {"a": []}, "the synthetic table has no rows"),
        ({"a": []}, {"a": [1]}, "the real table has no rows"),
        ({}, {}, "the real table has no rows"),
    ],
    ids=["one more", "one less", "other case", "no synthetic row", "no real row", "no column"],
)
def test_tables_that_do_not_match_are_refused(
    real: Mapping[str, object], synthetic: Mapping[str, object], said: str
) -> None:
    with pytest.raises(SpecError) as caught:
        align(pa.table(dict(real)), pa.table(dict(synthetic)), None, Options())
    assert said in str(caught.value)


@pytest.mark.parametrize("which", ["real", "synthetic", "holdout"])
def test_a_name_that_comes_twice_is_refused_in_any_table(which: str) -> None:
    table = pa.table({"a": [1], "b": [2]})
    twice = pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "b", "b"])
    tables = {name: twice if name == which else table for name in ("real", "synthetic", "holdout")}
    with pytest.raises(SpecError, match=f"the {which} table has two columns called 'b'"):
        align(tables["real"], tables["synthetic"], tables["holdout"], Options())


def test_the_holdout_must_match_too() -> None:
    with pytest.raises(SpecError, match="real and the holdout table differ"):
        align(pa.table({"a": [1]}), pa.table({"a": [1]}), pa.table({"b": [1]}), Options())


@pytest.mark.parametrize(
    "options",
    [
        Options(target="incme"),
        Options(key=("incme",)),
        Options(protected=("incme",)),
        Options(kinds={"incme": Semantics.CATEGORY}),
    ],
    ids=["target", "key", "protected", "kinds"],
)
def test_an_unknown_column_is_refused_and_the_nearest_one_named(options: Options) -> None:
    table = pa.table({"income": [1]})
    with pytest.raises(SpecError) as caught:
        align(table, table, None, options)
    assert "'incme'" in str(caught.value)
    assert "did you mean 'income'?" in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [Options(target="x", key=("x",)), Options(protected=("x",), kinds={"x": Semantics.TEXT})],
    ids=["target that is the key", "protected text"],
)
def test_a_column_that_is_asked_for_and_not_measured_is_refused(options: Options) -> None:
    table = pa.table({"x": ["a"], "y": [1]})
    with pytest.raises(SpecError, match="'x' is asked for"):
        align(table, table, None, options)


def test_tables_without_anything_to_measure_are_refused() -> None:
    with pytest.raises(SpecError, match="no column can be measured"):
        aligned([1, 2], [1, 2], options=Options(key=("x",)))


# --- what columns mean ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pa.array([1]), "continuous"),
        (pa.array([1.5]), "continuous"),
        (pa.array([Decimal("1.50")]), "continuous"),
        (pa.array([date(2020, 1, 1)]), "continuous"),
        (pa.array([time(12)]), "continuous"),
        (pa.array([timedelta(1)]), "continuous"),
        (pa.array([True]), "discrete"),
        (pa.array(["a"]), "discrete"),
        (pa.array(["a"], pa.large_string()), "discrete"),
        (pa.array(["a"]).dictionary_encode(), "discrete"),
        (pa.array([1]).dictionary_encode(), "discrete"),
        (pa.nulls(1), "discrete"),
        (pa.array([b"a"]), "skipped"),
        (pa.array([[1]]), "skipped"),
        (pa.array([{"a": 1}]), "skipped"),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else value,
)
def test_the_type_says_what_a_column_is(array: pa.Array, kind: str) -> None:
    table = pa.table({"x": array, "n": [1]})
    (facts, _) = align(table, table, None, Options()).columns
    assert facts.kind == kind
    assert bool(facts.reason) == (kind == "skipped")


@pytest.mark.parametrize("encode", [False, True], ids=["text", "dictionary"])
def test_a_text_of_its_own_in_nearly_every_row_is_skipped_unless_it_is_asked_for(encode: bool) -> None:
    names = pa.array([f"name {i}" for i in range(200)])
    table = pa.table({"x": names.dictionary_encode() if encode else names, "n": range(200)})
    assert align(table, table, None, Options()).columns[0].kind == "skipped"
    for options in (CATEGORY, Options(target="x"), Options(protected=("x",))):
        assert align(table, table, None, options).columns[0].kind == "discrete"


def test_texts_that_are_often_missing_are_judged_by_the_rows_that_have_one() -> None:
    names = [f"name {i}" if i < 150 else None for i in range(1_000)]
    assert align(pa.table({"x": names, "n": range(1_000)}), pa.table({"x": names, "n": range(1_000)}), None,
                 Options()).columns[0].kind == "skipped"  # fmt: skip


def test_few_rows_of_different_texts_are_measured() -> None:
    assert aligned(["a", "b"], ["a", "c"]).columns[0].kind == "discrete"


def test_whole_numbers_are_numbers_unless_the_options_say_otherwise() -> None:
    assert aligned([1, 2], [1, 2]).columns[0].kind == "continuous"
    assert aligned([1, 2], [1, 2], options=CATEGORY).columns[0].kind == "discrete"


# --- numbers and times ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stored",
    [
        pa.array([1, -2, None], pa.int8()),
        pa.array([1.0, -2.0, math.nan], pa.float32()),
        pa.array([1.0, -2.0, None], pa.float16()),
        pa.array([Decimal("1.00"), Decimal("-2.00"), None]),
        pa.array([Decimal(1), Decimal(-2), None], pa.decimal256(60, 0)),
        pa.array(["1", "-2.0", None]),
        pa.array([1, -2, None]).dictionary_encode(),
        pa.array(["1", "-2", None]).dictionary_encode(),
        pa.chunked_array([[1], [], [-2, None]]),
    ],
    ids=[
        "int8",
        "float32",
        "float16",
        "decimal",
        "decimal256",
        "text",
        "dictionary",
        "dictionary of texts",
        "chunks",
    ],
)
def test_numbers_are_the_same_in_whatever_type_they_come(stored: pa.Array) -> None:
    real, synthetic = columns(pa.array([1, -2, None], pa.int64()), stored)
    np.testing.assert_array_equal(real.values, [1.0, -2.0, np.nan])
    np.testing.assert_array_equal(synthetic.values, real.values)
    assert synthetic.missing.tolist() == [False, False, True]


MOMENT = datetime(2013, 7, 1, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "stored",
    [
        pa.array([MOMENT], pa.timestamp("s", "UTC")),
        pa.array([MOMENT], pa.timestamp("ms", "Europe/Berlin")),
        pa.array([MOMENT], pa.timestamp("ns", "America/New_York")),
        pa.array(["2013-07-01T12:30:00Z"]),
        pa.array(["2013-07-01 12:30"]),
        pa.array(["2013-07-01T14:30:00+02:00"]).dictionary_encode(),
    ],
    ids=[
        "seconds",
        "milliseconds, Berlin",
        "nanoseconds, New York",
        "text",
        "text without zone",
        "dictionary",
    ],
)
def test_instants_are_the_same_in_any_unit_and_zone(stored: pa.Array) -> None:
    real, synthetic = columns(pa.array([MOMENT], pa.timestamp("us", "UTC")), stored)
    assert real.values[0] == synthetic.values[0] == MOMENT.timestamp() * SECOND


def test_microseconds_survive_being_stored_as_nanoseconds() -> None:
    moments = pa.array(1_700_000_000_000_001 + 7 * np.arange(1_000)).cast(pa.timestamp("us"))
    real, synthetic = columns(moments, moments.cast(pa.timestamp("ns")))
    np.testing.assert_array_equal(real.values, synthetic.values)


@pytest.mark.parametrize(
    "stored",
    [
        pa.array([date(1969, 12, 31)], pa.date64()),
        pa.array([datetime(1969, 12, 31)]),
        pa.array(["1969-12-31"]),
    ],
    ids=["date64", "timestamp", "text"],
)
def test_days_are_instants(stored: pa.Array) -> None:
    real, synthetic = columns(pa.array([date(1969, 12, 31)]), stored)
    assert real.values[0] == synthetic.values[0] == -DAY


@pytest.mark.parametrize(
    "stored",
    [
        pa.array([time(0, 1, 30)], pa.time32("s")),
        pa.array([time(0, 1, 30)], pa.time64("ns")),
        pa.array(["00:01:30"]),
    ],
    ids=["time32", "time64", "text"],
)
def test_times_of_day_are_microseconds_since_midnight(stored: pa.Array) -> None:
    real, synthetic = columns(pa.array([time(0, 1, 30)]), stored)
    assert real.values[0] == synthetic.values[0] == 90 * SECOND


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_durations_are_microseconds(unit: str) -> None:
    real, synthetic = columns(
        pa.array([timedelta(seconds=-5)]), pa.array([timedelta(seconds=-5)], pa.duration(unit))
    )
    assert real.values[0] == synthetic.values[0] == -5 * SECOND


def test_the_farthest_dates_do_not_wrap_around() -> None:
    real, synthetic = columns(
        pa.array([2**31 - 1, -(2**31)], pa.int32()).cast(pa.date32()),
        pa.array([2**62], pa.int64()).cast(pa.timestamp("s")),
    )
    assert real.values.tolist() == [(2.0**31 - 1) * DAY, -(2.0**31) * DAY]
    assert synthetic.values[0] == pytest.approx(2.0**62 * SECOND)


def test_texts_are_instants_when_the_options_say_so() -> None:
    options = Options(kinds={"x": Semantics.DATETIME})
    real, synthetic = columns(["1970-01-02", None], ["1970-01-01T00:00:01", "1970-01-01"], options)
    np.testing.assert_array_equal(real.values, [DAY, np.nan])
    assert synthetic.values.tolist() == [SECOND, 0.0]


@pytest.mark.parametrize(
    ("real", "other"),
    [
        (pa.array([1]), pa.array(["one"])),
        (pa.array([1]), pa.array([""])),
        (pa.array([1]), pa.array([MOMENT])),
        (pa.array([MOMENT]), pa.array([1])),
        (pa.array([MOMENT]), pa.array([time(12)])),
        (pa.array([time(12)]), pa.array([timedelta(1)])),
        (pa.array([timedelta(1)]), pa.array(["a day"])),
        (pa.array([date(2020, 1, 1)]), pa.array(["soon"])),
        (pa.array([1.0]), pa.array([[1.0]])),
        (pa.array(["a"]), pa.array([["a"]])),
        (pa.array(["a"]), pa.array([b"\xff"])),
        (pa.array([pa.MonthDayNano([1, 2, 3])]), pa.array([1])),
    ],
    ids=[
        "text",
        "empty text",
        "instant for number",
        "number for instant",
        "time for instant",
        "duration for time",
        "text for duration",
        "text for date",
        "list for number",
        "list for text",
        "bytes that are no text",
        "interval",
    ],
)
def test_values_that_cannot_be_compared_are_refused_by_column_and_types(
    real: pa.Array, other: pa.Array
) -> None:
    with pytest.raises(SpecError) as caught:
        aligned(real, other)
    assert "'x'" in str(caught.value)
    assert str(real.type) in str(caught.value)


def test_a_column_without_values_fits_any_type() -> None:
    for array in (
        pa.array([1.5]),
        pa.array([MOMENT]),
        pa.array([time(1)]),
        pa.array(["a"]),
        pa.array([True]),
    ):
        real, synthetic = columns(array, pa.nulls(1))
        assert synthetic.kind == real.kind
        assert synthetic.missing.all()


def test_a_real_column_of_no_type_has_no_values_and_levels_come_from_the_other() -> None:
    real, synthetic = columns(pa.nulls(2), pa.array([3, None]))
    assert real.missing.all()
    assert read(synthetic) == ["3", None]


def test_infinities_count_as_missing_and_a_warning_says_of_which_table() -> None:
    tables = aligned([1.0, 2.0], [math.inf, 1.0])
    assert tables.synthetic.column("x").missing.tolist() == [True, False]
    assert "infinite values of the synthetic table count as missing: x" in tables.warnings


# --- levels --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stored",
    [
        pa.array([1, 20, None], pa.int8()),
        pa.array([1, 20, None], pa.uint64()),
        pa.array([1.0, 20.0, math.nan]),
        pa.array([1.0, 20.0, None], pa.float16()),
        pa.array(["1", "20", None]),
        pa.array(["1", "20", None], pa.large_string()),
        pa.array(["1", "20", None], pa.string_view()),
        pa.array([Decimal("1.00"), Decimal("20.00"), None]),
        pa.array([1, 20, None]).dictionary_encode(),
        pa.array([1.0, 20.0, None]).dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([0, 2, 1], pa.int8()), pa.array(["1", None, "20"])),
        pa.chunked_array([pa.array(["1"]).dictionary_encode(), pa.array(["20", None]).dictionary_encode()]),
    ],
    ids=[
        "int8",
        "uint64",
        "float64",
        "float16",
        "text",
        "large text",
        "text view",
        "decimal",
        "dictionary of integers",
        "dictionary of floats",
        "dictionary with a null",
        "chunks of dictionaries",
    ],
)
def test_codes_are_the_same_in_whatever_type_they_come(stored: pa.Array) -> None:
    real, synthetic = columns(pa.array([1, 20, None]), stored, CATEGORY)
    assert real.levels == synthetic.levels == ("1", "20")
    assert real.values.tolist() == synthetic.values.tolist() == [0, 1, -1]
    assert synthetic.values.dtype == np.int32


@pytest.mark.parametrize("type_", [pa.float32(), pa.float64()], ids=str)
def test_floats_are_levels_by_their_shortest_text(type_: pa.DataType) -> None:
    real, synthetic = columns(
        pa.array([0.1, 1e6, 1.5, -0.0]), pa.array([0.1, 1e6, 1.5, 0.0], type_), CATEGORY
    )
    assert read(real) == read(synthetic) == ["0.1", "1000000", "1.5", "0"]


def test_an_infinite_code_leaves_the_others_as_they_are() -> None:
    real, synthetic = columns(pa.array([1, 2, 3]), pa.array([1.0, math.inf, 2.0]), CATEGORY)
    assert read(real) == ["1", "2", "3"]
    assert read(synthetic) == ["1", "inf", "2"]


@pytest.mark.parametrize(
    "stored",
    [
        pa.array([True, False, None]),
        pa.array(["True", "FALSE", None]),
        pa.array(["1", "0", None]),
        pa.array([1, 0, None]),
        pa.array([1.0, 0.0, math.nan]),
        pa.array(["true", "false", None]).dictionary_encode(),
    ],
    ids=["booleans", "text", "text digits", "integers", "floats", "dictionary"],
)
def test_booleans_are_the_same_in_whatever_type_they_come(stored: pa.Array) -> None:
    real, synthetic = columns(pa.array([True, False, None]), stored)
    assert read(real) == read(synthetic) == ["true", "false", None]
    if not pa.types.is_integer(stored.type) and not pa.types.is_floating(stored.type):
        assert [read(column) for column in columns(stored, pa.array([True, False, None]))] == [read(real)] * 2


def test_words_beside_booleans_stay_words() -> None:
    real, synthetic = columns(pa.array([True, False]), pa.array(["True", "maybe"]))
    assert (read(real), read(synthetic)) == (["true", "false"], ["True", "maybe"])


def test_days_as_levels_are_one_in_any_type() -> None:
    real, synthetic = columns(pa.array([date(2020, 1, 1)]), pa.array([datetime(2020, 1, 1)]), CATEGORY)
    assert read(real) == read(synthetic) == ["2020-01-01"]


def test_levels_are_sorted_those_that_occur_and_the_same_in_all_tables() -> None:
    unused = pa.DictionaryArray.from_arrays(pa.array([1, 1]), pa.array(["never", "b"]))
    tables = aligned(unused, ["a", "ä"], ["z", None])
    assert [table.column("x").levels for table in tables.all] == [("a", "b", "z", "ä")] * 3
    assert read(tables.real.column("x")) == ["b", "b"]


def test_case_and_blanks_make_other_levels() -> None:
    real, synthetic = columns(["a"], ["A", " a", ""])
    assert read(real) == ["a"]
    assert read(synthetic) == ["A", " a", ""]


# --- warnings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("real", "synthetic"),
    [(["a", "b"], ["c", "d"]), ([1.0, 2.0], [3.0, 4.0]), ([1, 2], [-1, 0])],
    ids=["levels", "above", "below"],
)
def test_tables_with_nothing_in_common_are_measured_with_a_warning(real: object, synthetic: object) -> None:
    said = [line for line in aligned(real, synthetic).warnings if "among, or between" in line]
    assert said == ["no value of the synthetic table is among, or between, the real ones: x"]
    assert not [line for line in aligned(real, real).warnings if "among, or between" in line]


def test_a_column_that_lost_all_its_values_is_told() -> None:
    assert any(
        "has no value where the real table has some: x" in line for line in aligned([1.5], [None]).warnings
    )


def test_times_without_a_zone_are_told() -> None:
    zoned, plain = pa.array([MOMENT], pa.timestamp("us", "Europe/Berlin")), pa.array([datetime(2013, 7, 1)])
    assert any("read as UTC: x" in line for line in aligned(zoned, plain).warnings)
    assert not any("UTC" in line for line in aligned(zoned, zoned).warnings)
    elsewhere = zoned.cast(pa.timestamp("us", "America/New_York"))
    assert not any("UTC" in line for line in aligned(zoned, elsewhere).warnings)


def test_few_rows_are_told_table_by_table() -> None:
    warnings = aligned(range(100), range(99), [50]).warnings
    assert [line.split(" has ")[0] for line in warnings] == ["the synthetic table", "the holdout table"]


def test_a_warning_names_a_few_columns_and_counts_the_rest() -> None:
    table = pa.table({f"c{i}": [math.inf, *range(99)] for i in range(50)})
    (warning,) = [line for line in align(table, table, None, Options()).warnings if "synthetic" in line]
    assert warning.endswith(": c0, c1, c2, c3, c4 and 45 more")


# --- rows ----------------------------------------------------------------------------------------


def test_a_sample_is_drawn_without_replacement_in_order_and_the_same_again() -> None:
    table = aligned(range(1_000), range(1_000)).real
    sample = table.sample(100, 3)
    values = sample.column("x").values
    assert sample.rows == len(values) == len(np.unique(values)) == 100
    assert (np.diff(values) > 0).all()
    np.testing.assert_array_equal(values, table.sample(100, 3).column("x").values)
    assert (values != table.sample(100, 4).column("x").values).any()


def test_a_sample_of_as_many_rows_is_the_table() -> None:
    table = aligned([1, 2], [1, 2]).real
    assert table.sample(2, 0) is table


def test_rows_are_taken_from_all_columns_alike() -> None:
    table = pa.table({"n": [1, 2, 3], "c": ["a", "b", "a"]})
    taken = align(table, table, None, Options()).real.take(np.array([2, 0]))
    assert taken.column("n").values.tolist() == [3.0, 1.0]
    assert read(taken.column("c")) == ["a", "a"]


def test_columns_of_a_kind() -> None:
    table = pa.table({"n": [1], "c": ["a"], "m": [2]})
    real = align(table, table, None, Options()).real
    assert [column.name for column in real.of_kind("continuous")] == ["n", "m"]
    assert [column.name for column in real.of_kind("discrete")] == ["c"]
