"""The content digest a second time, written from docs/provenance/content-digest.md alone.

It walks over Python values one by one, builds each stream as one bytes object and shares no code with
the first; slowness is its virtue.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Sequence
from decimal import Decimal

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
    "date64[ms]": (8, True),
    "time32[s]": (4, True),
    "time32[ms]": (4, True),
    "time64[us]": (8, True),
    "time64[ns]": (8, True),
    "timestamp[s]": (8, True),
    "timestamp[us, tz=UTC]": (8, True),
    "timestamp[ns, tz=UTC]": (8, True),
    "duration[ms]": (8, True),
    "decimal128(20, 2)": (16, True),
    "decimal256(60, 2)": (32, True),
}


def from_vector(name: str, value: object) -> object:
    """A value as it stands in the file of vectors: floats and binary are hexadecimal bytes there."""
    if isinstance(value, list):
        match = re.fullmatch(r"list<(.+)>|fixed_size_list<(.+)>\[\d+\]", name)
        assert match is not None
        return [from_vector(match[1] or match[2], item) for item in value]
    if value is None or "string" in name or not isinstance(value, str):
        return value
    data = bytes.fromhex(value)
    return struct.unpack(FLOATS[name][0], data)[0] if name in FLOATS else data
