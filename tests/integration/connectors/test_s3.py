"""Tables on a real S3 server: files, folders, patterns and partitions, as on a local disk."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pytest

from mintage.errors import MintageError, SourceError
from mintage.store import ObjectStore
from tests.integration.seaweed import S3Server
from tests.unit.connectors.tables import part, read, reader

pytestmark = pytest.mark.s3

TABLE = pa.table({"n": range(1000), "s": ["a", "b \u2603"] * 500})


@pytest.fixture
def place(s3_env: S3Server, request: pytest.FixtureRequest) -> str:
    """A folder in the bucket for this test alone."""
    return f"s3://{s3_env.bucket}/connectors/{request.node.name.replace('[', '-').strip(']')}"


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl", "ipc"])
def test_every_format_is_read_from_s3(place: str, kind: str) -> None:
    store = ObjectStore.open(place)
    suffix = {"ipc": "arrow"}.get(kind, kind)
    for name in ("a", "sub/b"):
        store.create(f"{name}.{suffix}", part(kind, TABLE))
    assert read(kind, f"{place}/a.{suffix}").combine_chunks() == TABLE
    assert read(kind, place).num_rows == 2000
    assert read(kind, f"{place}/*.{suffix}").num_rows == 1000
    assert read(kind, f"{place}/**/*.{suffix}").num_rows == 2000
    assert reader(kind, place).digest() == reader(kind, f"{place}/").digest()


def test_partitions_and_compression_are_understood(place: str) -> None:
    store = ObjectStore.open(place)
    for year in (2013, 2014):
        store.create(f"year={year}/x.csv.gz", gzip.compress(part("csv", TABLE)))
    table = read("csv", place)
    assert table.column_names == ["n", "s", "year"]
    assert table["year"].unique().to_pylist() == [2013, 2014]


def test_what_a_sink_commits_can_be_read(place: str) -> None:
    store = ObjectStore.open(place)
    with store.part("data/t/part-000000-a.parquet") as stream:
        stream.write(part("parquet", TABLE))
        stream.commit()
    assert read("parquet", f"{place}/data/t").combine_chunks() == TABLE


def test_what_is_not_there_is_reported(place: str) -> None:
    with pytest.raises(SourceError, match="there is nothing at"):
        reader("csv", f"{place}/missing.csv")


def test_wrong_credentials_are_reported(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mistyped-key")
    with pytest.raises(MintageError) as caught:
        reader("csv", f"{place}/x.csv")
    assert "mistyped" not in str(caught.value)
