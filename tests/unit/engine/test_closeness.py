"""Which differences between two mintings are of the last places of numbers, and which are not."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mintage.contracts import ColumnSchema, Semantics, TableSchema
from mintage.engine.closeness import TableCloseness, Tolerance
from mintage.errors import SpecError

NEXT = float(np.nextafter(1.5, 2))
FAR = 1.5 * (1 + 1e-3)


def compare(
    old: Sequence[object],
    new: Sequence[object],
    type_: pa.DataType,
    *,
    semantics: Semantics | None = None,
    tolerance: Tolerance | None = None,
) -> TableCloseness:
    """Compare two columns; the second comes in other batches than the first."""
    column = ColumnSchema(name="x", type=type_, semantics=semantics or Semantics.of(type_))
    table = TableSchema(name="t", columns=(column,))
    cells = TableCloseness(table, tolerance or Tolerance())
    batches = [pa.record_batch([pa.array(list(old), type_)], ["x"])]
    parts = [pa.record_batch([pa.array([value], type_)], ["x"]) for value in new]
    cells.compare(iter(batches), iter(parts))
    return cells


def case(name: str, old: object, new: object, type_: pa.DataType, close: bool, **how: Any) -> Any:  # noqa: ANN401
    return pytest.param(old, new, type_, close, how, id=name)


@pytest.mark.parametrize(
    ("old", "new", "type_", "close", "how"),
    [
        case("last place", 1.5, NEXT, pa.float64(), True),
        case("within relative", 1.5, 1.5 + 1e-7, pa.float64(), True),
        case("beyond relative", 1.5, FAR, pa.float64(), False),
        case("wider tolerance", 1.5, FAR, pa.float64(), True, tolerance=Tolerance(relative=0.01)),
        case("no tolerance", 1.5, NEXT, pa.float64(), False, tolerance=Tolerance(relative=0, ulps=0)),
        case("float32, four places", 1.0, 1.0 + 4 * 2**-23, pa.float32(), True),
        case(
            "float32, five places", 1.0, 1.0 + 5 * 2**-23, pa.float32(), False,
            tolerance=Tolerance(relative=0),
        ),
        case("float16, one place", np.float16(1), np.float16(1.001), pa.float16(), True),
        case("other sign", 1e-300, -1e-300, pa.float64(), False),
        case("infinite", float("inf"), 1e308, pa.float64(), False),
        case("not a number", float("nan"), 1.5, pa.float64(), False),
        case("null", 1.5, None, pa.float64(), False),
        case("large measure", 10**15, 10**15 + 1, pa.int64(), True),
        case("small measure", 100, 101, pa.int64(), False),
        case("key", 10**15, 10**15 + 1, pa.int64(), False, semantics=Semantics.KEY),
        case("beyond 2^53", 2**62, 2**62 + 1, pa.int64(), False, tolerance=Tolerance(relative=0)),
        case("decimal", Decimal("1000000.00"), Decimal("1000000.01"), pa.decimal128(12, 2), True),
        case("decimal beyond", Decimal("1.00"), Decimal("1.01"), pa.decimal128(12, 2), False),
        case("text", "a", "b", pa.string(), False),
        case("no text", "a", None, pa.string(), False),
        case("time", 1, 2, pa.timestamp("us"), False),
        case("switch", True, False, pa.bool_(), False),
        case("value in a list", [1.0, 1.5], [1.0, NEXT], pa.list_(pa.float64()), True),
        case("longer list", [1.0, 1.5], [1.0], pa.list_(pa.float64()), False),
        case("no list", [1.0], None, pa.list_(pa.float64()), False),
        case("value in a vector", [1.0, 1.5], [1.0, FAR], pa.list_(pa.float64(), 2), False),
    ],
)  # fmt: skip
def test_one_differing_cell_is_found_and_weighed(
    old: object, new: object, type_: pa.DataType, close: bool, how: dict[str, Any]
) -> None:
    cells = compare([old, old, None], [old, new, None], type_, **how)
    [column] = cells.columns
    assert (cells.close, column.different, column.beyond) == (close, 1, 0 if close else 1)
    assert cells.rows == 3


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (1.5, pa.float64()), (float("nan"), pa.float64()), (float("inf"), pa.float64()),
        (np.float16(2), pa.float16()), (2**62 + 1, pa.int64()), ("a", pa.dictionary(pa.int32(), pa.string())),
        (None, pa.null()), ([1, None], pa.list_(pa.int64())), (b"\0", pa.binary()),
        (Decimal("1.5"), pa.decimal256(40, 1)),
    ],
    ids=lambda value: str(value),
)  # fmt: skip
def test_equal_cells_are_equal_however_they_are_cut(value: object, type_: pa.DataType) -> None:
    cells = compare([value, None, value], [value, None, value], type_)
    assert (cells.close, cells.columns[0].different) == (True, 0)


@pytest.mark.parametrize(("old", "new"), [(2, 3), (3, 2), (0, 1)], ids=str)
def test_another_number_of_rows_is_not_close(old: int, new: int) -> None:
    assert not compare([1.0] * old, [1.0] * new, pa.float64()).close


def test_the_largest_differences_are_told() -> None:
    cells = compare([1.0, 100.0, 5.0], [1.5, 101.0, 5.0], pa.float64())
    told = cells.columns[0].to_json()
    assert (told["largest_absolute"], told["largest_relative"]) == (1.0, pytest.approx(1 / 3))
    assert (told["cells"], told["different"], told["beyond_tolerance"]) == (3, 2, 2)


@pytest.mark.parametrize(
    "wrong", [{"relative": -0.1}, {"relative": 1}, {"ulps": -1}, {"ulps": 2**21}], ids=str
)
def test_a_tolerance_that_is_none_is_bad_input(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="is none"):
        Tolerance(**wrong)
