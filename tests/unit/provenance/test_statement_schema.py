"""The published JSON Schema and what is signed are one and the same; neither can change alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from mintage.provenance.append import Append
from mintage.provenance.attachments import MAX_ATTACHMENTS, describe
from mintage.provenance.digests import digest_of
from mintage.provenance.facts import Facts
from mintage.provenance.heads import latest_head, read_statement
from mintage.provenance.lineage import Waiver, unattested
from mintage.provenance.slsa import PROVENANCE_TYPE
from mintage.provenance.statements import (
    MAX_ABANDONED,
    MAX_OTHERS,
    PREDICATE_TYPE,
    Beside,
    Folded,
    Named,
    Predicate,
    build_statement,
)
from mintage.provenance.totals import Totals
from tests.unit.provenance.conftest import REPORT

if TYPE_CHECKING:
    from tests.unit.provenance.conftest import Minter

ROOT = digest_of(b"root")
PRIVATE = {
    "epsilon": 1.0, "delta": 1e-6, "unit": "row", "neighbours": "add or remove a row", "accountant": "rdp",
    "mechanisms": [{"name": "gaussian"}], "not_covered": ["the number of rows"],
}  # fmt: skip
WAIVER = Waiver(reason="a trial", problems=("max_generation: unknown",))
VARIANTS: dict[str, dict[str, object]] = {
    "plain": {},
    "measured": {"environment": {"versions": {"torch": "2.13.0"}, "hardware": {"cpu": "x86"}}},
    "audited": {
        "probes": [
            {"shard": 17, "result": "confirmed", "equality": "bytes", "worker": "a/1", "committed_by": "b/2"}
        ]
    },
    "waived": {"lineage": unattested(ROOT).model_copy(update={"waiver": WAIVER})},
    "from nothing": {"source": None, "model": {"digest": None, "kind": "rules.orders"}},
    "private": {"model": {"digest": ROOT, "kind": "tabular.dp_marginals", "fit": {"privacy": PRIVATE}}},
    "not private": {"model": {"digest": ROOT, "kind": "x", "fit": {"privacy": {"no_claim": "leaks"}}}},
}  # fmt: skip
"""Facts of runs that together use every key of a statement; one that uses a new key goes in here."""

FREE = {"schema", "fit", "mechanisms", "notCovered"}
"""Keys whose contents belong to others: generators, the schema of the contracts."""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    file = Path(__file__).parents[3] / "docs/provenance/synthetic-dataset-v1.schema.json"
    value = json.loads(file.read_bytes())
    Draft202012Validator.check_schema(value)
    assert isinstance(value, dict)
    return value


@pytest.fixture
def statements(make_facts: Callable[..., Mapping[str, object]]) -> list[dict[str, Any]]:
    """Statements of every variant."""
    totals = Totals()
    totals.rows["orders"] = 2**60
    totals.bytes["orders"] = 5
    totals.rejected["orders"] = totals.tagged["orders"] = Counter({"range:price": 2})
    folded = Folded(size=2, root=ROOT, content_root=ROOT, totals=totals, abandoned=["data/x/part-000000-a"])
    beside = Beside(report=describe(REPORT), statements=(Named(PROVENANCE_TYPE, ROOT),))
    append = Append(size=1, root=ROOT, proof=["ab" * 32])
    build = partial(build_statement, plan_digest=ROOT, version=2, previous=ROOT, beside=beside, append=append)
    return [json.loads(build(Facts.of(make_facts(**changes)), folded)) for changes in VARIANTS.values()]


def test_every_statement_we_build_is_valid(
    schema: dict[str, Any], statements: list[dict[str, Any]], minted: Minter
) -> None:
    head = minted.attest(attachments=REPORT)
    made: Any = read_statement(minted.store, head, None).json
    for statement in [*statements, made]:
        Draft202012Validator(schema).validate(statement)
    assert latest_head(minted.store) == head


def test_every_key_that_we_sign_is_described_and_every_described_key_is_signed(
    schema: dict[str, Any], statements: list[dict[str, Any]]
) -> None:
    signed = {path for statement in statements for path in paths(statement)}
    assert set(described(schema, schema)) == signed


def test_the_schema_demands_what_a_verifier_demands(schema: dict[str, Any]) -> None:
    required = {field.alias or name for name, field in Predicate.model_fields.items() if field.is_required()}
    assert required <= set(schema["$defs"]["predicate"]["required"])
    predicate = schema["$defs"]["predicate"]["properties"]
    assert predicate["report"]["maxProperties"] == MAX_ATTACHMENTS
    assert predicate["statements"]["maxItems"] == MAX_OTHERS
    assert predicate["abandoned"]["properties"]["names"]["maxItems"] == MAX_ABANDONED
    assert schema["properties"]["predicateType"]["const"] == PREDICATE_TYPE


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p.pop("planDigest"),
        lambda p: p.update(version=1),
        lambda p: p["tree"].update(size="03"),
        lambda p: p["tree"].update(root="sha256:ab"),
        lambda p: p["determinism"].update(claimed="perhaps"),
        lambda p: p["lineage"].update(realFraction="2"),
        lambda p: p["statements"][0].pop("digest"),
        lambda p: p.update(tables={}),
    ],
    ids=["no plan", "a number", "leading zero", "short root", "determinism", "fraction", "digest", "tables"],
)
def test_a_statement_that_says_too_little_is_not_valid(
    schema: dict[str, Any], statements: list[dict[str, Any]], spoil: Callable[[dict[str, Any]], object]
) -> None:
    spoil(statements[0]["predicate"])
    assert not Draft202012Validator(schema).is_valid(statements[0])


def paths(value: object, path: str = "") -> Iterator[str]:
    """The keys of a statement, as a/b/c; names that people choose are `*`."""
    if isinstance(value, list):
        for item in value:
            yield from paths(item, f"{path}[]")
    if not isinstance(value, dict) or path.rpartition("/")[2].removesuffix("[]") in FREE:
        return
    named = path.endswith(
        ("/report", "/tables", "/verdicts", "/rejected", "/tagged", "/environments", "/versions", "/hardware")
    )
    for key, item in value.items():
        inner = f"{path}/{'*' if named else key}"
        yield inner
        yield from paths(item, inner)


def described(schema: dict[str, Any], part: dict[str, Any], path: str = "") -> Iterator[str]:
    """The same of the schema."""
    if "$ref" in part:
        part = {**part, **schema["$defs"][part["$ref"].rpartition("/")[2]]}
    for alternative in part.get("anyOf", []):
        yield from described(schema, alternative, path)
    if "items" in part:
        yield from described(schema, part["items"], f"{path}[]")
    if path.rpartition("/")[2].removesuffix("[]") in FREE:
        return
    properties = {**part.get("properties", {})}
    if isinstance(part.get("additionalProperties"), dict):
        properties["*"] = part["additionalProperties"]
    for key, item in properties.items():
        inner = f"{path}/{key}"
        yield inner
        yield from described(schema, item, inner)
