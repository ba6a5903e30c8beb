"""What becomes of a column, by its type, and which ones are refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest
import torch

from mintage.engine.stream.tensors import TensorMaker
from mintage.errors import GenerationError, SpecError


def tensor(column: pa.Array, **options: object) -> torch.Tensor:
    batch = pa.record_batch({"x": column})
    return TensorMaker(schema=batch.schema, **options).tensors(batch)["x"]  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    ("column", "dtype", "values"),
    [
        (pa.array([1, 2], pa.int8()), torch.int8, [1, 2]),
        (pa.array([250, 2], pa.uint8()), torch.int16, [250, 2]),
        (pa.array([2**32 - 1], pa.uint32()), torch.int64, [2**32 - 1]),
        (pa.array([1.5, -2.5], pa.float32()), torch.float32, [1.5, -2.5]),
        (pa.array([Decimal("1.25")], pa.decimal128(5, 2)), torch.float64, [1.25]),
        (pa.array([True, False]), torch.bool, [True, False]),
        (pa.array([dt.date(1970, 1, 3)]), torch.int64, [2]),
        (pa.array([3], pa.timestamp("ms")), torch.int64, [3]),
        (pa.array([4], pa.time64("us")), torch.int64, [4]),
        (pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32(), 2)), torch.float32, [[1, 2], [3, 4]]),
    ],
    ids=lambda value: str(getattr(value, "type", value))[:30],
)
def test_numbers_become_tensors(column: pa.Array, dtype: torch.dtype, values: list[object]) -> None:
    made = tensor(column)
    assert made.dtype == dtype
    assert made.tolist() == values


def test_a_null_among_floating_point_numbers_is_nan() -> None:
    assert tensor(pa.array([1.0, None])).isnan().tolist() == [False, True]


def test_a_null_among_integers_needs_a_value_in_its_place() -> None:
    column = pa.array([1, None])
    with pytest.raises(GenerationError, match="'x' has nulls") as caught:
        tensor(column)
    assert "fill={'x': 0}" in caught.value.hint
    assert tensor(column, fill={"x": -7}).tolist() == [1, -7]


@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "dictionary"])
def test_text_becomes_its_place_among_the_categories(encoded: bool) -> None:
    column = pa.array(["b", None, "a"])
    made = tensor(column.dictionary_encode() if encoded else column, categories={"x": ["a", "b"]})
    assert made.dtype == torch.int64
    assert made.tolist() == [1, -1, 0]


def test_text_outside_its_categories_is_an_error_that_names_it() -> None:
    with pytest.raises(GenerationError, match="'c', which is not among its categories"):
        tensor(pa.array(["a", "c"]), categories={"x": ["a", "b"]})


@pytest.mark.parametrize(
    "type_",
    [pa.string(), pa.binary(), pa.list_(pa.int8()), pa.struct({"a": pa.int8()}), pa.uint64(), pa.null()],
    ids=str,
)
def test_columns_that_cannot_become_tensors_are_named_at_once(type_: pa.DataType) -> None:
    with pytest.raises(SpecError, match=r"cannot become tensors: x \(") as caught:
        TensorMaker(schema=pa.schema({"fine": pa.int8(), "x": type_}))
    assert "columns=" in caught.value.hint


def test_an_unknown_column_in_categories_or_fill_is_an_error() -> None:
    for name in ("categories", "fill"):
        with pytest.raises(SpecError, match=f"{name}: there is no column 'y'"):
            tensor(pa.array([1]), **{name: {"y": 0}})


def test_a_tensor_may_be_written_to() -> None:
    column = pa.array([1, 2])
    tensor(column)[0] = 9
    assert column.to_pylist() == [1, 2]
