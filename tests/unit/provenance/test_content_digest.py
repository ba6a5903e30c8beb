from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mintage.errors import ProvenanceError, SpecError
from mintage.provenance.content_digest import BLOCK_ROWS, ContentHasher

NAN = float("nan")

# Made by the second implementation in tests/property/provenance, and published with the definition.
GOLDEN = {
    "no-rows": (pa.array([], pa.int64()), "534f8e28098b1c4f10f6d395f8532bbf3d395cdb7b45bc76ba2ef9c0642887f1"),
    "int64": (
        pa.array([1, -2, None, 2**53 + 1], pa.int64()),
        "e9fdbc8b8884b0b667541da5775fcb5d7d3f678768c456659d2aab1401257cc8",
    ),
    "bool": (
        pa.array([True, False, None]),
        "df7b9331dd5cb834c81dc2b48e43eb7759b80bb42a1224e610049b26840e4228",
    ),
    "double": (
        pa.array([0.0, -0.0, NAN, float("inf"), 1.5, None]),
        "d91683d7d0417b44a5f64a067494d9d598ef08d120e2b2c07be87e7428694ee9",
    ),
    "string": (
        pa.array(["", "mint", None, "Zürich"]),
        "ad97c9af656a97704f615b0cff21684261edd607743448a6ce7a61cda663f641",
    ),
    "large_string": (
        pa.array(["", "mint", None, "Zürich"], pa.large_string()),
        "3f540de2047db26382caaaca34e57ee2a4500aa18c5bee1eaef4c129e5b0b409",
    ),
    "timestamp": (
        pa.array([0, 1_700_000_000_000_000, None], pa.timestamp("us", "UTC")),
        "79b7df8d32c7a43d571d2c67843876cf2826092e5a72c45818e9d6ba11d4a103",
    ),
    "decimal": (
        pa.array([Decimal("1.10"), Decimal("-0.01"), None], pa.decimal128(20, 2)),
        "c3108f7d67205bce861c10395015df0509f4786f2826bd9d06888c03ad1bfa44",
    ),
    "fixed-size-binary": (
        pa.array([b"abc", None], pa.binary(3)),
        "b4558344d91fe199edfa98f70291cb48b21c726d3ee9b14c8cb483df6a7f32e8",
    ),
    "nested-list": (
        pa.array([[[1, 2], None, []], None, []], pa.list_(pa.list_(pa.int16()))),
        "d5d19b93b70ace2c6c56ea017d95b5eaf83e2a98823753ec4e5b75fdcc0e14fd",
    ),
    "fixed-size-list": (
        pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2)),
        "669e730801650bc93bb31a2b20cb9129f26ce394143be545218a15de0d89bdf6",
    ),
    "null": (pa.nulls(2), "a1f55cf5720289dd403e83113ec5b52056e8bfbf20aa1fbd00db8b8a398fb1ed"),
    "two-blocks": (
        pa.array(np.arange(BLOCK_ROWS + 1)),
        "830cf711bf6ced8f6685914665557e127bff411de9f15da3085d337554a40de5",
    ),
}


def digest(*batches: pa.RecordBatch, schema: pa.Schema | None = None) -> str:
    hasher = ContentHasher(schema or batches[0].schema)
    for batch in batches:
        hasher.update(batch)
    return hasher.digest()


def of(array: pa.Array) -> str:
    return digest(pa.record_batch({"c": array}))


@pytest.mark.parametrize(("array", "expected"), GOLDEN.values(), ids=GOLDEN)
def test_the_golden_vectors_hold(array: pa.Array, expected: str) -> None:
    assert of(array) == f"sha256:{expected}"


def test_the_written_format_has_every_golden_vector(repository: Path) -> None:
    text = (repository / "docs/provenance/content-digest.md").read_text(encoding="utf-8")
    assert [name for name, (_, expected) in GOLDEN.items() if expected not in text] == []


def test_rows_in_other_batches_have_the_same_digest() -> None:
    rows = 2 * BLOCK_ROWS + 77
    numbers = np.arange(rows)
    batch = pa.record_batch(
        {"n": pa.array(numbers, mask=numbers % 5 == 0), "t": pa.array([f"v{i % 31}" for i in range(rows)])}
    )
    cut = [batch.slice(start, 9_999) for start in range(0, rows, 9_999)]
    assert digest(batch) == digest(*cut)


def test_offsets_and_bits_before_a_slice_do_not_show() -> None:
    array = pa.array([None, True, False, None, True, True, None, False, True, None, True])
    assert of(array.slice(3, 6)) == of(pa.array([None, True, True, None, False, True]))


@pytest.mark.parametrize(
    "type_", [pa.string(), pa.large_string(), pa.binary(), pa.list_(pa.int64())], ids=str
)
def test_a_slice_of_values_with_offsets_is_the_same_as_a_copy(type_: pa.DataType) -> None:
    values: list[object] = (
        [[1], None, [2, 3], [], [4]] if pa.types.is_list(type_) else [b"a", None, b"bc", b"", b"d"]
    )
    if type_ in (pa.string(), pa.large_string()):
        values = [value.decode() if isinstance(value, bytes) else value for value in values]
    assert of(pa.array(values, type_).slice(1, 3)) == of(pa.array(values[1:4], type_))


def test_what_lies_under_nulls_does_not_show() -> None:
    mask = pa.py_buffer(b"\x05")
    dirty = pa.Array.from_buffers(pa.int64(), 3, [mask, pa.py_buffer(np.array([1, 77, 3]).tobytes())])
    assert of(dirty) == of(pa.array([1, None, 3]))
    offsets = pa.py_buffer(np.array([0, 1, 3, 4], np.int32).tobytes())
    text = pa.Array.from_buffers(pa.string(), 3, [mask, offsets, pa.py_buffer(b"axxb")])
    assert of(text) == of(pa.array(["a", None, "b"]))
    lists = pa.Array.from_buffers(
        pa.list_(pa.int8()), 3, [mask, offsets], children=[pa.array([1, 9, 9, 2], pa.int8())]
    )
    assert of(lists) == of(pa.array([[1], None, [2]], pa.list_(pa.int8())))
    wide = pa.Array.from_buffers(pa.binary(3), 3, [mask, pa.py_buffer(b"aaaxxxbbb")])
    assert of(wide) == of(pa.array([b"aaa", None, b"bbb"], pa.binary(3)))


def test_every_nan_is_the_same_and_minus_zero_is_not_zero() -> None:
    payloads = np.array([0x7FF8_0000_0000_0001, 0xFFF8_0000_0000_0000], np.uint64).view(np.float64)
    assert of(pa.array(payloads)) == of(pa.array([NAN, NAN]))
    assert of(pa.array([0.0])) != of(pa.array([-0.0]))


def test_dictionaries_are_decoded_whatever_their_order_and_nulls() -> None:
    plain = pa.array(["b", "a", None, "b"])
    one = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0], pa.int8()), pa.array(["b", "a"]))
    other = pa.DictionaryArray.from_arrays(
        pa.array([3, 1, 0, 2], pa.int32()), pa.array([None, "a", "b", "b"])
    )
    assert of(one) == of(other) == of(plain)


def test_batches_with_other_dictionaries_make_one_column() -> None:
    schema = pa.schema({"c": pa.string()})
    parts = [pa.record_batch({"c": pa.array([v]).dictionary_encode()}) for v in ("a", "b", "a")]
    assert digest(*parts, schema=schema) == of(pa.array(["a", "b", "a"]))


def test_lists_with_large_offsets_are_lists() -> None:
    values = [["a", None], None, []]
    assert of(pa.array(values, pa.large_list(pa.string()))) == of(pa.array(values, pa.list_(pa.string())))


def test_types_rows_columns_and_order_all_count() -> None:
    one, two = pa.array([1, 2], pa.int64()), pa.array([3, 4], pa.int64())
    all_different = {
        of(one),
        of(one.cast(pa.int32())),
        of(one.cast(pa.uint64())),
        of(pa.array([2, 1], pa.int64())),
        of(pa.array([1], pa.int64())),
        of(pa.array([1, None], pa.int64())),
        of(pa.array([1, 0], pa.int64())),
        digest(pa.record_batch({"a": one, "b": two})),
        digest(pa.record_batch({"a": two, "b": one})),
        of(pa.array([], pa.int64())),
        of(pa.array([], pa.string())),
    }
    assert len(all_different) == 11


def test_where_a_text_ends_counts() -> None:
    assert of(pa.array(["ab", "c"])) != of(pa.array(["a", "bc"]))


def test_a_table_without_columns_is_its_number_of_rows() -> None:
    schema = pa.schema([])
    batches = [pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([]))) for rows in (2, 3)]
    assert digest(batches[0], schema=schema) != digest(batches[1], schema=schema)


@pytest.mark.parametrize(
    "batch",
    [
        pa.record_batch({"b": pa.array([1])}),
        pa.record_batch({"a": pa.array([1.0])}),
        pa.record_batch({"a": pa.array([1]), "b": pa.array([1])}),
    ],
    ids=["name", "type", "count"],
)
def test_a_batch_with_other_columns_is_refused(batch: pa.RecordBatch) -> None:
    hasher = ContentHasher(pa.schema({"a": pa.int64()}))
    with pytest.raises(ProvenanceError, match="expected"):
        hasher.update(batch)


def test_a_type_that_mintage_does_not_carry_is_refused() -> None:
    with pytest.raises(SpecError, match="not supported"):
        ContentHasher(pa.schema({"a": pa.struct({"x": pa.int8()})}))


def test_the_digest_can_be_asked_twice_but_ends_the_table() -> None:
    batch = pa.record_batch({"a": pa.array([1])})
    hasher = ContentHasher(batch.schema)
    hasher.update(batch)
    assert hasher.digest() == hasher.digest()
    with pytest.raises(ProvenanceError, match="after the digest"):
        hasher.update(batch)


def test_this_machine_stores_numbers_as_the_format_writes_them() -> None:
    assert sys.byteorder == "little"
