"""What a job spec gives, what determines its content, and how it is overridden."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from pydantic import ValidationError

from mintage.errors import SpecError
from mintage.spec import GeneratorSpec, JobSpec, SinkSpec, json_schema, read_options, read_spec

Values = dict[str, Any]


def test_defaults_are_those_of_the_documentation(base: Values) -> None:
    spec = read_spec(base)

    assert spec.seed == 0
    assert spec.generator == GeneratorSpec(kind="tabular.autoregressive")
    assert (spec.sink.format, spec.sink.shard_rows, spec.sink.keep_rejects) == ("parquet", 100_000, False)
    assert (spec.resources.workers, spec.resources.executor, spec.resources.in_flight) == (None, "auto", 2)
    assert spec.signing.key is None
    assert spec.min_acceptance == 0.01


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1], ids=["zero", "one", "largest"])
def test_seed_is_legal(base: Values, seed: int) -> None:
    assert read_spec(base | {"seed": seed}).seed == seed


@pytest.mark.parametrize("rows", [1, 10**15], ids=["one", "most"])
def test_number_of_rows_is_legal(base: Values, rows: int) -> None:
    assert read_spec(base | {"rows": rows, "sink": {"uri": "o", "shard_rows": 10**8}}).rows == rows


def test_model_takes_the_place_of_a_generator(base: Values) -> None:
    spec = read_spec(base | {"model": {"uri": "earlier"}})

    assert spec.generator is None
    assert spec.model is not None


def test_generator_that_needs_no_source_stands_alone(base: Values) -> None:
    spec = read_spec({**base, "source": None, "generator": {"kind": "rules.orders", "lines": 3}})

    assert spec.source is None
    assert spec.generator is not None
    assert spec.generator.config == {"lines": 3}


def test_shares_by_value_become_a_list(base: Values) -> None:
    shares = {"JFK": 0.5, 7: 0.25, True: 0.25}
    spec = read_spec(base | {"balance": {"column": "x", "shares": shares}})

    assert spec.balance is not None
    assert [(share.value, share.share) for share in spec.balance.shares] == [
        ("JFK", 0.5),
        (7, 0.25),
        (True, 0.25),
    ]


@pytest.mark.parametrize("value", [1, 1.0, True, "1", None], ids=repr)
def test_condition_keeps_the_type_of_its_value(base: Values, value: object) -> None:
    spec = read_spec(base | {"conditions": [{"values": {"x": value}, "rows": 1}]})

    kept = spec.conditions[0].values["x"]
    assert (type(kept), kept) == (type(value), value)


@pytest.mark.parametrize(
    "value",
    [{"min": 3, "below": "4.5"}, {"max": 7}, {"any_of": ["x", None, 1]}],
    ids=["between", "open", "set"],
)
def test_condition_and_balance_take_ranges_and_sets(base: Values, value: Values) -> None:
    spec = read_spec(
        base
        | {
            "conditions": [{"values": {"x": value}, "rows": 1}],
            "balance": {"column": "y", "shares": [{"value": value, "share": 0.5}]},
        }
    )
    written = spec.to_json()
    assert written["conditions"][0]["values"]["x"] == value
    assert written["balance"]["shares"][0]["value"] == value
    assert read_spec(written) == spec
    assert read_spec(spec.to_json(complete=True)) == spec


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"min": 3, "max": 4, "below": 5}, r"conditions\[0\].values.x.below: has two upper ends"),
        ({}, r"values.x: has no end"),
        ({"minn": 3}, r"values.x.minn: is not a known key[\s\S]*did you mean 'min'"),
        ({"any_of": []}, r"values.x.any_of: must have at least 1"),
        ({"any_of": [[1]]}, r"values.x.any_of\[0\]: must be text"),
        ([1], r"values.x: must be text"),
    ],
    ids=["two ends", "no end", "misspelt", "empty set", "list in a set", "list"],
)
def test_wrong_ranges_and_sets_are_named(base: Values, value: object, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        read_spec(base | {"conditions": [{"values": {"x": value}, "rows": 1}]})


def test_spec_cannot_be_changed(base: Values) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read_spec(base).rows = 5


def test_spec_does_not_share_the_options_of_its_caller(base: Values) -> None:
    options = {"nested": [1]}
    spec = read_spec(base | {"generator": {"kind": "x", "o": options}})
    options["nested"].append(2)

    assert spec.generator is not None
    assert spec.generator.config == {"o": {"nested": [1]}}


def test_spec_travels_between_processes(base: Values) -> None:
    spec = read_spec(base | {"validate": [{"kind": "range", "column": "x", "min": 0}]})

    assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: SinkSpec(uri="o", shard_rows=0), id="part"),
        pytest.param(lambda: JobSpec.model_validate({"name": "x"}), id="model-validate"),
        pytest.param(lambda: JobSpec.model_validate_json('{"name": "x"}'), id="model-validate-json"),
        pytest.param(lambda: JobSpec(name="x"), id="constructor"),  # type: ignore[call-arg]  # what is missing
    ],
)
def test_spec_made_in_python_raises_spec_errors(build: Any) -> None:  # noqa: ANN401  # a lambda
    with pytest.raises(SpecError):
        build()


CHANGES_CONTENT: list[Values] = [
    {"name": "other"},
    {"seed": 1},
    {"rows": 1001},
    {"generator": {"kind": "tabular.marginals"}},
    {"generator": {"kind": "tabular.autoregressive", "max_steps": 5}},
    {"source": {"uri": "flights.parquet", "kind": "csv"}},
    {"source": {"uri": "flights.parquet", "options": {"delimiter": ";"}}},
    {"source": {"uri": "flights.parquet", "columns": {"x": "key"}}},
    {"source": {"uri": "flights.parquet", "primary_key": ["x"]}},
    {"conditions": [{"values": {"x": 1}, "rows": 5}]},
    {"balance": {"column": "x", "shares": {"a": 0.5}}},
    {"validate": [{"kind": "range", "column": "x", "min": 0}]},
    {"min_acceptance": 0.5},
]

KEEPS_CONTENT: list[Values] = [
    {"seed": 0},
    {"source": {"uri": "s3://elsewhere/flights.parquet", "storage": {"endpoint_url": "http://h:1"}}},
    {"sink": {"uri": "elsewhere", "keep_rejects": True}},
    {"resources": {"workers": 5, "executor": "ray"}},
    {"signing": {"key": "other.pem"}},
    {"telemetry": {"attributes": {"a": "b"}}},
    {"generator": {"kind": "tabular.autoregressive"}},
]


@pytest.mark.parametrize("changes", CHANGES_CONTENT, ids=str)
def test_what_changes_rows_changes_the_content(base: Values, changes: Values) -> None:
    assert read_spec(base | changes).content() != read_spec(base).content()


@pytest.mark.parametrize("changes", KEEPS_CONTENT, ids=str)
def test_what_does_not_change_rows_keeps_the_content(base: Values, changes: Values) -> None:
    assert read_spec(base | changes).content() == read_spec(base).content()


def test_content_of_a_source_with_tables_names_no_place() -> None:
    tables = {"a": {"uri": "s3://b/a.csv", "storage": {"endpoint_url": "http://h:1"}, "primary_key": ["id"]}}
    content = JobSpec.model_validate(
        {"name": "x", "rows": 1, "source": {"tables": tables}, "sink": {"uri": "out"}}
    ).content()

    source = content["source"]
    assert isinstance(source, dict)
    assert source["root"] == "a"
    assert source["tables"]["a"]["primary_key"] == ["id"]
    assert "s3://b" not in str(content)
    assert "http://h" not in str(content)


def test_content_holds_no_integer_beyond_json(base: Values) -> None:
    assert read_spec(base | {"seed": 2**64 - 1}).content()["seed"] == "18446744073709551615"


def test_overrides_change_what_they_name(base: Values) -> None:
    values = base | {"validate": [{"kind": "range", "column": "x"}]}
    spec = read_spec(values).with_overrides(
        [
            "rows=5",
            "sink.uri=s3://b/*x",
            "resources.workers=3",
            "validate[0].action=tag",
            "generator.max_steps=7",
            "name='012'",
            "source.columns={zip: category}",
            "sink.storage={}",
        ]
    )

    assert (spec.rows, spec.sink.uri, spec.resources.workers, spec.name) == (5, "s3://b/*x", 3, "012")
    assert spec.validate_[0].config == {"column": "x", "action": "tag"}
    assert spec.source is not None
    assert list(spec.source.columns) == ["zip"]


def test_override_comes_before_validation(base: Values) -> None:
    del base["rows"]

    assert read_spec(base, overrides=["rows=7"]).rows == 7


def test_override_may_name_a_model_where_the_generator_was_the_default(base: Values) -> None:
    spec = read_spec(base).with_overrides(["model.uri=earlier"])

    assert spec.model is not None
    assert spec.generator is None


def test_empty_override_takes_a_value_away(base: Values) -> None:
    assert read_spec(base | {"model": {"uri": "m"}}).with_overrides(["model="]).model is None


def test_override_does_not_change_the_mapping_it_was_read_from(base: Values) -> None:
    read_spec(base, overrides=["sink.uri=other"])

    assert base["sink"] == {"uri": "out"}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        pytest.param("rows", "has no path=value form", id="no-value"),
        pytest.param("=5", "has no path=value form", id="no-path"),
        pytest.param("sink..uri=x", "has no path=value form", id="empty-step"),
        pytest.param("sink.shardrows=5", "did you mean 'shard_rows'?", id="unknown-key"),
        pytest.param("rows=1e3", "rows: must be a whole number, got 1000.0", id="bad-value"),
        pytest.param("rows=NaN", "rows: must be a whole number, got 'NaN'", id="nan"),
        pytest.param("rows.x=5", "there is no mapping that could hold 'x'", id="into-a-number"),
        pytest.param("validate[0].action=tag", "there is no entry [0]", id="no-entry"),
        pytest.param("source={uri: [}", "the override of source: line 1", id="broken-yaml"),
        pytest.param("sink.storage.secret=hunter2", "sink.storage.secret: looks like", id="credential"),
    ],
)
def test_bad_override_is_refused(base: Values, override: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_spec(base, overrides=[override])

    assert expected in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_store_options_are_read_from_texts() -> None:
    assert read_options(["anon=true", "client.region=eu"]) == {"anon": True, "client": {"region": "eu"}}


def test_store_options_refuse_credentials() -> None:
    with pytest.raises(SpecError, match="looks like a credential") as caught:
        read_options(["client.secret=hunter2"])
    assert "hunter2" not in str(caught.value)


def test_schema_accepts_what_the_spec_accepts(base: Values) -> None:
    schema = json_schema()
    properties = schema["properties"]

    assert isinstance(properties, dict)
    assert set(base) <= set(properties)
    assert "validate" in properties
    assert schema["required"] == ["name", "rows", "sink"]
    assert schema["additionalProperties"] is False


def test_schema_describes_every_key() -> None:
    schema = json_schema()
    parts = schema["$defs"]
    assert isinstance(parts, dict)

    silent = [
        f"{part}.{key}"
        for part, model in {**parts, "JobSpec": schema}.items()
        for key, about in model.get("properties", {}).items()
        # Pydantic leaves out a description that repeats that of the part itself.
        if not about.get("description") and "$ref" not in about
    ]
    assert silent == []
