"""Parquet: files, folders and hive partitions are one table with one schema."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mintage.errors import SourceError
from tests.unit.connectors.tables import read, reader, write


def _parquet(table: pa.Table, **options: object) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, **options)
    return stream.getvalue()


def test_a_file_is_read_in_batches_of_the_columns_asked_for(tmp_path: Path) -> None:
    table = pa.table({"a": range(10), "b": list("abcdefghij"), "a.b": [1.5] * 10})
    found = reader("parquet", write(tmp_path / "t.parquet", _parquet(table)))
    batches = list(found.scan(["b", "a"], 4))
    assert [batch.num_rows for batch in batches] == [4, 4, 2]
    assert pa.Table.from_batches(batches) == table.select(["b", "a"])


def test_dictionaries_are_read_as_their_values(tmp_path: Path) -> None:
    table = pa.table({"c": pa.array(["x", "y", None, "x"]).dictionary_encode()})
    found = read("parquet", write(tmp_path / "t.parquet", _parquet(table)))
    assert found.schema.field("c").type == pa.string()
    assert found["c"].to_pylist() == ["x", "y", None, "x"]


def test_hive_partitions_are_typed_columns(tmp_path: Path) -> None:
    row = _parquet(pa.table({"x": [1]}))
    write(tmp_path / "year=2013/month=01/city=New%20York/day=2013-01-02/a.parquet", row)
    write(tmp_path / "year=2014/month=11/city=__HIVE_DEFAULT_PARTITION__/day=2014-01-02/b.parquet", row)
    table = read("parquet", tmp_path)
    assert table.schema.types == [pa.int64(), pa.int64(), pa.int64(), pa.string(), pa.date32()]
    assert table.to_pylist() == [
        {"x": 1, "year": 2013, "month": 1, "city": "New York", "day": dt.date(2013, 1, 2)},
        {"x": 1, "year": 2014, "month": 11, "city": None, "day": dt.date(2014, 1, 2)},
    ]


def test_partition_columns_can_be_read_alone(tmp_path: Path) -> None:
    write(tmp_path / "k=a/1.parquet", _parquet(pa.table({"x": range(3)})))
    write(tmp_path / "k=b/1.parquet", _parquet(pa.table({"x": range(2)})))
    batches = list(reader("parquet", tmp_path).scan(["k"]))
    assert pa.Table.from_batches(batches).to_pydict() == {"k": ["a"] * 3 + ["b"] * 2}


def test_types_of_partitions_can_be_given_or_partitions_ignored(tmp_path: Path) -> None:
    write(tmp_path / "zip=01234/1.parquet", _parquet(pa.table({"x": [1]})))
    assert read("parquet", tmp_path, partition_types={"zip": "string"})["zip"].to_pylist() == ["01234"]
    assert read("parquet", tmp_path, partitions="none").column_names == ["x"]


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["a=1/x.parquet", "b=1/x.parquet"], {}, r"is partitioned by \['b'\], .* by \['a'\]"),
        (["a=1/x.parquet", "x.parquet"], {}, "is partitioned by nothing"),
        (["x=1/x.parquet"], {}, "several columns called 'x'"),
        (["a=one/x.parquet"], {"partition_types": {"a": "int64"}}, "the partition a=one is no int64"),
        (["a=1/x.parquet"], {"partition_types": {"b": "int64"}}, "partition_types names 'b'"),
    ],
    ids=["other columns", "no partition", "also in the file", "another type", "unknown"],
)
def test_partitions_that_do_not_go_together_are_refused(
    tmp_path: Path, names: list[str], options: dict[str, object], message: str
) -> None:
    for name in names:
        write(tmp_path / name, _parquet(pa.table({"x": [1]})))
    with pytest.raises(SourceError, match=message):
        read("parquet", tmp_path, **options)


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        (pa.int32(), pa.int64(), pa.int64()),
        (pa.int64(), pa.int8(), pa.int64()),
        (pa.uint16(), pa.int8(), pa.int32()),
        (pa.float32(), pa.float64(), pa.float64()),
        (pa.null(), pa.string(), pa.string()),
        (pa.decimal128(5, 2), pa.decimal128(9, 2), pa.decimal128(9, 2)),
        (pa.string(), pa.large_string(), pa.large_string()),
    ],
    ids=str,
)
def test_types_that_widen_without_loss_are_unified(
    tmp_path: Path, one: pa.DataType, other: pa.DataType, joined: pa.DataType
) -> None:
    for name, type_ in (("1", one), ("2", other)):
        value = None if pa.types.is_null(type_) else pa.scalar(1, pa.int8()).cast(type_).as_py()
        write(tmp_path / f"{name}.parquet", _parquet(pa.table({"x": pa.array([value, None], type_)})))
    table = read("parquet", tmp_path)
    assert table.schema.field("x").type == joined
    assert table.num_rows == 4


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ({"x": [1]}, {"x": ["a"]}, "the column 'x' is string in .*2.parquet, int64 in the files before it"),
        ({"x": [1]}, {"x": [1.5]}, "the column 'x' is double"),
        ({"x": [dt.datetime(2013, 1, 1)]}, {"x": [dt.date(2013, 1, 1)]}, "the column 'x' is date32"),
        ({"x": [1], "y": [1]}, {"x": [1]}, r"2.parquet has other columns than .*1.parquet: lacks \['y'\]"),
        ({"x": [1]}, {"x": [1], "y": [1]}, r"adds \['y'\]"),
    ],
    ids=["text", "float", "date", "column missing", "column added"],
)
def test_drift_between_files_is_refused(
    tmp_path: Path, one: dict[str, list[object]], other: dict[str, list[object]], message: str
) -> None:
    write(tmp_path / "1.parquet", _parquet(pa.table(one)))
    write(tmp_path / "2.parquet", _parquet(pa.table(other)))
    with pytest.raises(SourceError, match=message):
        read("parquet", tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"a,b\n1,2\n", "cannot be read: .*[Pp]arquet"),
        (_parquet(pa.table({"x": range(100)}))[:-20], "cannot be read"),
        (_parquet(pa.table({"x": [{"y": 1}]})), "the column 'x' is of the type struct"),
        (
            _parquet(pa.table({"x": [[("a", 1)]]}, pa.schema({"x": pa.map_(pa.string(), pa.int64())}))),
            "the column 'x'",
        ),
        (_parquet(pa.table([[1], [2]], ["x", "x"])), "several columns called 'x'"),
        (_parquet(pa.table([[1], [2]], ["x", ""])), "column 2 of .* has no name"),
        (_parquet(pa.table({})), "has no columns"),
    ],
    ids=["empty", "csv", "truncated", "struct", "map", "name twice", "no name", "no columns"],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = write(tmp_path / "t.parquet", content)
    with pytest.raises(SourceError, match=message) as caught:
        read("parquet", path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_damaged_page_is_found_while_it_is_read(tmp_path: Path) -> None:
    data = bytearray(_parquet(pa.table({"x": range(100_000)}), compression="zstd", use_dictionary=False))
    data[4:40] = b"\xff" * 36
    with pytest.raises(SourceError, match=r"t.parquet cannot be read"):
        read("parquet", write(tmp_path / "t.parquet", bytes(data)))


def test_text_that_is_no_utf8_is_found_before_it_is_used(tmp_path: Path) -> None:
    data = bytearray(_parquet(pa.table({"x": ["abcd", "efgh"]}), compression="none", use_dictionary=False))
    at = data.find(b"abcd\4\0\0\0efgh")
    data[at : at + 4] = b"\xff\xfe\xff\xfe"
    with pytest.raises(SourceError, match="UTF8"):
        read("parquet", write(tmp_path / "t.parquet", bytes(data)))
