"""A spec is the same in Python, JSON and YAML; whatever is read, only a `SpecError` may come of it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mintage.errors import SpecError
from mintage.spec import JobSpec, read_spec

WORDS = st.sampled_from(
    [
        "no",
        "1e5",
        "0o7",
        "null",
        "~",
        "<<",
        "012",
        "1_0",
        ".inf",
        "=",
        "- x",
        "a: b",
        "#",
        " x ",
        "%",
        "@",
        "2024-01-01",
    ]
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | WORDS
NAMES = TEXTS.filter(bool)
# Only words that mean no credential, so that every drawn spec is sound.
OPTION_NAMES = st.sampled_from(["bins", "columns", "no", "1", "ä b", "mask", "depth", "x.y", "<"])
SAFE_TEXTS = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="@?&;=-"), max_size=20) | WORDS
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | SAFE_TEXTS
)
OPTIONS = st.dictionaries(
    OPTION_NAMES,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(OPTION_NAMES, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)
KINDS = st.sampled_from(["tabular.marginals", "range", "x-1"])


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    rows = draw(st.integers(100, 10**12))
    values: dict[str, Any] = {
        "name": draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,30}", fullmatch=True)),
        "seed": draw(st.integers(0, 2**64 - 1)),
        "source": {
            "uri": draw(st.sampled_from(["a.csv", "s3://b/*.parquet", "no", "1", "C:/x y"])),
            "options": draw(OPTIONS),
            "columns": draw(st.dictionaries(NAMES, st.sampled_from(["numeric", "key"]), max_size=3)),
        },
        "generator": {**draw(OPTIONS), "kind": draw(KINDS)},
        "rows": rows,
        "conditions": [
            {
                "values": draw(st.dictionaries(NAMES, SCALARS, min_size=1, max_size=2)),
                "rows": draw(st.integers(1, 20)),
            }
            for _ in range(draw(st.integers(0, 3)))
        ],
        "validate": [{**draw(OPTIONS), "kind": draw(KINDS)} for _ in range(draw(st.integers(0, 3)))],
        "sink": {"uri": "out", "shard_rows": 10**8, "keep_rejects": draw(st.booleans())},
        "resources": {
            "workers": draw(st.none() | st.integers(1, 99)),
            "cpus_per_worker": draw(st.floats(0.01, 99)),
        },
    }
    if draw(st.booleans()):
        shares = draw(st.lists(SAFE_TEXTS | st.integers(2, 99), unique=True, min_size=1, max_size=4))
        values["balance"] = {
            "column": draw(NAMES),
            "shares": [{"value": value, "share": 1 / len(shares)} for value in shares],
        }
    return values


@settings(max_examples=100, deadline=None)
@given(specs())
def test_spec_is_the_same_in_python_json_and_yaml(values: dict[str, Any]) -> None:
    spec = JobSpec.model_validate(values)

    assert read_spec(json.dumps(spec.to_json())) == spec
    assert read_spec(spec.to_yaml()) == spec
    assert read_spec(spec.to_json(complete=True)) == spec
    assert read_spec(json.dumps(spec.to_json(complete=True))).content() == spec.content()


@settings(max_examples=100, deadline=None)
@given(specs())
def test_values_keep_their_types_through_yaml(values: dict[str, Any]) -> None:
    spec = JobSpec.model_validate(values)

    # As text, since 1, 1.0 and True are equal in Python but not in a spec.
    assert json.dumps(read_spec(spec.to_yaml()).to_json()) == json.dumps(spec.to_json())


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.text("{}[]:,-#&*!|>'\"%@`? \n\tab1", max_size=80))
def test_no_text_fails_otherwise_than_by_a_spec_error(text: str) -> None:
    for candidate in (f"{text}\n", f"{{{text}\n"):
        with suppress(SpecError):
            read_spec(candidate)


JSON_VALUES = st.recursive(
    SCALARS | st.floats() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
    ),
    max_leaves=10,
)
KEYS = st.sampled_from(sorted(JobSpec.model_json_schema()["properties"]))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS | st.text(max_size=5), JSON_VALUES, max_size=6))
def test_no_mapping_fails_otherwise_than_by_a_spec_error(values: dict[str, object]) -> None:
    base = {"name": "x", "rows": 5, "source": {"uri": "a.csv"}, "sink": {"uri": "out"}}
    with suppress(SpecError):
        read_spec(base | values)
