"""Every connector that comes with Mintage keeps the contract that a third party's has to keep."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mintage.testing import CONNECTOR_CHECKS, ConnectorCase, ConnectorCheck, every_type, plain_types
from mintage_connectors.csv.connector import CsvConnector
from mintage_connectors.frame.connector import FrameConnector
from mintage_connectors.ipc.connector import IpcConnector
from mintage_connectors.jsonl.connector import JsonlConnector
from mintage_connectors.parquet.connector import ParquetConnector

EVERY = every_type()
FLAT = EVERY.select([field.name for field in EVERY.schema if not pa.types.is_nested(field.type)])

CASES = {
    "parquet": ConnectorCase(connector=ParquetConnector, config=ParquetConnector.Config()),
    "ipc": ConnectorCase(connector=IpcConnector, config=IpcConnector.Config()),
    "csv": ConnectorCase(
        connector=CsvConnector, config=CsvConnector.Config(), table=plain_types(), part=FLAT
    ),
    "jsonl": ConnectorCase(
        connector=JsonlConnector, config=JsonlConnector.Config(), table=plain_types(), part=FLAT
    ),
    "frame": ConnectorCase(
        connector=FrameConnector,
        config=FrameConnector.Config(),
        place=lambda table, _: table,
        missing=object(),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("check", CONNECTOR_CHECKS)
def test_a_connector_conforms(case: ConnectorCase, check: ConnectorCheck) -> None:
    check(case)
