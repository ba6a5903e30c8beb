"""The fleet: the actors of one job on Ray, from the wish to have one to its end.

An actor that waits for room in the cluster is there too: it is what an autoscaler sees. Nothing here
scans all actors when a shard ends: results come by a callback into one queue, and workers are kept by
how many attempts they have, so a thousand of them cost what one costs.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from concurrent import futures
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from mintage.engine.cluster_view import NAME
from mintage.engine.executors import Attempt
from mintage.engine.placement import Placement
from mintage.engine.ray_worker import CONTROL, Started, start_actor
from mintage.engine.usage import Reservations
from mintage.engine.worker import WorkerSetup
from mintage.errors import ClusterError
from mintage.plugins import PluginRef

_STOP_SECONDS = 10.0
_CLOSE_SECONDS = 30.0
_PING_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class Worker:
    """One actor and the attempts that it has, in the order in which it mints them."""

    actor: Any
    running: dict[tuple[int, str], Attempt] = field(default_factory=dict)
    started: Started | None = None
    idle_since: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a call: `attempt` is None for the start of the worker."""

    worker: Worker
    attempt: Attempt | None
    future: futures.Future[object]


class Fleet:
    """Actors with the same options; `levels[n]` are the started ones that have `n` attempts."""

    def __init__(self, placement: Placement, generator: PluginRef | None, reservations: Reservations) -> None:
        self.waiting: dict[Worker, None] = {}
        """Actors that have not started yet, the oldest first."""
        self.token = secrets.token_hex(4)
        self._placement = placement
        self._reservations = reservations
        self._generator = generator
        # A plain dict looks for its first key past all those that were taken out before it.
        self._levels: list[OrderedDict[Worker, None]] = [
            OrderedDict() for _ in range(placement.in_flight + 1)
        ]
        self._started: dict[Worker, None] = {}
        self._retiring: dict[Worker, None] = {}
        self._doubtful: dict[int, list[Worker]] = {}
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._numbers = itertools.count()

    @property
    def started(self) -> Mapping[Worker, None]:
        """The workers that can be given attempts, the oldest first."""
        return self._started

    @property
    def idle(self) -> Mapping[Worker, None]:
        """The workers that stay and have nothing to do, the one that had something last at the end."""
        return self._levels[0]

    @property
    def staying(self) -> int:
        """How many started workers are not about to go."""
        return len(self._started) - len(self._retiring)

    @property
    def size(self) -> int:
        """Workers that stay, and those that wait for room."""
        return self.staying + len(self.waiting)

    def start(self, *, spread: bool = False) -> Worker:
        """Ask the cluster for one more worker; `Answer` says when it is there."""
        name = f"{NAME}-{self.token}-{next(self._numbers)}"
        strategy = {"scheduling_strategy": "SPREAD"} if spread else {}
        options = {**self._placement.options(), **strategy, "name": name}
        worker = Worker(start_actor(options, self._placement.environment))
        self.waiting[worker] = None
        self._listen(worker, None, worker.actor.start.remote(self._generator))
        return worker

    def welcome(self, worker: Worker, started: Started) -> None:
        """Take in a worker that has started."""
        del self.waiting[worker]
        worker.started, worker.idle_since = started, time.monotonic()
        self._started[worker] = self._levels[0][worker] = None
        self._reservations.begin(worker)

    def lightest(self, limit: int) -> Worker | None:
        """A worker that stays with the fewest attempts, if that is less than `limit`."""
        return next((worker for level in self._levels[:limit] for worker in level), None)

    def give(self, worker: Worker, attempt: Attempt, setup: WorkerSetup) -> None:
        """Let a worker mint a shard, after those that it has."""
        self._move(worker, len(worker.running), len(worker.running) + 1)
        worker.running[attempt.key] = attempt
        self._listen(worker, attempt, worker.actor.mint.remote(setup, attempt))

    def finish(self, worker: Worker, attempt: Attempt) -> None:
        """Take an attempt that has ended off its worker."""
        del worker.running[attempt.key]
        if worker in self._retiring:
            if not worker.running:
                self._leave(worker)
            return
        self._move(worker, len(worker.running) + 1, len(worker.running))
        if not worker.running:
            worker.idle_since = time.monotonic()

    def retire(self, worker: Worker) -> None:
        """Let a worker go after what it has; it gets nothing more."""
        del self._levels[len(worker.running)][worker]
        self._retiring[worker] = None
        if not worker.running:
            self._leave(worker)

    def has(self, worker: Worker) -> bool:
        """Whether a worker has not been lost or let go."""
        return worker in self._started or worker in self.waiting

    def lose(self, worker: Worker, *, dead: bool) -> list[Attempt]:
        """Forget a worker; what it had, the one that it was minting first.

        `dead` is whether Ray is sure: one that only does not answer may still commit, until `close`.
        """
        attempts = list(worker.running.values())
        if worker.started is None:
            del self.waiting[worker]
        else:
            del self._started[worker]
            self._reservations.end(worker)
            kept = self._retiring if worker in self._retiring else self._levels[len(attempts)]
            del kept[worker]
        if not dead:
            for attempt in attempts:
                self._doubtful.setdefault(attempt.shard, []).append(worker)
        _kill(worker)
        return attempts

    def withdraw(self) -> None:
        """Ask no more for the worker that was asked for last: earlier ones may be about to start."""
        worker = next(reversed(self.waiting))
        del self.waiting[worker]
        _kill(worker)

    def settle(self, shard: int) -> None:
        """Be told that a shard is committed: nobody can add to it any more."""
        self._doubtful.pop(shard, None)

    def answers(self, timeout_seconds: float) -> list[Answer]:
        """What has come of calls; waits at most that long for the first of them."""
        try:
            found = [self._answers.get(timeout=max(0.0, timeout_seconds))]
        except Empty:
            return []
        with contextlib.suppress(Empty):
            while True:
                found.append(self._answers.get_nowait())
        return found

    def close(self) -> None:
        """End the actors, and wait until those that could commit something are dead.

        They are asked first. Ray calls an actor dead a moment before its process ends, and in that
        moment a worker that was killed in the middle could still put something into the store.
        """
        busy = [worker for worker in self._started if worker.running]
        self._ask_to_stop(busy)
        self._flush()
        dangerous = [*busy, *{worker for lost in self._doubtful.values() for worker in lost}]
        for worker in [*self._started, *self.waiting]:
            _kill(worker)
            self._reservations.end(worker)
        for kept in (self._started, self.waiting, self._retiring, *self._levels):
            kept.clear()
        self._doubtful.clear()
        _await_death(dangerous)

    def _leave(self, worker: Worker) -> None:
        """End a worker that has nothing to do, after it has sent what it has to tell of itself."""
        del self._started[worker], self._retiring[worker]
        self._reservations.end(worker)
        worker.actor.flush.remote()
        worker.actor.__ray_terminate__.remote()

    def _ask_to_stop(self, busy: list[Worker]) -> None:
        """Let attempts that are under way end by themselves; who does not in time is killed anyway."""
        for worker in busy:
            worker.actor.stop.options(concurrency_group=CONTROL).remote()
        ending = {attempt for worker in busy for attempt in worker.running}
        deadline = time.monotonic() + _STOP_SECONDS
        while ending and (left := deadline - time.monotonic()) > 0:
            ending -= {answer.attempt.key for answer in self.answers(left) if answer.attempt is not None}

    def _flush(self) -> None:
        """Have spans and metrics sent that would die with their process; nobody waits for one that hangs."""
        asked = [worker.actor.flush.options(concurrency_group=CONTROL).remote() for worker in self._started]
        futures.wait([one.future() for one in asked], timeout=_STOP_SECONDS)

    def _listen(self, worker: Worker, attempt: Attempt | None, reference: Any) -> None:  # noqa: ANN401  # Ray
        def put(future: futures.Future[object]) -> None:
            self._answers.put(Answer(worker=worker, attempt=attempt, future=future))

        reference.future().add_done_callback(put)

    def _move(self, worker: Worker, level: int, to: int) -> None:
        del self._levels[level][worker]
        self._levels[to][worker] = None


def _kill(worker: Worker) -> None:
    import ray
    from ray import exceptions as ray_errors

    with contextlib.suppress(ray_errors.RayError):
        ray.kill(worker.actor, no_restart=True)


def _await_death(workers: list[Worker]) -> None:
    """Ask each until Ray is sure that it is dead."""
    from ray import exceptions as ray_errors

    left = list(workers)
    deadline = time.monotonic() + _CLOSE_SECONDS
    while left and time.monotonic() < deadline:
        asked = {worker.actor.ping.remote().future(): worker for worker in left}
        ended, silent = futures.wait(asked, timeout=_PING_SECONDS)
        alive = [one for one in ended if not isinstance(one.exception(), ray_errors.ActorDiedError)]
        left = [asked[one] for one in (*alive, *silent)]
        if alive:
            time.sleep(_PING_SECONDS / 10)
    if left:
        raise ClusterError(
            f"{len(left)} workers did not stop within {_CLOSE_SECONDS:.0f} s",
            "check the cluster; until they are gone, shards may still be committed",
        )
