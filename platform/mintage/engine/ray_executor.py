"""Attempts on Ray: a fleet of actors, each of which mints one shard while the next one waits.

Actors are never restarted by Ray, and their tasks are never retried by Ray: the coordinator alone
decides. Payload never passes Ray; a task returns a receipt of a few hundred bytes.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mintage.engine.executors import Attempt, Outcome
from mintage.engine.probing import Probed, worker_identity
from mintage.engine.ray_metrics import begin_worker, report_to_ray
from mintage.engine.usage import Reservations, Usage
from mintage.engine.worker import ShardMinter, WorkerSetup
from mintage.errors import ClusterError, MintageError
from mintage.plugins import PluginRef, load_generator
from mintage.telemetry import carrier, flush, record

# One thread each: workers share the machine by processes, and OpenMP threads that spin on a busy
# core cost tenfold.
WORKER_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
_CONTROL = "control"
"""The thread of an actor that hears `stop` while the other one mints."""
_STOP_SECONDS = 10.0
_CLOSE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What each worker asks of the cluster."""

    workers: int
    in_flight: int
    cpus: float
    gpus: float
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that its processes get besides."""


class _RayWorker:
    """The actor: libraries are loaded when it starts, the plan and the model with the first attempt."""

    def __init__(self, generator: PluginRef | None) -> None:
        self._minter: ShardMinter | None = None
        self._stopped = threading.Event()
        begin_worker()
        if generator is not None:
            load_generator(generator).warm_up()

    def mint(self, setup: WorkerSetup, attempt: Attempt) -> Any:  # noqa: ANN401  # Ray wraps it anyway
        self._minter = self._minter or ShardMinter(setup, self._stopped.is_set)
        return self._minter.try_mint(attempt.shard, attempt.id, attempt.trace)

    def stop(self) -> None:
        """Let the attempt under way, and those that wait, end without a commit; heard while one runs."""
        self._stopped.set()

    def flush(self) -> None:
        """Send the spans and metrics that are still here: the process will be killed."""
        flush()

    def probe(self, setup: WorkerSetup, shard: int, trace: Mapping[str, str]) -> Any:  # noqa: ANN401  # Ray wraps it anyway
        self._minter = self._minter or ShardMinter(setup, self._stopped.is_set)
        return self._minter.try_probe(shard, trace)

    def ping(self) -> str:
        """Answer, to show that this actor lives, and who it is."""
        return worker_identity()


@dataclass(slots=True)
class _Slot:
    """One actor and the attempts that it has, by the reference of their result."""

    actor: Any
    running: dict[Any, Attempt] = field(default_factory=dict)


class RayExecutor:
    """Runs attempts on actors of the Ray cluster that this process is connected to.

    The actors start with the executor, so that their libraries are loaded while the model is fitted.
    """

    def __init__(self, placement: Placement, generator: PluginRef | None) -> None:
        self._placement = placement
        self._generator = generator
        self._setup: WorkerSetup | None = None
        report_to_ray()
        self._reservations = Reservations(placement.cpus, placement.gpus)
        self._slots = [_Slot(actor=self._start_actor()) for _ in range(placement.workers)]

    def begin(self, setup: WorkerSetup) -> None:
        """Tell the actors with each attempt what this says."""
        self._setup = setup

    @property
    def capacity(self) -> int:
        """Every worker has one attempt under way, and the next ones waiting in its queue."""
        return self._placement.workers * self._placement.in_flight

    def submit(self, attempt: Attempt) -> None:
        """Give the attempt to the actor that has the fewest."""
        slot = min(self._slots, key=lambda s: len(s.running))
        slot.running[slot.actor.mint.remote(self._setup, attempt)] = attempt

    def wait(self, timeout_seconds: float) -> list[Outcome]:
        """The attempts that ended; a dead actor loses all of its own, and is replaced."""
        import ray

        pending = [reference for slot in self._slots for reference in slot.running]
        if not pending:
            return []
        ready, _ = ray.wait(pending, num_returns=1, timeout=timeout_seconds, fetch_local=True)
        if ready:
            ready, _ = ray.wait(pending, num_returns=len(pending), timeout=0, fetch_local=True)
        return [outcome for reference in ready for outcome in self._collect(reference)]

    def probe(self, shards: Mapping[int, str]) -> list[Probed | MintageError]:
        """Mint on other actors than those named; on other nodes where the cluster has some."""
        actors = self._identities()
        asked = {
            shard: self._other_actor(actors, not_by, number).probe.remote(self._setup, shard, carrier())
            for number, (shard, not_by) in enumerate(shards.items())
        }
        return [self._probed(shard, reference) for shard, reference in asked.items()]

    def _probed(self, shard: int, reference: Any) -> Probed | MintageError:  # noqa: ANN401
        import ray
        from ray import exceptions as ray_errors

        try:
            return ray.get(reference)  # type: ignore[no-any-return]  # Ray's results have no static type
        except ray_errors.RayError as exc:
            return ClusterError(
                f"the worker that minted shard {shard} again went away: {str(exc).splitlines()[0]}",
                "look in its logs for a crash or for memory, then run the same command again",
            )

    def _identities(self) -> dict[str, Any]:
        """The actors that live, by who they are."""
        import ray
        from ray import exceptions as ray_errors

        actors: dict[str, Any] = {}
        for slot in self._slots:
            with contextlib.suppress(ray_errors.RayError):
                identity: Any = ray.get(slot.actor.ping.remote())
                actors[identity] = slot.actor
        return actors

    def _other_actor(self, actors: Mapping[str, Any], not_by: str, number: int) -> Any:  # noqa: ANN401
        """An actor on another machine, or else in another process, in turn; a new one if there is none."""
        others = sorted(name for name in actors if name != not_by)
        if not others:
            self._slots.append(_Slot(actor=self._start_actor(spread=True)))
            return self._slots[-1].actor
        machine = not_by.partition("/")[0]
        elsewhere = [name for name in others if name.partition("/")[0] != machine] or others
        return actors[elsewhere[number % len(elsewhere)]]

    def reserved(self) -> Usage:
        """What the actors have held since they were asked for."""
        return self._reservations.total()

    def close(self) -> None:
        """End the actors, and wait until they are dead: only then can nothing be committed.

        They are asked first. Ray calls an actor dead a moment before its process ends, and in that
        moment a worker that was killed in the middle could still put something into the store.
        """
        import ray
        from ray import exceptions as ray_errors

        self._ask_to_stop()
        self._flush()
        for slot in self._slots:
            with contextlib.suppress(ray_errors.RayError):
                ray.kill(slot.actor, no_restart=True)
        deadline = time.monotonic() + _CLOSE_SECONDS
        for slot in self._slots:
            self._await_death(slot.actor, deadline)
            self._reservations.end(slot.actor)
        self._slots = []

    def _ask_to_stop(self) -> None:
        """Let attempts that are under way end by themselves; who does not in time is killed anyway."""
        import ray

        busy = [slot for slot in self._slots if slot.running]
        for slot in busy:
            slot.actor.stop.options(concurrency_group=_CONTROL).remote()
        pending = [reference for slot in busy for reference in slot.running]
        if pending:
            ray.wait(pending, num_returns=len(pending), timeout=_STOP_SECONDS, fetch_local=False)

    def _flush(self) -> None:
        """Have spans and metrics sent that would die with their process; nobody waits for one that hangs."""
        import ray

        pending = [slot.actor.flush.options(concurrency_group=_CONTROL).remote() for slot in self._slots]
        if pending:
            ray.wait(pending, num_returns=len(pending), timeout=_STOP_SECONDS, fetch_local=False)

    def _start_actor(self, *, spread: bool = False) -> Any:  # noqa: ANN401  # Ray's actor handles have no static type
        import ray

        placement = self._placement
        # Ray's types do not know of concurrency groups.
        decorator: Any = ray.remote
        remote = decorator(max_restarts=0, max_task_retries=0, concurrency_groups={_CONTROL: 1})(_RayWorker)
        actor = remote.options(
            num_cpus=placement.cpus,
            num_gpus=placement.gpus,
            runtime_env={"env_vars": {**WORKER_ENVIRONMENT, **placement.environment}},
            scheduling_strategy="SPREAD" if spread else "DEFAULT",
        ).remote(self._generator)
        self._reservations.begin(actor)
        return actor

    def _collect(self, reference: Any) -> list[Outcome]:  # noqa: ANN401
        import ray
        from ray import exceptions as ray_errors

        slot = next((slot for slot in self._slots if reference in slot.running), None)
        if slot is None:
            return []
        try:
            ended: Any = ray.get(reference)
        except ray_errors.RayError as exc:
            return self._replace(slot, f"{type(exc).__name__}: {str(exc).splitlines()[0]}")
        return [Outcome.of(slot.running.pop(reference), ended)]

    def _replace(self, slot: _Slot, reason: str) -> list[Outcome]:
        lost = list(slot.running.values())
        slot.running.clear()
        record("mintage.workers.lost", 1)
        self._slots.remove(slot)
        self._reservations.end(slot.actor)
        self._slots.append(_Slot(actor=self._start_actor()))
        return [Outcome(attempt=attempt, lost=reason) for attempt in lost]

    def _await_death(self, actor: Any, deadline: float) -> None:  # noqa: ANN401
        import ray
        from ray import exceptions as ray_errors

        while time.monotonic() < deadline:
            try:
                ray.get(actor.ping.remote(), timeout=1.0)
            except ray_errors.GetTimeoutError:
                continue
            except ray_errors.RayError:
                return
        raise ClusterError(
            f"a worker did not stop within {_CLOSE_SECONDS:.0f} s",
            "check the cluster; until the worker is gone, shards may still be committed",
        )
