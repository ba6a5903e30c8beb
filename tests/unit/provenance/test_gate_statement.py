from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mintage.errors import ProvenanceError
from mintage.provenance.attachments import describe
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_of
from mintage.provenance.gate_statement import (
    GateStatement,
    TestResult,
    build_test_result,
    sign_test_result,
)
from mintage.provenance.signing import Signer, verify

ROOT = digest_of(b"root")
POLICY = {"tstr": {"min": 0.8}, "accuracy": {"min": 0.5, "action": "warn"}, "shape_error": {"max": 2.0}}
FILES = {"report.json": b"{}"}
RESULT = TestResult.of(POLICY, {"tstr": "fail", "accuracy": "warn", "shape_error": "pass"})


def test_it_is_an_in_toto_test_result() -> None:
    value = json.loads(build_test_result("shop", ROOT, RESULT, describe(FILES)))
    assert value == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "shop", "digest": {"sha256": ROOT.removeprefix("sha256:")}}],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": "FAILED",
            "configuration": [
                {
                    "name": "gates",
                    "digest": {"sha256": digest_of(canonical_json(POLICY)).removeprefix("sha256:")},
                }
            ],
            "passedTests": ["shape_error"],
            "warnedTests": ["accuracy"],
            "failedTests": ["tstr"],
            "mintageReport": {"report.json": {"sha256": digest_of(b"{}")[7:], "bytes": "2"}},
        },
    }


def test_it_comes_back_as_it_was_signed(signer: Signer) -> None:
    line = sign_test_result(signer, name="shop", root=ROOT, result=RESULT, attachments=FILES)
    assert b"\n" not in line
    statement = GateStatement.from_payload(verify(line, [signer.public_key]))
    assert (statement.name, statement.root, statement.result) == ("shop", ROOT, RESULT)
    assert statement.report == describe(FILES)


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ({"a": "pass", "b": "pass"}, "PASSED"),
        ({"a": "pass", "b": "warn"}, "WARNED"),
        ({"a": "fail", "b": "warn"}, "FAILED"),
    ],
    ids=["passed", "warned", "failed"],
)
def test_the_worst_gate_is_the_result(outcomes: dict[str, Any], status: str) -> None:
    assert TestResult.of({name: {"max": 1} for name in outcomes}, outcomes).status == status


def test_the_digest_of_the_policy_does_not_depend_on_its_order() -> None:
    outcomes: dict[str, Any] = dict.fromkeys(POLICY, "pass")
    assert TestResult.of(dict(reversed(POLICY.items())), outcomes) == TestResult.of(POLICY, outcomes)


def test_gates_without_an_outcome_cannot_be_signed() -> None:
    with pytest.raises(ProvenanceError, match="gates and outcomes differ: accuracy"):
        TestResult.of(POLICY, {"tstr": "pass", "shape_error": "pass"})
    with pytest.raises(ProvenanceError, match="without any test says nothing"):
        TestResult.of({}, {})


SPOIL: dict[str, Callable[[dict[str, Any]], object]] = {
    "another predicate type": lambda value: value.update(predicateType="https://slsa.dev/provenance/v1"),
    "no subject": lambda value: value.update(subject=[]),
    "no predicate": lambda value: value.pop("predicate"),
    "a predicate that is no object": lambda value: value.update(predicate=7),
    "an unknown result": lambda value: value["predicate"].update(result="SKIPPED"),
    "a result that its tests contradict": lambda value: value["predicate"].update(result="PASSED"),
    "no configuration": lambda value: value["predicate"].update(configuration=[]),
    "a configuration without a digest": lambda value: value["predicate"]["configuration"][0].update(
        digest={}
    ),
    "a test in two lists": lambda value: value["predicate"]["passedTests"].append("tstr"),
    "no tests": lambda value: value["predicate"].update(passedTests=[], warnedTests=[], failedTests=[]),
    "an attachment with a path": lambda value: value["predicate"].update(
        mintageReport={"../x.html": {"sha256": "0" * 64, "bytes": "1"}}
    ),
}


@pytest.mark.parametrize("spoil", SPOIL.values(), ids=SPOIL)
def test_it_is_refused_with(spoil: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads(build_test_result("shop", ROOT, RESULT, describe(FILES)))
    spoil(value)
    with pytest.raises(ProvenanceError):
        GateStatement.from_payload(canonical_json(value))


def test_keys_of_a_later_version_are_left_alone() -> None:
    value = json.loads(build_test_result("shop", ROOT, RESULT, {}))
    value["predicate"]["url"] = "https://example.org/run/1"
    value["predicate"]["configuration"][0]["uri"] = "x"
    assert GateStatement.from_payload(canonical_json(value)).result == RESULT
