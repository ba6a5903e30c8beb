from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Invoke = Callable[..., Result]
ReadObject = Callable[[Result], dict[str, Any]]


@pytest.fixture
def minted(invoke: Invoke, spec: Path) -> Path:
    """A data set of four shards, signed by the local identity."""
    assert invoke("run", str(spec)).exit_code == 0
    return spec.parent / "out"


def test_one_shard_tells_what_was_read(invoke: Invoke, read_object: ReadObject, minted: Path) -> None:
    told = read_object(invoke("verify", "out", "--shard", "2", "--json"))
    assert (told["ok"], told["checked"]["shards"], told["checked"]["parts"]) == (True, 1, 1)
    assert 0 < told["read"]["bytes"] < 64_000
    assert " bytes besides the parts" in invoke("verify", "out", "--shard", "2").stdout


def test_a_shard_that_there_is_not_is_bad_input(invoke: Invoke, minted: Path) -> None:
    result = invoke("verify", "out", "--shard", "4")
    assert (result.exit_code, "it has 0 to 3" in result.stderr) == (2, True)


def test_a_sample_tells_its_seed_and_what_could_have_escaped(
    invoke: Invoke, read_object: ReadObject, minted: Path
) -> None:
    told = read_object(invoke("verify", "out", "--sample", "2", "--seed", "0", "--json"))["sample"]
    assert (told["shards"], told["of"], told["seed"]) == (2, 4, "0")
    assert told["escapes"] == {"0.001": 0.5, "0.01": 0.5, "0.1": 0.5}
    assert "0.1%: 0.5, 1.0%: 0.5, 10.0%: 0.5" in invoke("verify", "out", "--sample", "2").stdout


def test_a_part_is_proved_without_its_data_set(invoke: Invoke, read_object: ReadObject, minted: Path) -> None:
    made = read_object(invoke("prove", "out", "--shard", "0", "--json"))
    assert made["proof"] == "shard-0.proof.json"
    first, second = sorted((minted / "data/flights").iterdir())[:2]
    shutil.copy(first, "first.parquet")
    shutil.copy(second, "second.parquet")
    shutil.rmtree(minted)

    good = invoke("verify", "--proof", "shard-0.proof.json", "first.parquet")
    assert good.exit_code == 0, good.output
    assert good.stdout.startswith("ok: first.parquet is what was signed\n")
    assert invoke("verify", "--proof", "shard-0.proof.json", "second.parquet").exit_code == 1


def test_a_proof_is_never_overwritten(invoke: Invoke, minted: Path) -> None:
    assert invoke("prove", "out", "--shard", "0", "-o", "p").exit_code == 0
    again = invoke("prove", "out", "--shard", "1", "-o", "p")
    assert (again.exit_code, "File exists" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    "option",
    [["--rows"], ["--strict"], ["--shard", "0"], ["--version", "1"], ["--sample", "1"], ["--resume", "x"]],
    ids=lambda option: option[0],
)
def test_a_proof_goes_with_no_other_scope(invoke: Invoke, minted: Path, option: list[str]) -> None:
    result = invoke("verify", "--proof", "p", "x.parquet", *option)
    assert (result.exit_code, f"{option[0]} does not go with --proof" in result.stderr) == (2, True)


def test_a_policy_file_finds_its_keys_beside_it(invoke: Invoke, minted: Path, tmp_path: Path) -> None:
    (tmp_path / "trust").mkdir()
    shutil.copy(tmp_path / "home/identity.pem.pub", tmp_path / "trust/me.pub")
    policy = tmp_path / "trust/policy.yaml"
    policy.write_text(
        "format: mintage-policy/1\nkeys: {me: {file: me.pub}}\nroles: {builder: {keys: [me]}}\n",
        encoding="utf-8",
    )
    result = invoke("verify", "out", "--policy", str(policy))
    assert (result.exit_code, "signed  by me: " in result.stdout) == (0, True)

    policy.write_text(policy.read_text(encoding="utf-8") + "min_version: 2\n", encoding="utf-8")
    refused = invoke("verify", "out", "--policy", str(policy))
    assert refused.exit_code == 1
    assert refused.stdout.startswith("FAILED: out is not what the policy accepts\n  old-version ")
    told = json.loads(invoke("verify", "out", "--policy", str(policy), "--json").stdout)
    assert (told["ok"], told["accepted"]) == (False, False)


def test_a_stranger_fails_only_who_is_strict(invoke: Invoke, minted: Path) -> None:
    (minted / "notes.txt").write_text("mine", encoding="utf-8")
    assert invoke("verify", "out").exit_code == 0
    strict = invoke("verify", "out", "--strict")
    assert (strict.exit_code, "stranger  notes.txt" in strict.stdout) == (1, True)
