"""A job that dies at every single file operation, one after another, and is run again each time."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import mintage
from mintage.engine.bench import read_plan
from mintage.engine.driver import mint_all
from mintage.engine.executors import Attempt, InlineExecutor, Outcome
from mintage.engine.worker import WorkerSetup
from mintage.errors import MintageError
from mintage.store import ObjectStore

Job = Callable[..., dict[str, Any]]

_OPERATIONS = {"open", "os.link", "os.rename", "os.remove"}


class _Breaker:
    """An audit hook (which Python calls at every file operation) that raises at the chosen one."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.left = 0
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.folder is None or event not in _OPERATIONS or not str(arguments[0]).startswith(self.folder):
            return
        self.left -= 1
        if self.left == 0:
            raise OSError(5, "Input/output error, on purpose")

    @contextmanager
    def at(self, folder: Path, operation: int) -> Iterator[None]:
        """Break operation number `operation` on files below `folder` in the body."""
        self.folder, self.left = str(folder), operation
        try:
            yield
        finally:
            self.folder = None


@pytest.fixture(scope="session")
def breaker() -> _Breaker:
    return _Breaker()


@pytest.mark.parametrize(
    "every",
    [pytest.param(1, marks=pytest.mark.slow), pytest.param(4, id="one in four")],
)
def test_whatever_operation_fails_the_next_call_finishes_the_same_data_set(
    job: Job, tmp_path: Path, breaker: _Breaker, every: int
) -> None:
    def small(sink: Path) -> dict[str, Any]:
        return job("", rows=600) | {"sink": {"uri": str(sink), "shard_rows": 300}}

    root = mintage.run(small(tmp_path / "whole")).summary["root"]
    operation, broken = 1, 0
    while True:
        sink = tmp_path / f"broken-{operation}"
        spec = small(sink)
        try:
            with breaker.at(sink, operation):
                mintage.run(spec)
        except MintageError:
            broken += 1
        if breaker.left > 0:
            break
        result = mintage.run(spec)
        assert result.summary["root"] == root, f"operation {operation}"
        assert mintage.verify(str(sink)).ok, f"operation {operation}"
        operation += every
    assert broken * every > 20


@pytest.mark.slow  # the steps of an append are also crashed one by one in tests/unit/provenance
@pytest.mark.parametrize("mode", ["append", "supersede"])
def test_whatever_operation_of_an_append_fails_the_next_call_finishes_it(
    job: Job, tmp_path: Path, breaker: _Breaker, mode: str
) -> None:
    def more(sink: Path) -> dict[str, Any]:
        return job("", rows=300, seed=8) | {"sink": {"uri": str(sink), "shard_rows": 300, "mode": mode}}

    begun = tmp_path / "begun"
    first = mintage.run(job("", rows=600) | {"sink": {"uri": str(begun), "shard_rows": 300}})
    shutil.copytree(begun, tmp_path / "whole")
    root = mintage.run(more(tmp_path / "whole")).summary["root"]
    assert root != first.summary["root"]
    operation, broken = 1, 0
    while True:
        sink = tmp_path / f"broken-{operation}"
        shutil.copytree(begun, sink)
        try:
            with breaker.at(sink, operation):
                mintage.run(more(sink))
        except MintageError:
            broken += 1
        if breaker.left > 0:
            break
        result = mintage.run(more(sink))
        assert (result.summary["root"], result.summary["version"]) == (root, 2), f"operation {operation}"
        assert mintage.verify(str(sink)).ok, f"operation {operation}"
        assert mintage.Result.open(str(sink), version=1).manifest.head.root == first.summary["root"]
        shutil.rmtree(sink)
        operation += 1
    assert broken > 20


class _ShufflingExecutor(InlineExecutor):
    """Takes many attempts, and runs them in any order."""

    capacity = 12

    def __init__(self, setup: WorkerSetup, seed: int) -> None:
        super().__init__()
        self.begin(setup)
        self._rng = random.Random(seed)

    def wait(self, timeout_seconds: float) -> list[Outcome]:
        attempts: list[Attempt] = list(self._queue)
        self._rng.shuffle(attempts)
        self._queue.clear()
        self._queue.extend(attempts)
        return super().wait(timeout_seconds)


@pytest.mark.parametrize("seed", [1, 2])
def test_shards_minted_in_any_order_give_the_same_root(job: Job, tmp_path: Path, seed: int) -> None:
    whole = mintage.run(job("whole"))
    started: list[int] = []
    with pytest.raises(mintage.MintageError, match="stopped"):
        mintage.run(job("shuffled"), cancelled=lambda: True)
    store = ObjectStore.open(str(tmp_path / "shuffled"))
    plan = read_plan(store)
    assert plan is not None
    executor = _ShufflingExecutor(WorkerSetup(store=store, plan_digest=plan.digest), seed)
    mint_all(plan, store, executor, on_event=lambda event: started.append(getattr(event, "shard", -1)))
    order = [shard for shard in started if shard >= 0]
    assert sorted(order) == list(range(30)) != order
    assert mintage.run(job("shuffled")).summary["root"] == whole.summary["root"]


def wait_for_commits(folder: Path, number: int, process: subprocess.Popen[str]) -> None:
    """Wait until a job has committed that many shards."""
    deadline = time.monotonic() + 60
    while len(list(folder.glob("_mintage/commits/*.json"))) < number:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    "kill",
    [
        pytest.param(signal.SIGKILL, id="KILL"),
        pytest.param(signal.SIGINT, id="INT", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, id="TERM"),
    ],
)
def test_a_process_that_is_stopped_by_a_signal_is_finished_by_the_same_command(
    job: Job, tmp_path: Path, kill: signal.Signals
) -> None:
    whole = mintage.run(job("whole", rows=400_000)).summary["root"]
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(job("killed", rows=400_000)))
    command = [str(Path(sys.executable).parent / "mintage"), "run", str(spec), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for_commits(tmp_path / "killed", 3, process)
        os.kill(process.pid, kill)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}[kill], errors
    assert "Traceback" not in errors
    before = {path.name: path.read_bytes() for path in (tmp_path / "killed/_mintage/commits").glob("*.json")}
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    summary = json.loads(done.stdout)
    assert summary["root"] == whole
    assert summary["resumed_shards"] == len(before) < 200
    for name, data in before.items():
        assert (tmp_path / "killed/_mintage/commits" / name).read_bytes() == data
    assert mintage.verify(str(tmp_path / "killed")).ok
