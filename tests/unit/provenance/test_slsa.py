from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mintage.errors import ProvenanceError
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_of
from mintage.provenance.facts import Facts, check_builder
from mintage.provenance.heads import latest_head, read_statement
from mintage.provenance.layout import PLAN, head_path, statements_path
from mintage.provenance.manifest import read_manifest
from mintage.provenance.signing import unverified_payload
from mintage.provenance.slsa import PROVENANCE_TYPE, Provenance, build_provenance

if TYPE_CHECKING:
    from tests.unit.provenance.conftest import Minter

ROOT = digest_of(b"root")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEPENDENCIES: list[dict[str, object]] = [
    {"name": "source", "digest": {"sha256": "ab" * 32}, "annotations": {"digestOf": "mintage-source/1"}},
    {"name": "torch", "uri": "pkg:pypi/torch@2.13.0"},
    {"name": "shop-model", "uri": "pkg:pypi/shop-model@1", "digest": {"gitCommit": COMMIT}},
]


@pytest.fixture
def payload(make_facts: Callable[..., Mapping[str, object]]) -> bytes:
    """The provenance of a run with three dependencies."""
    facts = Facts.of(make_facts(dependencies=DEPENDENCIES))
    return build_provenance(facts, ROOT, {"seed": str(2**63)})


def test_provenance_is_slsa_with_the_spec_outside_and_the_plan_inside(payload: bytes) -> None:
    value = json.loads(payload)
    assert canonical_json(value) == payload
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["predicateType"] == PROVENANCE_TYPE == "https://slsa.dev/provenance/v1"
    definition = value["predicate"]["buildDefinition"]
    assert definition["buildType"] == "https://mintage.dev/synthesis/v1"
    assert definition["externalParameters"] == {"name": "shop", "rows": 60}
    assert definition["internalParameters"] == {"plan": {"seed": str(2**63)}}
    assert value["predicate"]["runDetails"] == {
        "builder": {
            "id": "https://mintage.dev/builder/self-hosted/v1", "version": {"mintage": "0.1.0"},
        },
        "metadata": {
            "invocationId": "run-1", "startedOn": "2026-01-01T00:00:00Z",
            "finishedOn": "2026-01-01T00:10:00Z",
        },
    }  # fmt: skip


def test_what_has_no_digest_is_marked_as_mutable_and_nothing_else_is(payload: bytes) -> None:
    found = json.loads(payload)["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert found == [
        DEPENDENCIES[0],
        {**DEPENDENCIES[1], "annotations": {"mutable": True}},
        DEPENDENCIES[2],
    ]


def test_provenance_comes_back_as_it_was_written(payload: bytes) -> None:
    made = Provenance.from_payload(payload)
    assert (made.name, made.root, made.run_id) == ("shop", ROOT, "run-1")
    assert made.spec == {"name": "shop", "rows": 60}
    assert made.plan_digest == digest_of(canonical_json({"seed": str(2**63)}))
    assert (made.builder, made.versions) == (
        "https://mintage.dev/builder/self-hosted/v1",
        {"mintage": "0.1.0"},
    )
    assert [dependency.name for dependency in made.dependencies] == ["source", "torch", "shop-model"]


@pytest.mark.parametrize(
    "builder", ["mintage", "", "http//x", "https://a b", "https://a\n", "HTTPS://a", "x" * 5000 + ":a"]
)
def test_a_builder_that_is_no_uri_is_refused(
    make_facts: Callable[..., Mapping[str, object]], builder: str
) -> None:
    with pytest.raises(ProvenanceError, match=r"builder\.id"):
        Facts.of(make_facts(builder={"id": builder, "versions": {}}))
    with pytest.raises(ProvenanceError, match="is not a URI") as caught:
        check_builder(builder)
    assert "MINTAGE_BUILDER_ID" in caught.value.hint


SPOIL: dict[str, Callable[[dict[str, Any]], object]] = {
    "another build type": lambda p: p["buildDefinition"].update(buildType="https://example.org/ci/v1"),
    "no build definition": lambda p: p.pop("buildDefinition"),
    "no parameters": lambda p: p["buildDefinition"].pop("externalParameters"),
    "no plan": lambda p: p["buildDefinition"]["internalParameters"].pop("plan"),
    "no builder": lambda p: p["runDetails"].pop("builder"),
    "a nameless dependency": lambda p: p["buildDefinition"]["resolvedDependencies"][0].pop("name"),
}


@pytest.mark.parametrize("spoil", SPOIL.values(), ids=SPOIL)
def test_provenance_is_refused_with(payload: bytes, spoil: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads(payload)
    spoil(value["predicate"])
    with pytest.raises(ProvenanceError, match="provenance is"):
        Provenance.from_payload(canonical_json(value))


def test_a_version_says_how_it_was_made(attested: Minter) -> None:
    report = attested.verify()
    assert report.ok
    assert report.notes == []
    assert report.provenance is not None
    assert report.to_json()["builder"] == "https://mintage.dev/builder/self-hosted/v1"
    plan = attested.store.read(PLAN, max_bytes=10**6)
    assert canonical_json(dict(report.provenance.plan)) == plan
    head = latest_head(attested.store)
    assert head is not None
    assert read_manifest(attested.store, head).provenance() == report.provenance


def forge(
    minter: Minter, root: Path, change: Callable[[dict[str, Any]], object], copies: int = 1
) -> set[str]:
    """Have the right key sign another provenance, name it in the statement, and verify."""
    head = latest_head(minter.store)
    assert head is not None
    value: Any = dict(read_statement(minter.store, head, None).json)
    made = json.loads(unverified_payload((root / statements_path(1)).read_bytes().splitlines()[1]))
    others = []
    for number in range(copies):
        change(made)
        made["predicate"]["runDetails"]["metadata"]["finishedOn"] = f"2026-01-01T00:11:0{number}Z"
        others.append(canonical_json(made))
    named = [{"predicateType": PROVENANCE_TYPE, "digest": digest_of(other)} for other in others]
    value["predicate"]["statements"] = named
    payload = canonical_json(value)
    lines = [minter.signer.sign(one) for one in (payload, *others)]
    (root / statements_path(1)).write_bytes(b"\n".join(lines) + b"\n")
    (root / head_path(1)).write_bytes(head.model_copy(update={"statement": digest_of(payload)}).to_bytes())
    return {failure.code for failure in minter.verify().failures}


FORGED: dict[str, tuple[Callable[[dict[str, Any]], object], set[str]]] = {
    "the same again": (lambda _: None, set()),
    "of another root": (
        lambda made: made["subject"][0]["digest"].update(sha256="ab" * 32), {"wrong-subject"},
    ),
    "of another name": (lambda made: made["subject"][0].update(name="other"), {"wrong-subject"}),
    "with another plan": (
        lambda made: made["predicate"]["buildDefinition"]["internalParameters"]["plan"].update(seed="8"),
        {"bad-statement"},
    ),
    "of another run": (
        lambda made: made["predicate"]["runDetails"]["metadata"].update(invocationId="run-2"),
        {"bad-statement"},
    ),
    "of another build type": (
        lambda made: made["predicate"]["buildDefinition"].update(buildType="https://example.org/v1"),
        {"bad-statement"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), FORGED.values(), ids=FORGED)
def test_signed_provenance_is_judged(
    attested: Minter, root: Path, change: Callable[[dict[str, Any]], object], expected: set[str]
) -> None:
    assert forge(attested, root, change) == expected


def test_two_stories_of_how_a_version_was_made_are_one_too_many(attested: Minter, root: Path) -> None:
    assert forge(attested, root, lambda _: None, copies=2) == {"bad-statement"}


def test_a_version_without_provenance_is_verified_but_said_to_have_none(attested: Minter, root: Path) -> None:
    assert forge(attested, root, lambda _: None, copies=0) == set()
    report = attested.verify()
    assert report.provenance is None
    assert any("SLSA" in note for note in report.notes)
