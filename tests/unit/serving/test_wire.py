"""Values that are hard to send."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest

from mintage.contracts import mark_of
from mintage.errors import ConditionError
from mintage.serving.wire import ArrowEncoder, JsonEncoder, choose_form

BATCH = pa.RecordBatch.from_pydict(
    {
        "number": pa.array([1.5, float("nan"), None]),
        "big": pa.array([2**60, -1, None]),
        "money": pa.array([Decimal("1.10"), Decimal("-2.00"), None], pa.decimal128(10, 2)),
        "day": pa.array([date(2020, 2, 29), None, None]),
        "moment": pa.array([datetime(2020, 1, 1, 2, 3, 4, 5), None, None], pa.timestamp("us")),
        "clock": pa.array([time(1, 2, 3), None, None], pa.time64("us")),
        "word": pa.array(['a\n"b"', "ü", None]).dictionary_encode(),
        "flag": pa.array([True, False, None]),
    }
)


def test_json_carries_every_kind_of_value_that_a_table_has() -> None:
    first, second, third = map(json.loads, JsonEncoder(BATCH.schema, {}).batch(BATCH).splitlines())
    assert first == {
        "number": 1.5,
        "big": 2**60,
        "money": "1.10",
        "day": "2020-02-29",
        "moment": "2020-01-01T02:03:04.000005",
        "clock": "01:02:03",
        "word": 'a\n"b"',
        "flag": True,
    }
    assert (second["number"], second["word"]) == (None, "ü")
    assert set(third.values()) == {None}


def test_arrow_carries_batches_with_other_dictionaries_and_the_mark() -> None:
    encoder = ArrowEncoder(BATCH.schema, {"synthetic": "true"})
    other = BATCH.set_column(6, BATCH.schema.field(6), pa.array(["x", "y", "z"]).dictionary_encode())
    sent = encoder.batch(BATCH) + encoder.batch(other) + encoder.end()
    read = pa.ipc.open_stream(sent).read_all()
    read.validate(full=True)
    assert read["word"].to_pylist() == ['a\n"b"', "ü", None, "x", "y", "z"]
    assert mark_of(read.schema) == {"synthetic": "true"}


def test_arrow_without_rows_is_a_stream_all_the_same() -> None:
    assert pa.ipc.open_stream(ArrowEncoder(BATCH.schema, {}).end()).read_all().num_rows == 0


def test_bytes_are_refused_as_json() -> None:
    with pytest.raises(ConditionError, match="column 'photo' holds bytes"):
        JsonEncoder(pa.schema({"photo": pa.binary()}), {})


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "application/x-ndjson"),
        ("application/*", "application/x-ndjson"),
        ("application/x-ndjson;q=0.1, application/*", "application/vnd.apache.arrow.stream"),
        ("*/*;q=0", None),
        ("application/x-ndjson;q=zero", None),
        ("text/html, application/vnd.apache.arrow.stream;q=0.2", "application/vnd.apache.arrow.stream"),
    ],
)
def test_form_follows_from_what_is_accepted(accept: str, form: str | None) -> None:
    assert choose_form(accept) == form
