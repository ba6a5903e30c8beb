"""A shard minted again: how equal it is, what is refused before anything is minted, what is put back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mintage
from mintage.contracts import Determinism
from mintage.engine import events
from mintage.errors import ProvenanceError, SignatureError, SpecError
from mintage.provenance.signing import generate_key

Damage = Callable[[Path], None]


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def only_part(out: Path, shard: int) -> Path:
    """The part of a shard of a data set with one table."""
    (part,) = out.glob(f"data/*/part-{shard:06d}-*")
    return part


@pytest.fixture(scope="module")
def signed(people: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed data set of four shards with rejects, conditions and balance; its key lies beside it."""
    folder = tmp_path_factory.mktemp("signed")
    people.write_parquet(folder / "people.parquet")
    generate_key(folder / "signer.pem")
    mintage.run(spec(folder))
    return folder


def spec(folder: Path, **replaced: object) -> dict[str, Any]:
    """The job of that data set, with any keys replaced."""
    return {
        "name": "people",
        "seed": 3,
        "source": {"uri": str(folder / "people.parquet")},
        "generator": {"kind": "tabular.marginals"},
        "rows": 2000,
        "validate": [{"kind": "range", "column": "age", "min": 30}],
        "conditions": [{"values": {"sex": "M"}, "rows": 300}],
        "balance": {"column": "sex", "shares": {"F": 0.5}},
        "sink": {"uri": str(folder / "out"), "shard_rows": 500},
        "resources": {"executor": "inline"},
        "evaluation": {"metrics": []},
        "signing": {"key": str(folder / "signer.pem")},
        **replaced,
    }


def append(folder: Path, out: Path) -> dict[str, Any]:
    """A job that adds two shards to a copy of it."""
    sink = {"uri": str(out), "shard_rows": 500, "mode": "append"}
    return spec(folder, seed=4, rows=600, conditions=[], sink=sink)


@pytest.fixture
def out(signed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that data set, to do anything with; its signer is the identity of this machine."""
    shutil.copytree(signed / "out", tmp_path / "out")
    (tmp_path / "home").mkdir()
    shutil.copy(signed / "signer.pem.pub", tmp_path / "home" / "identity.pem.pub")
    monkeypatch.setenv("MINTAGE_HOME", str(tmp_path / "home"))
    return tmp_path / "out"


def test_a_shard_comes_out_again_to_the_byte_and_the_data_set_is_untouched(out: Path) -> None:
    before = files(out)
    done = mintage.regenerate(str(out), 2)
    assert done.equality is Determinism.BYTES
    assert done.found.shard == 2
    assert done.parts == {"people": "intact"}
    assert (done.ok, done.claimed, done.differences) == (True, Determinism.CONTENT, ())
    assert files(out) == before


def test_the_new_parts_can_be_kept_elsewhere(out: Path, tmp_path: Path) -> None:
    done = mintage.regenerate(str(out), 1, out=str(tmp_path / "again"))
    assert done.out == str(tmp_path / "again")
    assert only_part(tmp_path / "again", 1).read_bytes() == only_part(out, 1).read_bytes()


@pytest.mark.parametrize("place", ["", "inside", ".."], ids=["itself", "inside", "around"])
def test_the_new_parts_never_go_into_the_data_set(out: Path, place: str) -> None:
    with pytest.raises(SpecError, match="not apart"):
        mintage.regenerate(str(out), 1, out=str((out / place).resolve()))


def test_a_missing_part_is_put_back_when_it_is_asked_for(out: Path) -> None:
    part = only_part(out, 3)
    data = part.read_bytes()
    part.unlink()

    told = mintage.regenerate(str(out), 3)
    assert (told.ok, told.parts, part.exists()) == (True, {"people": "missing"}, False)
    assert "--restore" in told.notes[0]

    done = mintage.regenerate(str(out), 3, restore=True)
    assert (done.ok, done.parts) == (True, {"people": "restored"})
    assert part.read_bytes() == data
    assert mintage.verify(str(out)).ok


def test_a_damaged_part_is_not_overwritten_but_one_is_told_what_to_do(out: Path) -> None:
    part = only_part(out, 0)
    damaged = part.read_bytes()[:-1] + b"\0"
    part.write_bytes(damaged)
    done = mintage.regenerate(str(out), 0, restore=True)
    assert (done.equality, done.ok, done.parts) == (Determinism.BYTES, False, {"people": "damaged"})
    assert f"move {part} away" in done.notes[0]
    assert part.read_bytes() == damaged

    part.unlink()
    assert mintage.regenerate(str(out), 0, restore=True).ok


def test_without_the_commit_nothing_can_be_put_back_and_it_is_said(out: Path) -> None:
    (out / "_mintage/commits/000001.json").unlink()
    done = mintage.regenerate(str(out), 1, restore=True)
    assert (done.equality, done.ok, done.parts) == (Determinism.BYTES, False, {"people": "unknown"})
    assert "the commit record of shard 1 is missing" in done.notes[0]


def flip(pattern: str, share: float = 0.5) -> Damage:
    """Change a bit of the first file that matches, at that share of its length."""

    def change(out: Path) -> None:
        path = sorted(out.glob(pattern))[0]
        data = bytearray(path.read_bytes())
        data[int(len(data) * share)] ^= 1
        path.write_bytes(data)

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (flip("_mintage/plan.json"), "plan.json has the digest"),
        (flip("_mintage/versions/1/records/000000.jsonl", 0.37), "does not hold the record that was signed"),
        (flip("_mintage/versions/1/tile/0/000.p/4"), "do not lead from leaf 1 to the signed root"),
        (flip("_mintage/model/*/*"), "does not have the digest"),
        (flip("_mintage/versions/1/statements.jsonl", 0.05), "envelope|signature|signed|JSON"),
    ],
    ids=["plan", "record", "tile", "model", "statement"],
)
def test_nothing_is_minted_from_what_was_not_signed(out: Path, damage: Damage, message: str) -> None:
    damage(out)
    told: list[events.Event] = []
    with pytest.raises(ProvenanceError, match=message):
        mintage.regenerate(str(out), 1, on_event=told.append)
    assert [event.phase for event in told if isinstance(event, events.PhaseStarted)] == ["read"]


def test_a_key_that_did_not_sign_is_refused(out: Path, tmp_path: Path) -> None:
    stranger = generate_key(tmp_path / "stranger.pem")
    with pytest.raises(SignatureError):
        mintage.regenerate(str(out), 1, keys=[stranger.public_path])


@pytest.mark.parametrize("shard", [-1, 4, 10**9], ids=str)
def test_a_shard_that_there_is_none_of_is_bad_input(out: Path, shard: int) -> None:
    with pytest.raises(SpecError, match=f"there is no shard {shard}: version 1 has 0 to 3"):
        mintage.regenerate(str(out), shard)


def test_a_policy_says_whom_to_trust(out: Path, tmp_path: Path) -> None:
    key = tmp_path / "home" / "identity.pem.pub"
    policy = tmp_path / "policy.yaml"
    text = f"format: mintage-policy/1\nkeys: {{us: {{file: {key}}}}}\nroles: {{builder: {{keys: [us]}}}}\n"
    policy.write_text(text)
    assert mintage.regenerate(str(out), 1, policy=policy).ok
    policy.write_text(f"{text}min_version: 2\n")
    with pytest.raises(ProvenanceError, match="version 1"):
        mintage.regenerate(str(out), 1, policy=policy)


def test_every_shard_of_several_tables_comes_out_again(orders_plugin: str, tmp_path: Path) -> None:
    spec = {
        "name": "orders",
        "generator": {"kind": orders_plugin},
        "rows": 80,
        "validate": [{"kind": "range", "table": "lines", "column": "quantity", "max": 4}],
        "sink": {"uri": str(tmp_path / "orders"), "shard_rows": 30},
        "resources": {"executor": "inline"},
    }
    for shard in range(mintage.run(spec).manifest.head.size):
        done = mintage.regenerate(str(tmp_path / "orders"), shard)
        assert done.equality is Determinism.BYTES
        assert done.parts == {"orders": "intact", "lines": "intact"}


def test_an_older_version_can_be_named(out: Path, signed: Path) -> None:
    mintage.run(append(signed, out))
    newer, older = mintage.regenerate(str(out), 4), mintage.regenerate(str(out), 3, version=1)
    assert (newer.version, newer.equality) == (2, Determinism.BYTES)
    assert (older.version, older.equality) == (1, Determinism.BYTES)
    with pytest.raises(SpecError, match="there is no shard 4: version 1 has 0 to 3"):
        mintage.regenerate(str(out), 4, version=1)


def test_the_report_is_plain_json(out: Path) -> None:
    report = json.loads(json.dumps(mintage.regenerate(str(out), 2).to_json()))
    assert (report["shard"], report["equality"], report["ok"]) == (2, "bytes", True)
    assert report["tables"][0]["differs"] == []
