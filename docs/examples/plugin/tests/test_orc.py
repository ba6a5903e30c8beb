"""The connector against the conformance suite."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO

import pyarrow as pa
import pytest
from mintage_orders import OrcConnector

from mintage.contracts import ConnectorConfig
from mintage.errors import GenerationError, SpecError
from mintage.testing import CONNECTOR_CHECKS, ConnectorCase, ConnectorCheck, every_type

CARRIED = ["flag", "int8", "int16", "int32", "int64", "float", "double", "text", "bytes", "date"]
TABLE = every_type().select([*CARRIED, "moment_ns", "decimal128"])
PART = every_type().select([*TABLE.column_names, "moment_ms", "moment_us", "moment_utc", "moment_berlin"])
CASE = ConnectorCase(connector=OrcConnector, config=ConnectorConfig(), table=TABLE, part=PART)


@pytest.mark.parametrize("check", CONNECTOR_CHECKS)
def test_orc_conforms(check: ConnectorCheck) -> None:
    """One test for each property that Mintage relies on."""
    check(CASE)


def test_a_type_that_would_come_back_otherwise_is_refused() -> None:
    """Better no part than one that fails its verification."""
    with pytest.raises(SpecError, match="'age', which is uint8"):
        OrcConnector(ConnectorConfig()).write(BytesIO(), pa.schema([("age", pa.uint8())]))


def test_a_moment_that_does_not_fit_is_refused() -> None:
    """The file counts nanoseconds from 1970 in 64 bits."""
    rows = pa.record_batch({"born": pa.array([datetime(1600, 1, 1)])})
    with pytest.raises(GenerationError, match="moments"):
        OrcConnector(ConnectorConfig()).write(BytesIO(), rows.schema).write(rows)
