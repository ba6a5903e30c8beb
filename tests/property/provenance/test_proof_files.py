"""Whatever is done to a proof file, a policy or a journal: no other part passes, and nothing breaks."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintage.contracts import DatasetSchema, TableSchema
from mintage.errors import SpecError
from mintage.provenance._version import VersionWriter
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_of
from mintage.provenance.facts import Facts
from mintage.provenance.layout import commit_path, head_path, statements_path
from mintage.provenance.policy import Policy
from mintage.provenance.proofs import make_proof, verify_proof
from mintage.provenance.records import CommitRecord, ShardRecord, TableRecord, VerdictCounts, schema_id
from mintage.provenance.signing import PublicKey, Signer, generate_key
from mintage.provenance.statements import Head, build_statement
from mintage.store import ObjectStore

PART = b"the rows of shard 3"
SHARDS = 6
SCHEMA = DatasetSchema(tables=(TableSchema.of("t", pa.schema({"n": pa.int64()})),), root="t")


class Proved(NamedTuple):
    """A proof file, its part in a store, and whom to trust."""

    proof: bytes
    store: ObjectStore
    policy: Policy


def commit(index: int, part: bytes) -> CommitRecord:
    table = TableRecord(
        rows=1,
        bytes=len(part),
        sha256=hashlib.sha256(part).hexdigest(),
        content=digest_of(b""),
        schema_id=schema_id(SCHEMA.table("t")),
        statistics=[],
        verdicts=VerdictCounts(drawn=1, accepted=1),
    )
    record = ShardRecord(index=index, seed_path=f"7/{index}", model=None, tables={"t": table})
    return CommitRecord(
        plan=digest_of(b"plan"), run_id="run", attempt="a", worker="w", started="", finished="",
        parts={"t": f"data/t/part-{index:06d}-a"}, record=record,
    )  # fmt: skip


def facts() -> Facts:
    return Facts.of(
        {
            "name": "t", "run_id": "run", "spec": {}, "schema": SCHEMA.to_json(), "kind": "rules",
            "model": {"digest": None, "kind": "rules"}, "source": None, "determinism": "bytes",
            "builder": {"id": "https://example.org/builder", "versions": {}},
            "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:00Z",
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory) -> Proved:
    folder = tmp_path_factory.mktemp("proved")
    signer = Signer.load(generate_key(folder / "key").private_path)
    store = ObjectStore.open(str(folder / "set"))
    commits = [commit(index, PART if index == 3 else b"others") for index in range(SHARDS)]
    with VersionWriter(store, 1) as writer:
        for one in commits:
            writer.add(one)
        folded = writer.finish([])
    payload = build_statement(facts(), folded, plan_digest=commits[0].plan, version=1, previous=None)
    store.create(statements_path(1), signer.sign(payload) + b"\n")
    head = Head(version=1, statement=digest_of(payload), size=SHARDS, root=folded.root)
    store.create(head_path(1), head.to_bytes())
    store.create(commit_path(3), commits[3].to_bytes())
    store.create("part", PART)
    return Proved(make_proof(store, 3), store, Policy.trusting([signer.public_key]))


def passes(proved: Proved, proof: bytes, path: str = "part") -> bool:
    return verify_proof(proof, proved.store, path, proved.policy).ok


def test_the_proof_holds(proved: Proved) -> None:
    assert passes(proved, proved.proof)


@given(data=st.data())
def test_no_changed_byte_makes_a_proof_say_something_else(proved: Proved, data: st.DataObject) -> None:
    changed = bytearray(proved.proof)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    if passes(proved, bytes(changed)):
        before, after = json.loads(proved.proof), json.loads(changed)
        # Only what is no part of the proof may differ: base64 has spare bits, and a path's attempt is a name.
        assert (before["record"], before["proof"], before["place"]) == (
            after["record"], after["proof"], after["place"]
        )  # fmt: skip


PLACES = ("statements", "attestations", "place", "proof", "record", "parts", "format")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(place=st.sampled_from(PLACES), value=VALUES)
def test_any_value_in_any_place_is_refused_in_order(proved: Proved, place: str, value: object) -> None:
    proof = json.loads(proved.proof)
    if proof[place] == value:
        return
    report = verify_proof(json.dumps(proof | {place: value}).encode(), proved.store, "part", proved.policy)
    assert not report.ok
    assert report.checked.parts == 0


@given(steps=st.lists(st.binary(min_size=32, max_size=32), max_size=5))
def test_made_up_hashes_lead_nowhere(proved: Proved, steps: list[bytes]) -> None:
    proof = json.loads(proved.proof) | {"proof": [step.hex() for step in steps]}
    assert not passes(proved, canonical_json(proof))


@given(keep=st.integers(0, 3), order=st.permutations(range(3)))
def test_other_orders_and_lengths_of_true_hashes_lead_nowhere(
    proved: Proved, keep: int, order: list[int]
) -> None:
    proof = json.loads(proved.proof)
    assert len(proof["proof"]) == 3
    steps = [proof["proof"][step] for step in order][:keep]
    if steps != proof["proof"]:
        assert not passes(proved, canonical_json(proof | {"proof": steps}))


@given(value=VALUES)
def test_any_value_is_a_policy_or_a_spec_error(value: object) -> None:
    with pytest.raises(SpecError):
        Policy.of(value, load_key=PublicKey.load)


@given(
    place=st.sampled_from(["keys", "roles", "require", "min_version", "reviews", "lineage", "builders"]),
    value=VALUES,
)
def test_any_value_in_any_place_of_a_policy_is_accepted_or_a_spec_error(
    proved: Proved, place: str, value: object
) -> None:
    values: dict[str, Any] = {
        "format": "mintage-policy/1",
        "keys": {"one": {"pem": proved.policy.keys[0].pem.decode()}},
        "roles": {"builder": {"keys": ["one"]}},
    }
    try:
        policy = Policy.of(values | {place: value}, load_key=_no_file)
    except SpecError:
        return
    assert policy.threshold("builder") == 1


def _no_file(name: str) -> PublicKey:
    return PublicKey.load(Path("/nowhere") / name.replace("\0", ""))
