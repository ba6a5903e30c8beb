"""Tables in memory as a source."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mintage.contracts import DatasetSchema, TableSchema
from mintage.errors import SourceError
from mintage.testing import MemoryReader, memory_source
from mintage.testing.sources import cut_into_rows

TABLE = pa.table({"a": [1, 2, 3], "b": ["x", "y", None]})


def test_a_lone_table_is_called_data_and_the_first_of_several_is_the_root() -> None:
    assert memory_source(TABLE).schema.names == ("data",)
    several = memory_source({"orders": TABLE, "lines": TABLE})
    assert (several.schema.root, several.schema.names) == ("orders", ("orders", "lines"))
    given = DatasetSchema.flat(
        TableSchema(name="data", columns=several.schema.tables[0].columns, primary_key=("a",))
    )
    assert memory_source(TABLE, given).schema is given


def test_a_source_is_scanned_as_asked_and_again() -> None:
    source = memory_source(TABLE)
    assert [batch.num_rows for batch in source.scan(batch_rows=2)] == [2, 1]
    assert [batch.schema.names for batch in source.scan(columns=["b"])] == [["b"]]
    assert list(source.scan("data")) == list(source.scan())
    with pytest.raises(SourceError, match="no column 'c'"):
        list(source.scan(columns=["c"]))


def test_the_digest_follows_from_the_content_and_not_from_chunks() -> None:
    chunks = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])
    assert memory_source(chunks).digest == memory_source(TABLE).digest
    assert memory_source(TABLE.slice(1)).digest != memory_source(TABLE).digest
    assert memory_source({"other": TABLE}).digest != memory_source(TABLE).digest


def test_a_source_can_be_cut_into_rows() -> None:
    source = memory_source(TABLE)
    rows = cut_into_rows(source)
    assert [batch.num_rows for batch in rows.scan()] == [1, 1, 1]
    assert pa.Table.from_batches(rows.scan()) == TABLE
    reader = rows.readers["data"]
    assert (reader.digest(), reader.schema) == (MemoryReader(TABLE).digest(), TABLE.schema)
