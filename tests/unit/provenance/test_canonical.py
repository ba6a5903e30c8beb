from __future__ import annotations

import pytest

from mintage.errors import ProvenanceError
from mintage.provenance.canonical import canonical_json, parse_json
from mintage.provenance.digests import digest_of, raw_digest, sha256_hex


def test_the_example_of_rfc_8785_comes_out_as_printed_there() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f",
        "literals": [None, True, False],
    }
    expected = (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_json(value) == expected


def test_keys_are_sorted_by_utf_16_code_units() -> None:
    assert canonical_json({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


DEEP: list[object] = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "value",
    [2**53, -(2**53), float("nan"), float("inf"), {1: 2}, object(), "\ud800", {"\ud800": 1}, b"x", DEEP],
    ids=["big", "small", "nan", "inf", "key", "object", "surrogate", "surrogate-key", "bytes", "deep"],
)
def test_what_canonical_json_cannot_carry_is_refused(value: object) -> None:
    with pytest.raises(ProvenanceError, match="cannot be written as canonical JSON"):
        canonical_json(value)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"x":{"a":1,"a":1}}',
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9007199254740993",
        b"-9007199254740993",
        b"1000000000000000000000",
        b"1" * 5000,
        b'"\\ud800"',
        b'{"\\udc00":1}',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"",
        b"{} {}",
        b"[1,]",
        b"{'a':1}",
        b'"\n"',
    ],
    ids=str,
)
def test_ambiguous_or_broken_json_is_refused(data: bytes) -> None:
    with pytest.raises(ProvenanceError):
        parse_json(data, max_bytes=10_000)


def test_integers_up_to_2_to_the_53_are_exact() -> None:
    assert parse_json(b"[9007199254740991,-9007199254740991,0]", max_bytes=100) == [2**53 - 1, 1 - 2**53, 0]


def test_a_large_float_without_a_fraction_comes_back_as_it_was() -> None:
    values = [2.0**53, -1e20, 1e21]
    assert canonical_json(values) == b"[9007199254740992,-100000000000000000000,1e+21]"
    parsed = parse_json(canonical_json(values), max_bytes=100)
    assert parsed == values
    assert canonical_json(parsed) == canonical_json(values)


def test_a_document_over_the_cap_is_refused_unread() -> None:
    with pytest.raises(ProvenanceError, match="11 bytes is larger than the 10"):
        parse_json(b'"' + b"\xff" * 9 + b'"', max_bytes=10)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'], ids=["lists", "objects"])
def test_depth_is_capped_before_parsing(opening: bytes) -> None:
    with pytest.raises(ProvenanceError, match="deeper than 64"):
        parse_json(opening * 100_000, max_bytes=10**6)


def test_the_depth_allowed_is_reached_exactly() -> None:
    assert parse_json(b"[[1]]", max_bytes=100, max_depth=2) == [[1]]
    with pytest.raises(ProvenanceError, match="deeper"):
        parse_json(b"[[[1]]]", max_bytes=100, max_depth=2)


def test_brackets_in_text_are_no_depth() -> None:
    text = '"' + "[" * 1000 + '\\"{{{"'
    assert parse_json(text.encode(), max_bytes=2000, max_depth=1) == "[" * 1000 + '"{{{'


def test_digests_name_their_algorithm() -> None:
    assert digest_of(b"") == f"sha256:{sha256_hex(b'')}"
    assert raw_digest(digest_of(b"")).hex() == sha256_hex(b"")


@pytest.mark.parametrize(
    "text", ["", "sha256:", "a" * 64, "sha256:" + "A" * 64, "sha256:" + "a" * 65, "md5:" + "a" * 64]
)
def test_text_that_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(ProvenanceError, match="not a digest"):
        raw_digest(text)
