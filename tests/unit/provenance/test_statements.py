from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mintage.errors import ProvenanceError
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_of
from mintage.provenance.facts import Facts
from mintage.provenance.statements import Folded, Statement, build_statement
from mintage.provenance.totals import Totals

ROOT, CONTENT = digest_of(b"root"), digest_of(b"content")


@pytest.fixture
def payload(make_facts: Callable[..., Mapping[str, object]]) -> bytes:
    """A statement about a data set of two shards."""
    totals = Totals()
    totals.rows["orders"] = 2**60
    totals.bytes["orders"] = 5
    totals.rejected["orders"] = totals.tagged["orders"] = type(totals.rows)()
    folded = Folded(size=2, root=ROOT, content_root=CONTENT, totals=totals, abandoned=[])
    return build_statement(
        Facts.of(make_facts()),
        folded,
        plan_digest=digest_of(b"plan"),
        version=1,
        previous=None,
    )


def test_a_statement_comes_back_with_exact_numbers(payload: bytes) -> None:
    statement = Statement.from_payload(payload)
    assert (statement.name, statement.root) == ("shop", ROOT)
    assert statement.predicate.tables["orders"].rows == 2**60
    assert statement.predicate.tree.size == 2
    assert statement.schema.names == ("orders", "lines")


def test_a_statement_is_canonical_in_toto(payload: bytes) -> None:
    value = json.loads(payload)
    assert canonical_json(value) == payload
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["predicateType"] == "https://mintage.dev/attestation/synthetic-dataset/v1"


def test_keys_of_a_later_version_are_left_alone(payload: bytes) -> None:
    value = json.loads(payload)
    value["predicate"]["quality"] = {"score": 1}
    value["predicate"]["tree"]["uri"] = "x"
    assert Statement.from_payload(canonical_json(value)).root == ROOT


SPOIL: dict[str, Callable[[dict[str, Any]], object]] = {
    "another statement type": lambda value: value.update(_type="https://in-toto.io/Statement/v0.1"),
    "another predicate type": lambda value: value.update(predicateType="https://slsa.dev/provenance/v1"),
    "no subject": lambda value: value.update(subject=[]),
    "two subjects": lambda value: value.update(subject=value["subject"] * 2),
    "a subject without a digest": lambda value: value["subject"][0].pop("digest"),
    "a short digest": lambda value: value["subject"][0]["digest"].update(sha256="ab"),
    "a digest that is no text": lambda value: value["subject"][0]["digest"].update(sha256=7),
    "another root than its subject": lambda value: value["predicate"]["tree"].update(root=CONTENT),
    "another tree algorithm": lambda value: value["predicate"]["tree"].update(algorithm="MD5"),
    "another layout": lambda value: value["predicate"]["tree"].update(layout="x"),
    "another content algorithm": lambda value: value["predicate"]["content"].update(algorithm="x"),
    "no predicate": lambda value: value.pop("predicate"),
    "a missing key": lambda value: value["predicate"].pop("planDigest"),
    "a broken schema": lambda value: value["predicate"].update(schema={"root": "x"}),
    "a schema of unknown types": lambda value: value["predicate"]["schema"]["tables"][0]["columns"][0].update(
        type="x"
    ),
    "too many abandoned names": lambda value: value["predicate"]["abandoned"].update(names=["x"] * 1001),
}


@pytest.mark.parametrize("spoil", SPOIL.values(), ids=SPOIL)
def test_a_statement_is_refused_with(payload: bytes, spoil: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads(payload)
    spoil(value)
    with pytest.raises(ProvenanceError):
        Statement.from_payload(canonical_json(value))


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b"\xff"], ids=str)
def test_what_is_no_statement_is_refused(data: bytes) -> None:
    with pytest.raises(ProvenanceError):
        Statement.from_payload(data)


def test_a_statement_that_a_verifier_would_not_read_is_not_made(
    make_facts: Callable[..., Mapping[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mintage.provenance.statements.MAX_STATEMENT_BYTES", 100)
    folded = Folded(size=1, root=ROOT, content_root=CONTENT, totals=Totals(), abandoned=[])
    with pytest.raises(ProvenanceError, match="where 100 are allowed"):
        build_statement(Facts.of(make_facts()), folded, plan_digest=ROOT, version=1, previous=None)
