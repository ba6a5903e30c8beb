from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from mintage.errors import ProvenanceError
from mintage.provenance.canonical import canonical_json, parse_json

NUMBERS = st.integers(1 - 2**53, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=60)
@given(value=VALUES)
def test_what_is_written_can_be_read_and_is_written_the_same_again(value: object) -> None:
    data = canonical_json(value)
    parsed = parse_json(data, max_bytes=10**6)
    assert parsed == value
    assert canonical_json(parsed) == data


@settings(max_examples=30)
@given(value=st.dictionaries(TEXT, VALUES, max_size=6))
def test_the_order_of_keys_does_not_show(value: dict[str, object]) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


@given(
    data=st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes_are_json_or_refused(data: bytes) -> None:
    try:
        value = parse_json(data, max_bytes=1000)
    except ProvenanceError:
        return
    assert json.loads(data) == value
