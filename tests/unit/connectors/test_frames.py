"""Tables handed over in Python: pandas, polars and Arrow give the same rows and digests."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mintage.contracts import TableReader
from mintage.errors import SourceError, SpecError
from mintage_connectors.frame import FrameConfig, FrameConnector

ROWS = {
    "n": [1, None, 3],
    "x": [0.5, 1.5, None],
    "s": ["a", "", None],
    "ok": [True, None, False],
    "at": [dt.datetime(2013, 1, 1, 10), None, dt.datetime(1969, 1, 1)],
    "l": [[1, 2], [], None],
}
SCHEMA = pa.schema(
    {
        "n": pa.int64(),
        "x": pa.float64(),
        "s": pa.string(),
        "ok": pa.bool_(),
        "at": pa.timestamp("us"),
        "l": pa.list_(pa.int64()),
    }
)
TABLE = pa.table(ROWS, SCHEMA)


def _reader(frame: object) -> TableReader:
    return FrameConnector(FrameConfig()).read(frame)


@pytest.mark.parametrize(
    "frame",
    [
        TABLE,
        TABLE.to_batches()[0],
        pl.DataFrame(TABLE),
        pl.DataFrame(TABLE).lazy(),
        pd.DataFrame(
            {name: TABLE[name].to_pandas(types_mapper=pd.ArrowDtype) for name in TABLE.column_names}
        ),
    ],
    ids=["arrow", "batch", "polars", "lazy", "pandas"],
)
def test_equal_tables_of_all_libraries_are_equal(frame: object) -> None:
    found = _reader(frame)
    assert found.schema == SCHEMA
    assert pa.Table.from_batches(found.scan()) == TABLE
    assert found.digest() == _reader(TABLE).digest()


def test_usual_pandas_frames_have_the_types_that_they_show() -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "x": [0.5, np.nan],
            "c": pd.Categorical(["u", None]),
            "d": pd.to_timedelta(["1s", None]),
            "t": pd.to_datetime(["2013-01-01", None], utc=True),
        }
    )
    found = _reader(frame)
    assert [str(type_) for type_ in found.schema.types[:3]] == [
        "int64",
        "double",
        found.schema.types[2].__str__(),
    ]
    assert pa.types.is_duration(found.schema.types[3])
    assert pa.types.is_timestamp(found.schema.types[4])
    assert pa.Table.from_batches(found.scan())["x"].to_pylist() == [0.5, None]
    assert pa.Table.from_batches(found.scan())["c"].to_pylist() == ["u", None]


def test_a_scan_yields_the_columns_and_batches_that_are_asked_for() -> None:
    batches = list(_reader(TABLE).scan(["s", "n"], 2))
    assert [batch.num_rows for batch in batches] == [2, 1]
    assert batches[0].schema.names == ["s", "n"]
    with pytest.raises(SourceError, match="no column 'z'"):
        next(_reader(TABLE).scan(["z"]))
    with pytest.raises(SpecError, match="-1 rows"):
        next(_reader(TABLE).scan(batch_rows=-1))


def test_the_digest_does_not_depend_on_chunks_offsets_or_hidden_values() -> None:
    count = 150_000
    draw = np.random.default_rng(3)
    hidden = pa.array(draw.integers(0, 9, count))
    mask = draw.random(count) < 0.2
    text = pa.array(draw.choice(["", "a", "\u2603\u2603"], count))
    table = pa.table(
        {
            "n": pa.array(hidden.to_numpy(), mask=mask),
            "s": pa.array(text.to_numpy(zero_copy_only=False), mask=mask),
            "d": pa.array(hidden.to_numpy()).cast(pa.decimal128(25, 2)),
        }
    )
    other_hidden = pa.table(
        {
            "n": pa.array(np.where(mask, 77, hidden.to_numpy()), mask=mask),
            "s": table["s"],
            "d": table["d"],
        }
    )
    digest = _reader(table).digest()
    assert _reader(pa.Table.from_batches(table.to_batches(max_chunksize=999))).digest() == digest
    assert _reader(pa.concat_tables([table, table]).slice(count, count)).digest() == digest
    assert _reader(other_hidden).digest() == digest


@pytest.mark.parametrize(
    "other",
    [
        {"x": [1, 2], "y": ["a", "b"]},
        {"x": [1, None], "y": ["a", "c"]},
        {"x": [1, None], "y": ["", "b"]},
        {"x": [None, 1], "y": ["a", "b"]},
        {"x": [1, None], "y": ["ab", ""]},
        {"x": [1, None], "z": ["a", "b"]},
        {"x": [1.0, None], "y": ["a", "b"]},
        {"x": [1, None, 1], "y": ["a", "b", "c"]},
    ],
    ids=["null", "text", "empty", "order", "boundary", "name", "type", "row"],
)
def test_another_content_has_another_digest(other: dict[str, list[object]]) -> None:
    assert _reader(pa.table(other)).digest() != _reader(pa.table({"x": [1, None], "y": ["a", "b"]})).digest()


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (5, "builtins.int is no table"),
        ("t.csv", "builtins.str is no table"),
        (pd.Series([1]), "Series is no table"),
        (pl.Series([1]), "Series is no table"),
        (pd.DataFrame({"x": [1]}).rename_axis("id"), r"the index \['id'\] of the frame is no column"),
        (pd.DataFrame({"x": [1, "a"]}), "the frame cannot be read: .*x"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), "several columns called 'x'"),
        (pd.DataFrame(), "has no columns"),
        (pl.DataFrame({"x": [object()]}), "the column 'x' of the frame holds Python objects"),
        (pl.DataFrame({"x": [{"y": 1}]}), "the column 'x' is of the type struct"),
        (pl.LazyFrame({"x": [1]}).select("y"), "the lazy frame cannot be collected"),
        (pa.table([[1], [2]], ["x", " "]), "column 2 of the frame has no name"),
    ],
    ids=[
        "number",
        "path",
        "pandas series",
        "polars series",
        "index",
        "mixed",
        "name twice",
        "no columns",
        "objects",
        "struct",
        "broken lazy frame",
        "no name",
    ],
)
def test_what_is_wrong_is_named(frame: object, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        _reader(frame)
    assert caught.value.hint


def test_crafted_memory_is_refused() -> None:
    offsets = pa.py_buffer(np.array([0, 2_000_000_000, 8], np.int32).tobytes())
    crafted = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"abcdefgh")])
    with pytest.raises(SourceError, match="the frame cannot be read"):
        _reader(pa.table({"x": crafted}))
