"""Values of conditions against columns of all types."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mintage.testing import every_type
from mintage.testing._scalars import breaking, common_value, is_conditionable

CONDITIONABLE = [field.name for field in every_type().schema if is_conditionable(field.type)]


def test_numbers_texts_booleans_decimals_dates_and_times_can_be_conditioned() -> None:
    others = {"bytes", "two_bytes", "span_ms", "span_us", "span_ns", "integers", "texts", "vector"}
    assert set(every_type().column_names) - set(CONDITIONABLE) == others


@pytest.mark.parametrize("name", CONDITIONABLE)
def test_the_common_value_of_a_column_is_found_in_it_again(name: str) -> None:
    column = pa.chunked_array([every_type()[name].combine_chunks().slice(1, 1).take(pa.array([0, 0, 0]))])
    value = common_value(column)
    assert isinstance(value, str | int | float | bool)
    if value == value:  # NaN is no value that a condition could name
        assert breaking(column, is_fixed=True, fixed=value, excluded=()) == []
        assert len(breaking(column, is_fixed=False, fixed=None, excluded=(value,))) == 1


def test_null_can_be_fixed_and_excluded() -> None:
    column = pa.chunked_array([["a", None]])
    assert breaking(column, is_fixed=True, fixed=None, excluded=()) == ["a"]
    assert breaking(column, is_fixed=False, fixed=None, excluded=(None,)) == [None]
    assert common_value(pa.chunked_array([pa.nulls(2, pa.string())])) is None


def test_a_value_of_another_type_is_in_no_row() -> None:
    column = pa.chunked_array([[1, 2]])
    assert breaking(column, is_fixed=True, fixed="many", excluded=()) == [1, 2]
    assert breaking(column, is_fixed=False, fixed=None, excluded=("many",)) == []
