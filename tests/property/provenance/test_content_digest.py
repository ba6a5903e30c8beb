"""The content digest against a second implementation, written from docs/manifest-format.md alone.

It walks over Python values one by one, builds each stream as one bytes object and shares no code with
the first; slowness is its virtue.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mintage.contracts import parse_type
from mintage.provenance.content_digest import ContentHasher

BLOCK = 65_536


def H(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def tag(text: str) -> bytes:
    return b"mintage-content-sha256/1\n" + text.encode() + b"\n"


def slow_digest(columns: Sequence[tuple[str, list[object]]], rows: int) -> str:
    """The digest of columns given as (type name, values)."""
    starts = list(range(0, rows, BLOCK)) or [0]
    blocks = []
    for start in starts:
        digests = []
        for name, values in columns:
            part = values[start : start + BLOCK]
            text = name.encode()
            digests.append(H(tag("column") + struct.pack("<Q", len(text)) + text + level(name, part)))
        count = min(BLOCK, rows - start)
        blocks.append(H(tag("block") + struct.pack("<QQ", count, len(columns)) + b"".join(digests)))
    return "sha256:" + H(tag("table") + b"".join(blocks) + struct.pack("<QQ", rows, len(blocks))).hex()


def level(name: str, values: list[object]) -> bytes:
    some_null = any(value is None for value in values)
    validity = bytes(value is not None for value in values) if some_null else b""
    head = struct.pack("<Q", len(values)) + H(validity)
    if name == "null":
        return head
    if match := re.fullmatch(r"list<(.+)>|fixed_size_list<(.+)>\[\d+\]", name):
        lists = [value for value in values if isinstance(value, list)]
        lengths = b"".join(struct.pack("<I", len(v) if isinstance(v, list) else 0) for v in values)
        return head + H(lengths) + level(match[1] or match[2], [item for value in lists for item in value])
    encoded = [encode(name, value) for value in values]
    if name in ("string", "large_string", "binary", "large_binary"):
        return head + H(b"".join(struct.pack("<I", len(e)) for e in encoded)) + H(b"".join(encoded))
    return head + H(b"".join(encoded))


FLOATS = {
    "halffloat": ("<e", "<H", 0x7E00),
    "float": ("<f", "<I", 0x7FC00000),
    "double": ("<d", "<Q", 0x7FF8 << 48),
}


def encode(name: str, value: object) -> bytes:
    if name == "bool":
        return bytes([value is True])
    if name in FLOATS:
        kind, bits, nan = FLOATS[name]
        if value is None:
            return bytes(struct.calcsize(kind))
        assert isinstance(value, float)
        return struct.pack(bits, nan) if value != value else struct.pack(kind, value)
    if name in ("string", "large_string"):
        assert value is None or isinstance(value, str)
        return (value or "").encode()
    if name in ("binary", "large_binary"):
        assert value is None or isinstance(value, bytes)
        return value or b""
    if match := re.fullmatch(r"fixed_size_binary\[(\d+)\]", name):
        assert value is None or isinstance(value, bytes)
        return bytes(int(match[1])) if value is None else value
    width, signed = WIDTHS[name]
    if isinstance(value, Decimal):
        sign, digits, exponent = value.as_tuple()
        assert exponent == -2
        value = (-1 if sign else 1) * int("".join(map(str, digits)))
    assert value is None or isinstance(value, int)
    return (value or 0).to_bytes(width, "little", signed=signed)


WIDTHS = {
    **{f"int{bits}": (bits // 8, True) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (bits // 8, False) for bits in (8, 16, 32, 64)},
    "date32[day]": (4, True),
    "time32[ms]": (4, True),
    "time64[us]": (8, True),
    "timestamp[s]": (8, True),
    "timestamp[ns, tz=UTC]": (8, True),
    "duration[ms]": (8, True),
    "decimal128(20, 2)": (16, True),
    "decimal256(60, 2)": (32, True),
}

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
