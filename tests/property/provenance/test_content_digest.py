"""The content digest against the second implementation, on every type and however rows are cut."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mintage.contracts import parse_type
from mintage.provenance.content_digest import ContentHasher
from tests.property.provenance.second_digest import BLOCK, FLOATS, WIDTHS, from_vector, slow_digest

DECIMALS = {"decimal128(20, 2)": 10**18, "decimal256(60, 2)": 10**40}
LEAVES = [
    "null", "bool", "halffloat", "float", "double", "string", "large_string", "binary", "large_binary",
    "fixed_size_binary[3]", "fixed_size_binary[8]", *WIDTHS,
]  # fmt: skip
NAMES = [
    *LEAVES,
    "list<int16>",
    "list<string>",
    "list<list<double>>",
    "fixed_size_list<float>[2]",
    "list<fixed_size_list<bool>[3]>",
]


def values(name: str) -> st.SearchStrategy[object]:
    if name == "null":
        return st.none()
    if match := re.fullmatch(r"list<(.+)>", name):
        return st.none() | st.lists(values(match[1]), max_size=4)
    if match := re.fullmatch(r"fixed_size_list<(.+)>\[(\d+)\]", name):
        size = int(match[2])
        return st.none() | st.lists(values(match[1]), min_size=size, max_size=size)
    if name == "bool":
        return st.none() | st.booleans()
    if name in FLOATS:
        bits = {"halffloat": 16, "float": 32, "double": 64}[name]
        return st.none() | st.floats(width=bits)  # type: ignore[arg-type]  # 16, 32 or 64
    if name in ("string", "large_string"):
        return st.none() | st.text(max_size=5)
    if name in ("binary", "large_binary"):
        return st.none() | st.binary(max_size=5)
    if match := re.fullmatch(r"fixed_size_binary\[(\d+)\]", name):
        return st.none() | st.binary(min_size=int(match[1]), max_size=int(match[1]))
    if name in DECIMALS:
        limit = DECIMALS[name]
        return st.none() | st.integers(-limit, limit).map(cents)
    width, signed = WIDTHS[name]
    top = 2 ** (8 * width - signed)
    return st.none() | st.integers(-top if signed else 0, top - 1)


def cents(unscaled: int) -> Decimal:
    # Not by arithmetic: that would round to the digits of the decimal context.
    return Decimal((unscaled < 0, tuple(map(int, str(abs(unscaled)))), -2))


def to_arrow(name: str, column: list[object]) -> pa.Array:
    type_ = parse_type(name)
    if pa.types.is_temporal(type_):
        plain = pa.int32() if type_.bit_width == 32 else pa.int64()
        return pa.array(column, plain).view(type_)
    return pa.array(column, type_)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[tuple[str, list[object]]], int]:
    rows = draw(st.integers(0, 12))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))
    return [(name, draw(st.lists(values(name), min_size=rows, max_size=rows))) for name in names], rows


@st.composite
def cuts(draw: st.DrawFn, rows: int) -> list[int]:
    return [0, *sorted(draw(st.lists(st.integers(0, rows), max_size=4))), rows]


@settings(max_examples=100)
@given(data=st.data(), table=tables())
def test_the_two_implementations_agree_however_the_rows_are_cut(
    data: st.DataObject, table: tuple[list[tuple[str, list[object]]], int]
) -> None:
    columns, rows = table
    arrays = [to_arrow(name, column) for name, column in columns]
    batch = pa.RecordBatch.from_arrays(arrays, names=[f"c{i}" for i in range(len(arrays))])
    hasher = ContentHasher(batch.schema)
    edges = data.draw(cuts(rows))
    for start, end in pairwise(edges):
        hasher.update(batch.slice(start, end - start))
    assert hasher.digest() == slow_digest(columns, rows)


@pytest.mark.parametrize("name", NAMES)
def test_the_two_implementations_agree_on_every_type(name: str) -> None:
    @settings(max_examples=12)
    @given(column=st.lists(values(name), max_size=8))
    def agree(column: list[object]) -> None:
        array = to_arrow(name, column)
        hasher = ContentHasher(pa.schema({"c": array.type}))
        hasher.update(pa.record_batch({"c": array}))
        assert hasher.digest() == slow_digest([(name, column)], len(column))

    agree()


@pytest.mark.parametrize("name", ["string", "large_string", "int64", "double", "binary"])
def test_encoding_as_a_dictionary_changes_nothing(name: str) -> None:
    @settings(max_examples=20)
    @given(column=st.lists(values(name), max_size=10), unused=st.lists(values(name), max_size=3))
    def agree(column: list[object], unused: list[object]) -> None:
        dictionary = to_arrow(name, [*unused, *column])
        codes = pa.array(range(len(unused), len(dictionary)), pa.int16())
        encoded = pa.DictionaryArray.from_arrays(codes, dictionary)
        hasher = ContentHasher(pa.schema({"c": parse_type(name)}))
        hasher.update(pa.record_batch({"c": encoded}))
        assert hasher.digest() == slow_digest([(name, column)], len(column))

    agree()


@pytest.mark.parametrize("rows", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK], ids=str)
def test_the_two_implementations_agree_around_the_edge_of_a_block(rows: int) -> None:
    # The first null comes late, so that the validity of what went before has to be made up for.
    numbers: list[object] = [None if i == rows - 2 else i for i in range(rows)]
    texts: list[object] = [str(i % 7) for i in range(rows)]
    batch = pa.record_batch({"n": pa.array(numbers, pa.int64()), "t": pa.array(texts)})
    expected = slow_digest([("int64", numbers), ("string", texts)], rows)
    for step in (rows, 10_000, BLOCK):
        hasher = ContentHasher(batch.schema)
        for start in range(0, rows, step):
            hasher.update(batch.slice(start, step))
        assert hasher.digest() == expected


@settings(max_examples=60)
@given(table=tables(), data=st.data())
def test_another_value_gives_another_digest(
    table: tuple[list[tuple[str, list[object]]], int], data: st.DataObject
) -> None:
    columns, rows = table
    name, column = data.draw(st.sampled_from(columns))
    if rows == 0 or name == "null":
        return
    place = data.draw(st.integers(0, rows - 1))
    other = data.draw(values(name))
    old = column[place]
    if other == old or (repr(other) == repr(old)):
        return
    changed = [*column[:place], other, *column[place + 1 :]]
    assert _digest(name, changed) != _digest(name, column)


def _digest(name: str, column: list[object]) -> str:
    array = to_arrow(name, column)
    hasher = ContentHasher(pa.schema({"c": array.type}))
    hasher.update(pa.record_batch({"c": array}))
    return hasher.digest()


VECTORS = json.loads(
    (Path(__file__).parents[3] / "docs/provenance/content-digest-vectors.json").read_text(encoding="utf-8")
)


def stored(column: dict[str, Any]) -> list[object]:
    return [from_vector(column["type"], value) for value in column["values"]]


def exact(name: str, column: list[object], bits: list[str | None]) -> pa.Array:
    """The column as Arrow; floats keep the very bits that the file has."""
    if name in FLOATS:
        width = parse_type(name).bit_width // 8
        data = b"".join(bytes.fromhex(text) if text else b"\xff" * width for text in bits)
        return with_nulls(parse_type(name), pa.py_buffer(data), [text is None for text in bits])
    if name in DECIMALS:
        return to_arrow(name, [None if value is None else cents(int(str(value))) for value in column])
    return to_arrow(name, column)


def with_nulls(type_: pa.DataType, data: pa.Buffer, null: list[bool]) -> pa.Array:
    valid = np.packbits([not one for one in null], bitorder="little")
    return pa.Array.from_buffers(type_, len(null), [pa.py_buffer(valid.tobytes()), data])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_both_implementations_give_the_vectors_that_are_published(vector: dict[str, Any]) -> None:
    columns = [(column["type"], stored(column)) for column in vector["columns"]]
    rows = len(columns[0][1])
    assert slow_digest(columns, rows) == vector["digest"]
    arrays = [
        exact(name, values, column["values"])
        for (name, values), column in zip(columns, vector["columns"], strict=True)
    ]
    batch = pa.RecordBatch.from_arrays(arrays, names=[f"c{i}" for i in range(len(arrays))])
    hasher = ContentHasher(batch.schema)
    hasher.update(batch)
    assert hasher.digest() == vector["digest"]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("null", "bool")])
def test_what_lies_under_nulls_and_around_a_slice_changes_nothing(name: str) -> None:
    some = values(name).filter(lambda value: value is not None)

    @settings(max_examples=8)
    @given(column=st.lists(some, min_size=1, max_size=9), data=st.data())
    def agree(column: list[object], data: st.DataObject) -> None:
        null = data.draw(st.lists(st.booleans(), min_size=len(column), max_size=len(column)))
        start = data.draw(st.integers(0, len(column) - 1))
        dirty = over(to_arrow(name, column), null).slice(start)
        clean = [None if gone else value for gone, value in zip(null, column, strict=True)][start:]
        assert dirty.null_count == sum(null[start:])
        hasher = ContentHasher(pa.schema({"c": dirty.type}))
        hasher.update(pa.record_batch({"c": dirty}))
        assert hasher.digest() == slow_digest([(name, clean)], len(clean))

    agree()


def over(array: pa.Array, null: list[bool]) -> pa.Array:
    """The array with nulls laid over values, which stay beneath."""
    valid = pa.py_buffer(np.packbits([not one for one in null], bitorder="little").tobytes())
    children = None
    if pa.types.is_list(array.type) or pa.types.is_fixed_size_list(array.type):
        children = [array.values]
    own = array.buffers()[1 : array.type.num_buffers]
    return pa.Array.from_buffers(array.type, len(array), [valid, *own], children=children)
