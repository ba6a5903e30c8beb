"""The commands: what each prints, as one JSON object too, and how it exits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from mintage.cli import main
from mintage.spec import json_schema

Invoke = Callable[..., Result]
ReadObject = Callable[[Result], dict[str, Any]]


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    statement = "import sys, mintage.cli.main; print(*sorted({n.partition('.')[0] for n in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=True)

    heavy = {"torch", "ray", "polars", "pyarrow", "numpy", "pydantic", "fsspec", "yaml"}
    assert heavy & set(loaded.stdout.split()) == set()


@pytest.mark.parametrize("command", sorted(main.commands))
def test_command_has_help(invoke: Invoke, command: str) -> None:
    result = invoke(command, "--help")

    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")
    assert "--json" in result.stdout


def test_no_command_is_bad_input_and_shows_the_commands(invoke: Invoke) -> None:
    result = invoke()

    assert result.exit_code == 2
    assert "Commands:" in result.stderr
    assert result.stdout == ""


def test_version_is_that_of_the_package(invoke: Invoke) -> None:
    from importlib.metadata import version

    assert invoke("--version").stdout == f"mintage, version {version('mintage')}\n"


def test_schema_is_the_published_one(invoke: Invoke, read_object: ReadObject) -> None:
    assert json.loads(invoke("schema").stdout) == json_schema()
    assert read_object(invoke("schema", "--json")) == json_schema()


def test_plugins_are_listed_with_what_brought_them(invoke: Invoke, read_object: ReadObject) -> None:
    text = invoke("plugins").stdout
    listed = read_object(invoke("plugins", "--json"))["plugins"]

    assert "generators\n" in text
    assert "tabular.marginals" in text
    found = next(plugin for plugin in listed if plugin["name"] == "tabular.marginals")
    assert (found["group"], found["distribution"]) == ("generators", "mintage")


def test_keygen_makes_a_pair_once(invoke: Invoke, read_object: ReadObject, tmp_path: Path) -> None:
    made = read_object(invoke("keygen", "my.key", "--json"))

    assert (tmp_path / made["private_key"]).stat().st_mode & 0o777 == 0o600
    assert "PUBLIC KEY" in (tmp_path / made["public_key"]).read_text(encoding="utf-8")
    again = invoke("keygen", "my.key")
    assert again.exit_code == 1
    assert "my.key exists" in again.stderr


def test_run_tells_what_was_made(invoke: Invoke, spec: Path) -> None:
    result = invoke("run", str(spec))

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("1,000 rows in ")
    for part in (
        "rows/s by 1 worker",
        "rejected  range:delay ",
        f"dataset   {spec.parent / 'out'}",
        "sha256:",
    ):
        assert part in result.stdout
    assert "by key " in result.stdout
    assert "mint: " in result.stderr


def test_run_prints_one_object(invoke: Invoke, read_object: ReadObject, spec: Path) -> None:
    summary = read_object(invoke("run", str(spec), "--json", "--set", "rows=600"))

    assert summary["rows"] == 600
    assert summary["tables"] == {"flights": 600}
    assert summary["dataset"] == str(spec.parent / "out")
    assert summary["rejected"]["range:delay"] > 0
    assert len(summary["run_id"]) == 64
    assert {"root", "seconds", "rows_per_second"} <= set(summary)


def test_run_writes_events_as_json_lines(invoke: Invoke, spec: Path) -> None:
    events = [json.loads(line) for line in invoke("run", str(spec), "--events").stderr.splitlines()]

    assert {"PhaseStarted", "Progress", "ShardCommitted"} <= {event["event"] for event in events}
    last = [event for event in events if event["event"] == "Progress"][-1]
    assert (last["shards_done"], last["shards"], last["rows"]) == (4, 4, 1000)
    assert isinstance(last["rejected"], dict)


def test_run_again_says_that_nothing_was_left(invoke: Invoke, spec: Path) -> None:
    first, again = invoke("run", str(spec)), invoke("run", str(spec))

    assert again.exit_code == 0
    assert "nothing was left to mint" in again.stdout
    assert "4 shards were committed before" in again.stdout
    assert [line for line in first.stdout.splitlines() if line.startswith("root")] == [
        line for line in again.stdout.splitlines() if line.startswith("root")
    ]


def test_run_into_the_data_set_of_another_run_is_bad_input(invoke: Invoke, spec: Path) -> None:
    invoke("run", str(spec))
    result = invoke("run", str(spec), "--set", "seed=1")

    assert result.exit_code == 2
    assert "holds another run" in result.stderr


def test_verify_confirms_and_then_finds_an_altered_part(
    invoke: Invoke, read_object: ReadObject, spec: Path
) -> None:
    invoke("run", str(spec))
    good = read_object(invoke("verify", str(spec.parent / "out"), "--rows", "--json"))
    assert (good["ok"], good["mode"], good["checked"]["rows"], good["failures"]) == (True, "rows", 1000, [])
    bytes_only = read_object(invoke("verify", "out", "--json"))
    assert (bytes_only["ok"], bytes_only["mode"], bytes_only["checked"]["rows"]) == (True, "bytes", 0)
    assert invoke("verify", "out").stdout.startswith("ok: out is what was signed\n")

    part = next((spec.parent / "out" / "data").rglob("*.parquet"))
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)

    bad = invoke("verify", "out")
    assert bad.exit_code == 1
    assert bad.stdout.startswith("FAILED: out is not what was signed\n")
    assert part.name in bad.stdout
    told = read_object(invoke("verify", "out", "--json"))
    assert told["ok"] is False
    assert told["failures"]


def test_verify_with_another_key_fails(invoke: Invoke, spec: Path) -> None:
    invoke("run", str(spec))
    invoke("keygen", "other.key")

    assert invoke("verify", "out", "--key", "other.key.pub").exit_code == 1


def test_preview_shows_rows_and_writes_nothing(invoke: Invoke, read_object: ReadObject, spec: Path) -> None:
    text = invoke("preview", str(spec), "--rows", "3")
    rows = read_object(invoke("preview", str(spec), "--rows", "3", "--json"))["tables"]["flights"]

    assert text.exit_code == 0, text.output
    assert text.stdout.startswith("flights (3 rows)\n")
    assert "no, [x]" in text.stdout
    assert len(rows) == 3
    assert all(row["delay"] >= 0 for row in rows)
    assert not (spec.parent / "out").exists()
