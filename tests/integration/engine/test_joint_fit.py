"""Processes that fit one model together on a real Ray, killed or not; fits that go on where they stopped."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pytest

from mintage.engine import events
from mintage.engine.checkpoints import StoredCheckpoints
from mintage.engine.joint_fit import fit_jointly
from mintage.engine.layout import CHECKPOINTS
from mintage.engine.training import Training, fit_here
from mintage.errors import FitError, ProvenanceError
from mintage.plugins import PluginRef
from mintage.store import ObjectStore
from mintage.testing import memory_source

SLOW = PluginRef(
    group="generators",
    name="slow",
    target="tests.integration.engine.slow_fit:SlowGenerator",
    distribution="tests",
    version="1",
)
OPTIONS = {"max_steps": 200, "batch_rows": 64}


@pytest.fixture
def training(tmp_path: Path) -> Training:
    """A fit of 200 steps that saves a checkpoint at every look at the held-out rows."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3))
    table = pa.table({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": x[:, 0] * x[:, 1]})
    return Training(
        store=ObjectStore.open(str(tmp_path / "first")),
        generator=SLOW,
        config=OPTIONS,
        source=memory_source(table),
        seed=5,
        threads=1,
        fit_id="f" * 64,
        device="cpu",
        checkpoint_seconds=1e-6,
    )


def elsewhere(training: Training, folder: Path, **options: object) -> Training:
    """The same fit for another store; with other options its identity stays as it is."""
    return replace(training, store=ObjectStore.open(str(folder)), config={**dict(training.config), **options})


def ignore(event: events.Event) -> None:
    del event


def checkpoints(training: Training) -> list[str]:
    return [info.path for info in training.store.list(CHECKPOINTS)]


def train_workers() -> list[psutil.Process]:
    """The processes of this test's Ray in which Ray Train works."""
    found = psutil.Process().children(recursive=True)
    return [child for child in found if "RayTrainWorker" in " ".join(child.cmdline())]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.ray
@pytest.mark.usefixtures("ray_session")
def test_a_fit_whose_worker_is_killed_ends_with_the_model_of_one_that_was_left_alone(
    training: Training, tmp_path: Path
) -> None:
    undisturbed = fit_jointly(training, 2, ignore)
    assert undisturbed.usage.cpu_seconds > 0
    disturbed = elsewhere(training, tmp_path / "killed", pause=0.02)
    killed: list[int] = []

    def kill_one(event: events.Event) -> None:
        if isinstance(event, events.FitProgressed) and event.step >= 50 and not killed:
            assert checkpoints(disturbed)
            victim = train_workers()[-1]
            os.kill(victim.pid, signal.SIGKILL)
            killed.append(victim.pid)

    stored = fit_jointly(disturbed, 2, kill_one)
    assert killed
    assert stored.model.files == undisturbed.model.files
    assert not checkpoints(disturbed)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.ray
@pytest.mark.usefixtures("ray_session")
def test_an_error_of_one_process_ends_the_fit_as_it_is(training: Training, tmp_path: Path) -> None:
    with pytest.raises(FitError, match="the last process refuses") as caught:
        fit_jointly(elsewhere(training, tmp_path / "refused", refuses=True), 2, ignore)
    assert caught.value.hint == "ask another"


def test_a_fit_in_this_process_goes_on_from_the_checkpoint_that_a_killed_one_left(
    training: Training, tmp_path: Path
) -> None:
    whole = fit_here(training, ignore)
    killed = elsewhere(training, tmp_path / "killed")

    def stop(event: events.Event) -> None:
        if isinstance(event, events.FitProgressed) and event.step == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_here(killed, stop)
    assert checkpoints(killed)
    steps: list[int] = []

    def note(event: events.Event) -> None:
        assert isinstance(event, events.FitProgressed)
        steps.append(event.step)

    assert fit_here(killed, note).model.files == whole.model.files
    assert steps == [100, 150, 200]
    assert not checkpoints(killed)
    assert not checkpoints(training)


def test_a_checkpoint_that_was_altered_is_refused_by_name(training: Training, tmp_path: Path) -> None:
    store = StoredCheckpoints(store=training.store, fit_id=training.fit_id, every_seconds=1.0)
    store.save({"state.json": b"{}"})
    (path,) = [path for path in checkpoints(training) if path.endswith("state.json")]
    (tmp_path / "first" / path).write_bytes(b"[]")
    with pytest.raises(ProvenanceError, match="digest") as caught:
        store.load()
    assert CHECKPOINTS in caught.value.hint


def test_only_the_newest_checkpoint_is_kept_and_another_fit_sees_none(training: Training) -> None:
    store = StoredCheckpoints(store=training.store, fit_id=training.fit_id, every_seconds=1.0)
    assert store.load() is None
    store.save({"state.json": b"1", "arrays": b"a"})
    store.save({"state.json": b"2"})
    assert store.load() == {"state.json": b"2"}
    assert len(checkpoints(training)) == 2
    assert replace(store, fit_id="e" * 64).load() is None
