"""Every bad value is refused with its path, the value, and what to do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

Values = dict[str, Any]
Refused = Callable[[Values], str]

ROWS = "Accepted rows of the root table: 1 to 10^15"
SEED = "0 to 2^64 - 1"
GONE = "credentials come from the environment"


def case(name: str, changes: Values, *expected: str) -> Any:  # noqa: ANN401  # pytest's own type is private
    return pytest.param(changes, expected, id=name)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        case("misspelt-key", {"sed": 1}, "sed: is not a known key", "did you mean 'seed'?"),
        case("unknown-key", {"zzz": 1}, "zzz: is not a known key", "known keys: audit, balance, conditions"),
        case(
            "attribute-name", {"validate_": []}, "validate_: is not a known key", "did you mean 'validate'?"
        ),
        case(
            "nested-misspelt-key",
            {"sink": {"uri": "out", "shardrows": 5}},
            "sink.shardrows: is not a known key",
            "did you mean 'shard_rows'?",
        ),
        case(
            "misspelt-key-in-a-list",
            {"conditions": [{"values": {"a": 1}, "rows": 1}, {"value": {"a": 1}, "rows": 1}]},
            "conditions[1].value: is not a known key",
            "did you mean 'values'?",
        ),
        case(
            "misspelt-key-in-a-table",
            {"source": {"tables": {"a": {"uri": "a.csv", "primarykey": ["id"]}}}},
            "source.tables.a.primarykey: is not a known key",
            "did you mean 'primary_key'?",
        ),
        case(
            "label-key",
            {"resources": {"labels": {"-zone": "a"}}},
            "resources.labels.-zone: is no label of a node",
            "at most 63 letters",
        ),
        case(
            "label-selector",
            {"resources": {"labels": {"zone": "in(a"}}},
            "resources.labels.zone: must choose values of a label, got 'in(a'",
            "!in(value, value)",
        ),
        case(
            "accelerator-without-gpus",
            {"resources": {"accelerator": "H100"}},
            "resources.accelerator: asks for a kind of GPU, but gpus_per_worker is 0",
            "such as 1 or 0.25",
        ),
        case(
            "accelerator-of-a-fallback-without-gpus",
            {"resources": {"market": "spot", "fallback": [{"accelerator": "H100"}]}},
            "resources.fallback[0].accelerator: asks for a kind of GPU",
        ),
        case(
            "accelerator-twice",
            {
                "resources": {
                    "gpus_per_worker": 1,
                    "accelerator": "H100",
                    "labels": {"ray.io/accelerator-type": "H100"},
                }
            },
            "resources.accelerator: says the same as labels.ray.io/accelerator-type",
        ),
        case("market", {"resources": {"market": "cheap"}}, "resources.market: must be", "'spot'"),
        case(
            "fallback-from-nothing",
            {"resources": {"fallback": [{}]}},
            "resources.fallback: is there, but no first choice that it falls back from",
        ),
        case(
            "gpus-one-and-a-half",
            {"resources": {"gpus_per_worker": 1.5}},
            "resources.gpus_per_worker: must be a share of one GPU or a whole number, got 1.5",
        ),
        case(
            "labels-of-this-process",
            {"resources": {"executor": "inline", "labels": {"zone": "a"}}},
            "resources.labels: has no meaning with executor inline",
        ),
        case("rows-0", {"rows": 0}, "rows: must be at least 1, got 0", ROWS),
        case("rows-negative", {"rows": -5}, "rows: must be at least 1, got -5", ROWS),
        case("rows-10^18", {"rows": 10**18}, "rows: must be at most 10^15, got 1000000000000000000", ROWS),
        case("rows-nan", {"rows": math.nan}, "rows: must be a whole number, got nan (a float)", ROWS),
        case("rows-infinite", {"rows": math.inf}, "rows: must be a whole number, got inf (a float)", ROWS),
        case("rows-float", {"rows": 1e6}, "rows: must be a whole number, got 1000000.0", "write 1000000"),
        case("rows-true", {"rows": True}, "rows: must be a whole number, got true", ROWS),
        case("rows-text", {"rows": "1_000"}, "rows: must be a whole number, got '1_000'", "underscores"),
        case("rows-missing", {"rows": None}, "rows: is missing", ROWS),
        case("rows-enormous", {"rows": 10**5000}, "got a number of about 5000 digits", ROWS),
        case("seed-negative", {"seed": -1}, "seed: must be at least 0, got -1", SEED),
        case("seed-2^64", {"seed": 2**64}, "seed: must be at most 2^64 - 1, got 18446744073709551616", SEED),
        case("seed-true", {"seed": True}, "seed: must be a whole number, got true", SEED),
        case("seed-float", {"seed": 1.0}, "seed: must be a whole number, got 1.0", "write 1."),
        case("name-empty", {"name": ""}, "name: is not written as it must be, got ''", "1 to 100 letters"),
        case("name-path", {"name": "../x"}, "name: is not written as it must be, got '../x'", "1 to 100"),
        case("name-newline", {"name": "x\n"}, r"name: is not written as it must be, got 'x\n'", "1 to 100"),
        case("name-long", {"name": "x" * 101}, "name: is not written as it must be", "1 to 100 letters"),
        case("name-number", {"name": 12}, "name: must be text, got 12", "put it in quotes"),
        case("name-surrogate", {"name": "\ud800"}, "name: must be text that UTF-8 can carry", "1 to 100"),
        case("no-source", {"source": None}, "generator: is missing", "give a source to learn from"),
        case(
            "generator-and-model",
            {"generator": {"kind": "tabular.marginals"}, "model": {"uri": "earlier"}},
            "model: cannot stand beside generator",
            "got 'earlier'",
            "remove model or generator",
        ),
        case("generator-kind", {"generator": {"kind": "a b"}}, "generator.kind: is not", "'a b'", "plugins"),
        case("model-digest", {"model": {"uri": "m", "digest": "abc"}}, "model.digest: ", "'abc'", "64 hex"),
        case("sink-missing", {"sink": None}, "sink: is missing", "Where the data set is written"),
        case("sink-text", {"sink": "out"}, "sink: must be a mapping of keys, got 'out'", "Where"),
        case("sink-uri-missing", {"sink": {}}, "sink.uri: is missing", "folder"),
        case("sink-uri-spaces", {"sink": {"uri": " out"}}, "sink.uri: has spaces", "' out'", "alone"),
        case(
            "shard-rows-0", {"sink": {"uri": "o", "shard_rows": 0}}, "sink.shard_rows: ", "got 0", "1 to 10^8"
        ),
        case(
            "too-many-shards",
            {"rows": 10**12, "sink": {"uri": "o", "shard_rows": 1000}},
            "sink.shard_rows: gives 1000000000 shards, at most 10000000",
            "got 1000",
            "use sink.shard_rows: 100000 or more",
        ),
        case(
            "yes-is-text",
            {"sink": {"uri": "o", "keep_rejects": "yes"}},
            "sink.keep_rejects: must be true or false, got 'yes'",
            "without quotes",
        ),
        case("workers-0", {"resources": {"workers": 0}}, "resources.workers: ", "got 0", "each CPU"),
        case("workers-true", {"resources": {"workers": True}}, "resources.workers: ", "got true", "each CPU"),
        case(
            "executor",
            {"resources": {"executor": "rya"}},
            "resources.executor: must be one of 'auto', 'inline' or 'ray', got 'rya'",
            "did you mean 'ray'?",
        ),
        case(
            "inline-with-address",
            {"resources": {"executor": "inline", "address": "ray://head:10001"}},
            "resources.address: has no meaning with executor inline",
            "remove one",
        ),
        case("acceptance-0", {"min_acceptance": 0}, "min_acceptance: must be more than 0, got 0", "(0, 1]"),
        case(
            "acceptance-above-1", {"min_acceptance": 1.5}, "min_acceptance: must be at most 1, got 1.5", "(0"
        ),
        case(
            "validate-mapping", {"validate": {"kind": "range"}}, "validate: must be a list", "1 keys", "Rules"
        ),
        case("validate-kind", {"validate": [{"knd": "range"}]}, "validate[0].kind: is missing", "plugins"),
        case("attribute", {"telemetry": {"attributes": {"a": 1}}}, "telemetry.attributes.a: ", "1", "quotes"),
    ],
)
def test_bad_value_is_refused(refused: Refused, changes: Values, expected: tuple[str, ...]) -> None:
    said = refused(changes)

    assert [part for part in expected if part not in said] == []
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        case(
            "condition-nan",
            {"conditions": [{"values": {"delay": math.nan}, "rows": 1}]},
            "conditions[0].values.delay: must be a finite number, got nan",
            "null for a missing value",
        ),
        case(
            "condition-list",
            {"conditions": [{"values": {"delay": [1, 2]}, "rows": 1}]},
            "conditions[0].values.delay: must be text, a number, true, false or null, got a list of 2",
            "ISO 8601",
        ),
        case(
            "condition-integer-beyond-json",
            {"conditions": [{"values": {"id": 2**53 + 1}, "rows": 1}]},
            "conditions[0].values.id: must be between -2^53 and 2^53",
            "got 9007199254740993",
            "as text",
        ),
        case(
            "condition-empty", {"conditions": [{"values": {}, "rows": 1}]}, "conditions[0].values: ", "1 entr"
        ),
        case(
            "condition-rows-0", {"conditions": [{"values": {"a": 1}, "rows": 0}]}, "conditions[0].rows: ", "0"
        ),
        case(
            "conditions-above-rows",
            {"conditions": [{"values": {"a": 1}, "rows": 600}, {"values": {"a": 2}, "rows": 401}]},
            "conditions: ask for 1001 rows together, but rows is 1000",
            "raise rows",
        ),
        case(
            "shares-above-1",
            {"balance": {"column": "origin", "shares": {"JFK": 0.7, "LGA": 0.4}}},
            "balance.shares: must not add up to more than 1, got 1.1",
            "lower them",
        ),
        case(
            "share-0",
            {"balance": {"column": "origin", "shares": {"JFK": 0}}},
            "balance.shares[0].share: must be more than 0, got 0",
            "(0, 1]",
        ),
        case(
            "share-twice",
            {
                "balance": {
                    "column": "x",
                    "shares": [{"value": 1, "share": 0.5}, {"value": 1.0, "share": 0.1}],
                }
            },
            "balance.shares[1].value: has a share already, got 1.0",
            "add the two",
        ),
        case(
            "shares-empty", {"balance": {"column": "x", "shares": {}}}, "balance.shares: must name", "remove"
        ),
    ],
)
def test_impossible_request_is_refused(refused: Refused, changes: Values, expected: tuple[str, ...]) -> None:
    said = refused(changes)

    assert [part for part in expected if part not in said] == []


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"source": {"uri": "s3://me:hunter2@b/x.csv"}}, "source.uri", id="user-in-source"),
        pytest.param({"sink": {"uri": "s3://me:hunter2@b/x"}}, "sink.uri", id="user-in-sink"),
        pytest.param({"sink": {"uri": "https://h/x?sig=hunter2"}}, "sink.uri", id="signed-uri"),
        pytest.param({"model": {"uri": "s3://hunter2@b/m"}}, "model.uri", id="user-in-model"),
        pytest.param({"signing": {"key": "https://me:hunter2@h/k"}}, "signing.key", id="user-in-key-uri"),
        pytest.param(
            {"sink": {"uri": "o", "storage": {"key": "hunter2"}}}, "sink.storage.key", id="s3fs-key"
        ),
        pytest.param(
            {"sink": {"uri": "o", "storage": {"client_kwargs": {"aws_secret_access_key": "hunter2"}}}},
            "sink.storage.client_kwargs.aws_secret_access_key",
            id="nested-secret",
        ),
        pytest.param(
            {"source": {"uri": "x.csv", "storage": {"token": "hunter2"}}}, "source.storage.token", id="token"
        ),
        pytest.param(
            {"source": {"uri": "x.csv", "options": {"proxy": "http://me:hunter2@h"}}},
            "source.options.proxy",
            id="user-in-an-option",
        ),
        pytest.param(
            {"generator": {"kind": "text", "api_key": "hunter2"}}, "generator.api_key", id="generator-api-key"
        ),
        pytest.param(
            {"validate": [{"kind": "x"}, {"kind": "judge", "headers": [{"authorization": "hunter2"}]}]},
            "validate[1].headers[0].authorization",
            id="operator-header",
        ),
    ],
)
def test_credential_is_refused_and_never_repeated(refused: Refused, changes: Values, path: str) -> None:
    said = refused(changes)

    assert said.startswith(f"{path}: ")
    assert GONE in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"passwrd": "hunter2", "rows": "hunter2"} | {"rows": 0}, id="unknown-key"),
        pytest.param({"sink": {"uri": "o", "format": "s3://me:hunter2@b"}}, id="wrong-place"),
        pytest.param(
            {"rows": 0, "sink": {"uri": "o", "storage": {"secret": "hunter2"}}}, id="another-problem"
        ),
        pytest.param({"sink": {"uri": "o", "storage": ["secret", "hunter2"]}}, id="wrong-type"),
    ],
)
def test_message_about_something_else_does_not_repeat_a_credential(refused: Refused, changes: Values) -> None:
    assert "hunter2" not in refused(changes)


def test_every_problem_is_listed_at_once(refused: Refused) -> None:
    said = refused({"rows": 0, "seed": -1, "sink": {"uri": "o", "shard_rows": "5"}, "nmae": "x"})

    assert said.startswith("the spec has 4 problems:\n")
    for path in ("rows: ", "seed: ", "sink.shard_rows: ", "nmae: "):
        assert f"\n  {path}" in said


def test_long_list_of_problems_is_cut(refused: Refused) -> None:
    said = refused({"conditions": [{"values": {"a": 1}, "rows": 0}] * 50})

    assert said.startswith("the spec has 50 problems:")
    assert said.endswith("and 30 more")


def test_ordinary_option_names_are_no_credentials(base: Values) -> None:
    from mintage.spec import read_spec

    spec = read_spec(
        base
        | {
            "generator": {"kind": "text", "key": "id", "max_tokens": 5, "mask_token": "<m>"},
            "validate": [{"kind": "near_copy", "key": ["tailnum"], "primary_key": "id"}],
            "sink": {"uri": "s3://bucket/a@b", "storage": {"endpoint_url": "http://h:9000", "token": None}},
        }
    )

    assert spec.generator is not None
    assert spec.generator.config == {"key": "id", "max_tokens": 5, "mask_token": "<m>"}
