"""How commands fail: one block on stderr, one object on stdout, the right exit code, no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from mintage.cli._shell import Shell, common

Invoke = Callable[..., Result]
ReadObject = Callable[[Result], dict[str, Any]]


BAD_INPUT = [
    pytest.param(["bogus"], "No such command 'bogus'", id="command"),
    pytest.param(["run"], "Missing argument 'SPEC'", id="missing-argument"),
    pytest.param(["run", "x", "--sett", "a=1"], "--sett", id="option"),
    pytest.param(["verify", "--key"], "requires an argument", id="option-without-value"),
    pytest.param(["preview", "x", "--rows", "0"], "0 is not in the range", id="rows"),
    pytest.param(["run", "no.yaml"], "no.yaml: there is no such spec file", id="no-spec"),
    pytest.param(["preview", "no.yaml"], "no.yaml: there is no such spec file", id="no-spec-to-preview"),
    pytest.param(["init", "no.parquet"], "no.parquet", id="no-source"),
    pytest.param(["init", "s3://me:hunter2@b/x.csv"], "holds a credential", id="credential"),
    pytest.param(["verify", "x", "--storage", "secret=hunter2"], "looks like a credential", id="storage"),
]


@pytest.mark.parametrize(("arguments", "expected"), BAD_INPUT)
def test_bad_input_is_told_as_one_block(invoke: Invoke, arguments: list[str], expected: str) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert expected in result.stderr
    assert "hint: " in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize(("arguments", "expected"), BAD_INPUT)
def test_bad_input_is_told_as_one_object(
    invoke: Invoke, read_object: ReadObject, arguments: list[str], expected: str
) -> None:
    # Before the other options, the last of which may lack its value.
    result = invoke(*arguments[:1], "--json", *arguments[1:])

    assert result.exit_code == 2
    error = read_object(result)["error"]
    assert set(error) == {"type", "message", "hint"}
    assert expected in error["message"]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        pytest.param("rows=0", "rows: must be at least 1, got 0", id="rows"),
        pytest.param("seed=-1", "seed: must be at least 0, got -1", id="seed"),
        pytest.param("sink.shardrows=5", "sink.shardrows: is not a known key", id="key"),
        pytest.param("generator.kind=tabular.marginal", "tabular.marginal", id="generator"),
        pytest.param("generator.binss=3", "generator.binss: is not a known key", id="generator-option"),
        pytest.param("validate[0].column=dealy", "dealy", id="operator-column"),
        pytest.param("source.uri=no.parquet", "no.parquet", id="source"),
    ],
)
def test_bad_spec_exits_with_2_and_writes_nothing(
    invoke: Invoke, read_object: ReadObject, spec: Path, override: str, expected: str
) -> None:
    result = invoke("run", str(spec), "--set", override, "--json")

    assert result.exit_code == 2, result.output
    assert expected in result.stderr
    assert expected in read_object(result)["error"]["message"]
    assert list((spec.parent / "out").rglob("*.parquet")) == []


def test_defect_is_told_without_traceback_unless_debugging() -> None:
    @click.group(cls=Shell)
    def shell() -> None:
        pass

    @shell.command()
    @common
    def divide(*, as_json: bool) -> None:
        del as_json
        click.echo(str(1 // 0))

    quiet = CliRunner().invoke(shell, ["divide", "--json"])
    loud = CliRunner().invoke(shell, ["divide", "--debug"])

    assert quiet.exit_code == loud.exit_code == 1
    assert quiet.stderr.startswith("error: something unexpected happened: ZeroDivisionError")
    assert "Traceback" not in quiet.stderr
    assert json.loads(quiet.stdout)["error"]["type"] == "ZeroDivisionError"
    assert "Traceback" in loud.stderr


def test_debug_shows_where_a_problem_was_found(invoke: Invoke) -> None:
    assert "Traceback" in invoke("run", "no.yaml", "--debug").stderr


@pytest.mark.slow
def test_interrupted_run_exits_with_130_and_the_same_command_finishes_it(spec: Path) -> None:
    environment = os.environ | {"MINTAGE_HOME": str(spec.parent / "home")}
    command = [sys.executable, "-c", "from mintage.cli import main; main()", "run", str(spec), "--events"]
    command += ["--json", "--set", "rows=200000", "--set", "sink.shard_rows=10000"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "ShardCommitted" in line:
                process.send_signal(signal.SIGINT)
                break
        stdout, stderr = process.communicate(timeout=60)

    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert json.loads(stdout)["error"]["type"] == "Interrupted"
    assert "the same command goes on from there: mintage run" in stderr

    again = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=120)
    summary = json.loads(again.stdout)
    assert summary["rows"] == 200_000
    assert 1 <= summary["resumed_shards"] < 20
