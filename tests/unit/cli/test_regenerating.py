"""`mintage regenerate`: what it prints, as one JSON object too, and how it exits."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Invoke = Callable[..., Result]
ReadObject = Callable[[Result], dict[str, Any]]


@pytest.fixture
def out(invoke: Invoke, spec: Path) -> Path:
    """A signed data set of four shards."""
    assert invoke("run", str(spec)).exit_code == 0
    return spec.parent / "out"


def test_a_shard_that_comes_out_again_is_ok(invoke: Invoke, read_object: ReadObject, out: Path) -> None:
    text = invoke("regenerate", str(out), "--shard", "2")
    assert text.exit_code == 0
    assert text.stdout.startswith("ok: shard 2 came out again with the equality bytes\n")
    assert "table flights: bytes, 250 rows; the committed part is intact" in text.stdout
    assert "mint: shard 2 again" in text.stderr

    report = read_object(invoke("regenerate", str(out), "--shard", "2", "--json"))
    assert (report["ok"], report["equality"], report["parts"]) == (True, "bytes", {"flights": "intact"})


def test_a_missing_part_is_restored_and_a_damaged_one_fails(invoke: Invoke, out: Path) -> None:
    part = next(out.glob("data/flights/part-000001-*"))
    part.unlink()
    assert "the committed part is missing" in invoke("regenerate", str(out), "--shard", "1").stdout
    restored = invoke("regenerate", str(out), "--shard", "1", "--restore")
    assert restored.exit_code == 0
    assert "was put back" in restored.stdout
    assert invoke("verify", str(out)).exit_code == 0

    part.write_bytes(b"PAR1")
    failed = invoke("regenerate", str(out), "--shard", "1", "--restore")
    assert failed.exit_code == 1
    assert failed.stdout.startswith("FAILED")
    assert "nothing is overwritten: move" in failed.stdout


def test_what_differs_in_the_environment_is_told_first(
    invoke: Invoke, read_object: ReadObject, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "warning" not in invoke("regenerate", str(out), "--shard", "0").stderr
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    done = invoke("regenerate", str(out), "--shard", "0", "--json")
    warning = "warning: machine is riscv64 here and was "
    assert done.stderr.index(warning) < done.stderr.index("mint: shard 0 again")
    assert "no more than the class close can be counted on" in done.stderr
    report = read_object(done)
    assert [difference["name"] for difference in report["environment"]] == ["machine"]
    assert (report["expected"], report["equality"], done.exit_code) == ("close", "bytes", 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shard", "4"], "there is no shard 4: version 1 has 0 to 3"),
        (["--shard", "-1"], "--shard"),
        ([], "Missing option '--shard'"),
        (["--shard", "0", "--relative", "2"], "--relative"),
        (["--shard", "0", "--out", "."], "are not apart"),
    ],
    ids=["beyond the end", "negative", "none", "no tolerance", "around the data set"],
)
def test_bad_input_is_told_and_exits_with_2(
    invoke: Invoke, out: Path, arguments: list[str], message: str
) -> None:
    result = invoke("regenerate", str(out), *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
