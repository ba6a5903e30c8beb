from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import mintage
from mintage.cli import main
from mintage.errors import ProvenanceError, SignatureError
from mintage.provenance.attestations import read_attestations
from mintage.provenance.heads import latest_head
from mintage.provenance.signing import PublicKey, generate_key, signed_by
from mintage.store import ObjectStore

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a folder, and with a home, of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINTAGE_HOME", str(tmp_path / "home"))
    return lambda *arguments: CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture
def dataset(tmp_path: Path, run: Run) -> Path:
    """A data set that two keys have signed: `one` and `two`."""
    import polars as pl

    pl.DataFrame({"age": list(range(200)), "sex": ["F", "M"] * 100}).write_parquet(
        tmp_path / "people.parquet"
    )
    for name, algorithm in (("one", "ed25519"), ("two", "ecdsa-p256")):
        assert run("keygen", name, "--algorithm", algorithm).exit_code == 0
    job = {
        "name": "people",
        "source": {"uri": str(tmp_path / "people.parquet")},
        "generator": {"kind": "tabular.marginals"},
        "rows": 100,
        "sink": {"uri": str(tmp_path / "out")},
        "resources": {"executor": "inline"},
        "evaluation": {"metrics": []},
        "signing": {"key": str(tmp_path / "one"), "keys": [str(tmp_path / "two")]},
    }
    result = mintage.run(job)
    signers: Any = result.summary["signers"]
    assert [Path(one["key_path"]).name for one in signers] == ["one", "two"]
    assert result.summary["key_id"] == signers[0]["key_id"]
    again = mintage.run(job)
    assert again.manifest.head == result.manifest.head
    return tmp_path / "out"


def test_every_key_of_the_spec_has_signed(dataset: Path, tmp_path: Path) -> None:
    keys = [PublicKey.load(tmp_path / f"{name}.pub") for name in ("one", "two")]
    lines = (dataset / "_mintage/versions/1/statements.jsonl").read_bytes().splitlines()
    assert len(lines) == 2
    for line in lines:
        assert signed_by(line, keys, threshold=2).keyids == {key.keyid for key in keys}
    assert all(mintage.verify(str(dataset), keys=[tmp_path / f"{name}.pub"]).ok for name in ("one", "two"))


def test_the_provenance_holds_the_spec_the_plan_and_what_was_installed(dataset: Path) -> None:
    made = mintage.Result.open(str(dataset)).manifest.provenance()
    assert made is not None
    assert made.spec["signing"] == {
        "key": str(dataset.parent / "one"), "keys": [str(dataset.parent / "two")],
    }  # fmt: skip
    assert made.started.endswith("Z")
    names = {one.name: one.to_json() for one in made.dependencies}
    assert "sha256" in str(names["source"]["digest"])
    assert "sha256" in str(names["model/model.json"]["digest"])
    assert str(names["polars"]["uri"]).startswith("pkg:pypi/polars@")


def test_a_countersignature_is_kept_beside_the_version(dataset: Path, run: Run, tmp_path: Path) -> None:
    made = generate_key(tmp_path / "auditor", "ecdsa-p384")
    statements = (dataset / "_mintage/versions/1/statements.jsonl").read_bytes()
    done = run("sign", dataset, "--key", "auditor", "--trust", "two.pub", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["state"], said["version"], said["keyids"]) == ("countersigned", 1, [made.keyid])
    store = ObjectStore.open(str(dataset))
    [added] = read_attestations(store, 1)
    assert added.path == said["path"]
    assert signed_by(added.envelope, [PublicKey.load(made.public_path)]).keyids == {made.keyid}
    assert (dataset / "_mintage/versions/1/statements.jsonl").read_bytes() == statements
    assert mintage.verify(str(dataset), keys=[tmp_path / "one.pub"]).ok


def test_what_nobody_trusted_has_signed_is_not_countersigned(dataset: Path, run: Run, tmp_path: Path) -> None:
    generate_key(tmp_path / "auditor")
    generate_key(tmp_path / "stranger")
    with pytest.raises(SignatureError, match="unknown key"):
        mintage.sign(str(dataset), keys=["auditor"], trusted=["stranger.pub"])
    refused = run("sign", dataset, "--key", "auditor")
    assert refused.exit_code == 1
    assert not (dataset / "_mintage/attestations").exists()


def test_of_a_signed_and_a_waiting_version_one_must_be_named(dataset: Path, run: Run) -> None:
    folder = dataset / "_mintage/versions/2"
    folder.mkdir()
    (folder / "unsigned.jsonl").write_bytes(b"{}\n")
    with pytest.raises(ProvenanceError, match="version 2 waits to be") as caught:
        mintage.sign(str(dataset), keys=["one"], trusted=["one.pub"])
    assert "--version 1 or --version 2" in caught.value.hint
    assert run("sign", dataset, "--key", "two", "--trust", "one.pub", "--version", 1).exit_code == 0
    assert run("sign", dataset, "--key", "two", "--trust", "one.pub", "--version", 2).exit_code == 1
    assert latest_head(ObjectStore.open(str(dataset))) == mintage.Result.open(str(dataset)).manifest.head


def test_there_must_be_something_to_sign(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    generate_key(tmp_path / "one")
    refused = run("sign", "empty", "--key", "one", "--trust", "one.pub")
    assert (refused.exit_code, "holds nothing to sign" in refused.stderr) == (1, True)


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256", "ecdsa-p384"])
def test_the_public_half_is_printed_as_keygen_wrote_it(run: Run, tmp_path: Path, algorithm: str) -> None:
    assert run("keygen", "k", "--algorithm", algorithm).exit_code == 0
    assert run("pubkey", "k").stdout == (tmp_path / "k.pub").read_text()
    shown = json.loads(run("pubkey", "file:k", "--json").stdout)
    assert PublicKey.from_pem(shown["public_key"].encode()).keyid == shown["key_id"]


def test_the_public_half_of_the_local_identity_is_printed(run: Run, tmp_path: Path) -> None:
    assert run("pubkey").stdout == (tmp_path / "home/identity.pem.pub").read_text()


def test_a_missing_library_is_bad_input_and_named_with_the_command(run: Run) -> None:
    refused = run("pubkey", "gcpkms:projects/p")
    assert refused.exit_code == 2
    assert "pip install 'mintage[gcpkms]'" in refused.stderr
