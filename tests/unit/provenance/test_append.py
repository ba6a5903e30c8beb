"""A version that begins with an older one: what is proved of it, what is found when it is not so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mintage.errors import ProvenanceError, StoreUnavailableError
from mintage.provenance.append import Append
from mintage.provenance.bases import Base
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_of
from mintage.provenance.heads import latest_head, read_head, read_statement
from mintage.provenance.layout import commit_path, head_path, plan_path, statements_path
from mintage.provenance.manifest import attest
from mintage.provenance.merkle import MerkleTree, Tile, TileReader, leaf_hash
from mintage.provenance.scope import Scope
from mintage.provenance.signing import Signer, generate_key
from mintage.provenance.statements import Head
from mintage.store import ObjectStore
from tests.unit.provenance.crashing import CrashingStore

if TYPE_CHECKING:
    from tests.unit.provenance.conftest import Minter

MODEL = digest_of(b"a model")


def plan_of(first: int) -> dict[str, object]:
    """A later plan."""
    return {"format": "mintage-plan/1", "run_id": f"run-{first}", "seed": "8", "first_shard": str(first)}


def mint_more(minter: Minter, first: int = 3, shards: int = 2) -> None:
    """Commit the shards of a later plan."""
    plan = canonical_json(plan_of(first))
    minter.store.create(plan_path(first), plan)
    for index in range(first, first + shards):
        minter.commit(index, changes={"plan": digest_of(plan), "run_id": f"run-{first}"})


def attest_more(
    minter: Minter,
    facts: Callable[..., Mapping[str, object]],
    first: int = 3,
    shards: int = 2,
    *,
    store: ObjectStore | None = None,
    base: Base | None = None,
    **changes: object,
) -> Head:
    """Attest a later plan."""
    plan = plan_of(first)
    return attest(
        store or minter.store,
        plan=plan,
        plan_digest=digest_of(canonical_json(plan)),
        shards=shards,
        first_shard=first,
        base=base,
        facts=facts(run_id=f"run-{first}", **changes),
        signer=minter.signer,
        workers=2,
    )


def base_of(minter: Minter, version: int | None = None) -> Base:
    return Base.read(minter.store, [minter.signer.public_key], version)


@pytest.fixture
def appended(attested: Minter, make_facts: Callable[..., Mapping[str, object]]) -> Minter:
    """A data set of three shards, and two more in its second version."""
    mint_more(attested)
    attest_more(attested, make_facts, base=base_of(attested))
    return attested


def predicate(minter: Minter, version: int) -> dict[str, Any]:
    value = read_statement(minter.store, read_head(minter.store, version), None).json["predicate"]
    assert isinstance(value, dict)
    return value


def rewrite(minter: Minter, root: Path, version: int, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what a version says, and sign it again: a signer who lies."""
    path = root / statements_path(version)
    head = read_head(minter.store, version)
    value = json.loads(json.dumps(read_statement(minter.store, head, None).json))
    change(value["predicate"])
    payload = canonical_json(value)
    others = path.read_bytes().splitlines(keepends=True)[1:]
    path.write_bytes(minter.signer.sign(payload) + b"\n" + b"".join(others))
    changed = head.model_copy(update={"statement": digest_of(payload)})
    (root / head_path(version)).write_bytes(changed.to_bytes())


def codes(minter: Minter, **options: Any) -> set[str]:  # noqa: ANN401  # those of verify
    return {failure.code for failure in minter.verify(**options).failures}


def test_an_append_verifies_and_proves_its_beginning(appended: Minter) -> None:
    report = appended.verify()
    assert report.ok, report.failures
    assert (report.checked.shards, report.checked.parts) == (5, 10)
    append = Append.model_validate(predicate(appended, 2)["append"])
    old, new = (read_head(appended.store, version) for version in (1, 2))
    assert (append.size, append.root) == (3, old.root)
    assert append.holds(5, new.root)
    assert not append.holds(5, old.root)
    assert not append.model_copy(update={"size": 2}).holds(5, new.root)
    assert predicate(appended, 2)["previous"] == old.statement


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_version_is_the_same_however_often_it_crashed(
    attested: Minter, root: Path, make_facts: Callable[..., Mapping[str, object]], *, after: bool
) -> None:
    mint_more(attested)
    base = base_of(attested)
    number, head = 0, None
    while head is None:
        store = CrashingStore.open(str(root)).crash_at(number, after=after)
        try:
            head = attest_more(attested, make_facts, base=base, store=store)
        except StoreUnavailableError:
            number += 1
            assert codes(attested) == set(), number
    assert number >= 4
    assert (head.version, head.size) == (2, 5)
    assert predicate(attested, 2)["append"]["size"] == "3"
    assert attested.verify().ok


def test_shards_that_are_not_those_that_were_signed_are_not_signed_again(
    attested: Minter, root: Path, make_facts: Callable[..., Mapping[str, object]]
) -> None:
    mint_more(attested)
    base = base_of(attested)
    path = root / commit_path(1)
    value = json.loads(path.read_bytes())
    value["record"]["tables"]["orders"]["verdicts"]["drawn"] = "23"
    path.write_bytes(canonical_json(value))
    with pytest.raises(ProvenanceError, match="first 3 shards are not those with the root"):
        attest_more(attested, make_facts, base=base)
    head = latest_head(attested.store)
    assert head is not None
    assert head.version == 1


def test_only_what_a_trusted_key_signed_is_gone_on_from(attested: Minter, root: Path, tmp_path: Path) -> None:
    other = Signer.load(generate_key(tmp_path / "other.pem").private_path)
    with pytest.raises(ProvenanceError, match=r"version 1 of .* cannot be appended to"):
        Base.read(attested.store, [other.public_key])
    head = json.loads((root / head_path(1)).read_bytes())
    (root / head_path(1)).write_bytes(canonical_json(head | {"root": digest_of(b"another")}))
    with pytest.raises(ProvenanceError, match="does not agree with its statement"):
        base_of(attested)


def test_a_plan_that_was_changed_is_not_gone_on_from(attested: Minter, root: Path) -> None:
    (root / "_mintage/plan.json").write_bytes(b"{}")
    with pytest.raises(ProvenanceError, match="another plan"):
        base_of(attested)


LIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another root": lambda value: value["append"].update(root=digest_of(b"another")),
    "another size": lambda value: value["append"].update(size="2"),
    "an altered proof": lambda value: value["append"]["proof"].__setitem__(0, "00" * 32),
    "a longer proof": lambda value: value["append"]["proof"].append("00" * 32),
    "no proof": lambda value: value["append"]["proof"].clear(),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_signed_lie_about_the_beginning_is_found(appended: Minter, root: Path, lie: str) -> None:
    rewrite(appended, root, 2, LIES[lie])
    assert codes(appended) == {"wrong-append"}


def test_an_append_to_what_no_version_was_is_found(
    attested: Minter, root: Path, make_facts: Callable[..., Mapping[str, object]]
) -> None:
    """The proof holds, but the older tree, of two shards, was never signed."""
    mint_more(attested)
    attest_more(attested, make_facts, base=base_of(attested))
    lines = (root / "_mintage/versions/2/records/000000.jsonl").read_bytes().splitlines()
    tiles: dict[str, bytes] = {}

    def keep(tile: Tile) -> None:
        tiles[tile.path] = tile.hashes

    small, whole = MerkleTree(), MerkleTree(keep)
    for number, line in enumerate(lines):
        whole.append(leaf_hash(line))
        if number < 2:
            small.append(leaf_hash(line))
    whole.finish()
    proof = Append.prove(TileReader(tiles.__getitem__, 5), 2, f"sha256:{small.root().hex()}")
    rewrite(attested, root, 2, lambda value: value.update(append=proof.model_dump(mode="json")))
    assert codes(attested) == {"wrong-append"}


SEGMENTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "too few shards": lambda value: value["segments"][1].update(shards="1"),
    "another run at the end": lambda value: value["segments"][1].update(runId="run-1"),
    "overlapping": lambda value: value["segments"][1].update(first="2"),
    "none of the newest plan": lambda value: value["segments"].pop(),
    "too many": lambda value: value.update(segments=value["segments"] * 6000),
}


@pytest.mark.parametrize("lie", SEGMENTS)
def test_segments_that_contradict_the_statement_are_refused(appended: Minter, root: Path, lie: str) -> None:
    rewrite(appended, root, 2, SEGMENTS[lie])
    assert codes(appended) == {"bad-statement"}


def test_shards_of_one_plan_cannot_pass_for_those_of_another(appended: Minter, root: Path) -> None:
    def swap(value: dict[str, Any]) -> None:
        value["segments"][0].update(shards="2")
        value["segments"][1].update(first="2", shards="3")

    rewrite(appended, root, 2, swap)
    found = codes(appended)
    assert {"bad-commit", "missing-plan", "wrong-append"} <= found


def test_each_version_is_checked_on_its_own(appended: Minter, root: Path) -> None:
    (root / "data/orders/part-000004-a1.parquet").unlink()
    assert appended.verify(scope=Scope(version=1)).ok
    assert codes(appended) == {"missing-part"}


def test_a_superseding_version_leaves_the_old_shards_alone(
    attested: Minter, make_facts: Callable[..., Mapping[str, object]]
) -> None:
    mint_more(attested)
    head = attest_more(attested, make_facts)
    assert head.size == 2
    said = predicate(attested, 2)
    assert said["append"] is None
    assert said["abandoned"]["count"] == "0"
    report = attested.verify()
    assert report.ok, report.failures
    assert any("6 objects under data/ belong to plans" in note for note in report.notes)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("data/orders/part-000007-x.parquet", "additional-part"),
        ("data/orders/part-000001-x.parquet", "additional-part"),
        ("data/orders/stranger.parquet", "additional-part"),
        ("_mintage/commits/000007.json", "additional-commit"),
        ("_mintage/commits/7.json", "additional-commit"),
    ],
)
def test_what_belongs_to_no_plan_is_found(appended: Minter, root: Path, name: str, code: str) -> None:
    (root / name).write_bytes(b"x")
    assert codes(appended) == {code}


def test_versions_may_leave_out_a_number(
    attested: Minter, root: Path, make_facts: Callable[..., Mapping[str, object]]
) -> None:
    """A half-made version of somebody else's took number 2."""
    (root / "_mintage/versions/2/records").mkdir(parents=True)
    (root / "_mintage/versions/2/records/000000.jsonl").write_bytes(b"theirs")
    mint_more(attested)
    assert attest_more(attested, make_facts, base=base_of(attested)).version == 3
    assert attested.verify().ok
    (root / head_path(1)).unlink()
    assert codes(attested) == {"missing-head"}


def ledger(epsilon: float) -> dict[str, object]:
    """A fit record with a privacy ledger."""
    made = {"epsilon": epsilon, "delta": 1e-6, "unit": "row", "mechanisms": [{"name": "counts"}]}
    return {"digest": MODEL, "kind": "k", "fit": {"privacy": made}}


def test_a_version_claims_no_more_than_its_weakest_shards(
    attested: Minter, make_facts: Callable[..., Mapping[str, object]]
) -> None:
    mint_more(attested)
    attest_more(attested, make_facts, base=base_of(attested), determinism="bytes", model=ledger(1.0))
    assert predicate(attested, 2)["determinism"]["claimed"] == "content"
    privacy = predicate(attested, 2)["privacy"]
    assert privacy["claim"] == "none"
    assert "other models" in privacy["reason"]
    assert predicate(attested, 2)["model"]["fit"]


def test_a_claim_of_the_same_model_goes_on(
    minted: Minter, make_facts: Callable[..., Mapping[str, object]]
) -> None:
    minted.attest(model=ledger(1.0))
    mint_more(minted)
    attest_more(minted, make_facts, base=base_of(minted), model=ledger(1.0), determinism="statistical")
    assert predicate(minted, 2)["privacy"]["epsilon"] == 1.0
    assert predicate(minted, 2)["determinism"]["claimed"] == "statistical"
