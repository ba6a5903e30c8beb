"""The operator against the conformance suite."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest
from mintage_orders import WeekdaysConfig, WeekdaysOperator

from mintage.contracts import TableSchema
from mintage.errors import SpecError
from mintage.testing import OPERATOR_CHECKS, OperatorCase, OperatorCheck

FRIDAY, SUNDAY = datetime(2024, 3, 1, 12), datetime(2024, 3, 3, 12)

CONFIG = WeekdaysConfig(column="ordered_at", days=("thursday", "friday"))
CASE = OperatorCase(
    operator=WeekdaysOperator,
    config=CONFIG,
    rows=pa.table({"ordered_at": pa.array([FRIDAY, SUNDAY, None], pa.timestamp("us", "UTC"))}),
    breaks=[False, True, False],
    columns=["ordered_at"],
)


@pytest.mark.parametrize("check", OPERATOR_CHECKS)
def test_weekdays_conform(check: OperatorCheck) -> None:
    """One test for each property that Mintage relies on."""
    check(CASE)


def test_a_column_that_has_no_days_is_refused() -> None:
    """A clear error before any row is made."""
    table = TableSchema.of("orders", pa.schema([("ordered_at", pa.string())]))
    with pytest.raises(SpecError, match="'ordered_at' is string"):
        WeekdaysOperator(CONFIG).check(table)
