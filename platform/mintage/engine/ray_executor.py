"""Attempts on Ray: one queue of attempts, given only to workers that have started.

A worker that waits for room in the cluster holds no shard, so the fleet may grow, shrink to nothing
and come back in the middle of a run. Actors are never restarted by Ray, and their tasks are never
retried by Ray: the coordinator alone decides. Payload never passes Ray; a task returns a receipt of a
few hundred bytes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent import futures
from typing import Any

from mintage.engine import events, measures
from mintage.engine.cluster_view import look
from mintage.engine.executors import Attempt, Outcome
from mintage.engine.fleet import Answer, Fleet, Worker
from mintage.engine.outlook import Outlook
from mintage.engine.placement import ClusterView, Placement
from mintage.engine.probing import Probed
from mintage.engine.ray_metrics import report_to_ray
from mintage.engine.ray_worker import Started
from mintage.engine.usage import Reservations, Usage
from mintage.engine.worker import Failure, Receipt, WorkerSetup
from mintage.errors import ClusterError, MintageError
from mintage.plugins import PluginRef
from mintage.telemetry import carrier, record

MAX_START_FAILURES = 6
"""How often workers may fail to start, with growing pauses and while none lives, before the run gives up."""

_KEPT = 2
"""Workers that are not let go when they have nothing to do: a probe needs another one than the minter."""
_IDLE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 60.0


class RayExecutor:
    """Runs attempts on actors of the Ray cluster that this process is connected to.

    Workers start with the executor, so that their libraries are loaded while the model is fitted; those
    that take a GPU start when there is a model, which may be fitted on that GPU.
    """

    def __init__(
        self,
        placement: Placement,
        generator: PluginRef | None,
        on_event: events.OnEvent,
        look_at: Callable[[], ClusterView] = look,
    ) -> None:
        self._placement = placement
        self._setup: WorkerSetup | None = None
        self._reservations = Reservations(placement.cpus, placement.gpus)
        self._fleet = Fleet(placement, generator, self._reservations)
        self._queue: deque[Attempt] = deque()
        self._outlook = Outlook(placement, on_event, look_at)
        self._start_failures = 0
        self._start_after = 0.0
        self._most = 0
        self._shown = (0, 0, 0)
        report_to_ray()
        self._tend()

    def begin(self, setup: WorkerSetup) -> None:
        """Tell the workers with each attempt what this says."""
        self._setup = setup
        self._outlook.begin()

    @property
    def capacity(self) -> int:
        """Every worker has one attempt under way, the next ones waiting at it, and one more in the queue."""
        return self._outlook.target * (self._placement.in_flight + 1)

    @property
    def workers(self) -> int:
        """How many workers this has asked for at once, at most."""
        return self._most

    def submit(self, attempt: Attempt) -> None:
        """Queue an attempt for the first worker that has time."""
        self._queue.append(attempt)
        self._dispatch()

    def wait(self, timeout_seconds: float) -> list[Outcome]:
        """The attempts that ended; a dead worker loses all of its own, and is replaced.

        Raises what kept a worker from starting: an error of the generator's package, or
        `ClusterError` after `MAX_START_FAILURES`.
        """
        self._tend()
        answers = self._fleet.answers(timeout_seconds)
        outcomes = [outcome for answer in answers for outcome in self._take(answer)]
        self._dispatch()
        return outcomes

    def probe(self, shards: Mapping[int, str]) -> list[Probed | MintageError]:
        """Mint on other workers than those named; on other nodes where the cluster has some."""
        asked = {
            shard: self._other(not_by, number).actor.probe.remote(self._setup, shard, carrier())
            for number, (shard, not_by) in enumerate(shards.items())
        }
        return [_probed(shard, reference) for shard, reference in asked.items()]

    def reserved(self) -> Usage:
        """What the workers have held since each of them started."""
        return self._reservations.total()

    def close(self) -> None:
        """End the workers, and wait until they are dead: only then can nothing be committed."""
        self._queue.clear()
        self._fleet.close()
        self._show(wanted=0)

    def _dispatch(self) -> None:
        """Give attempts to started workers; each gets a next one to wait only while there are plenty.

        Near the end an attempt that waits at a worker would miss another worker that has time.
        """
        fleet = self._fleet
        while self._queue and self._setup is not None:
            plenty = len(self._queue) > len(fleet.started)
            worker = fleet.lightest(self._placement.in_flight if plenty else 1)
            if worker is None:
                return
            fleet.give(worker, self._queue.popleft(), self._setup)

    def _tend(self) -> None:
        """Have as many workers as there is work and a share for; let go who has been idle for a while."""
        fleet, now = self._fleet, time.monotonic()
        busy = len(fleet.started) - len(fleet.idle)
        work = len(self._queue) + busy
        allowed = self._outlook.watch(started=len(fleet.started), waiting=len(fleet.waiting), work=work)
        wanted = allowed if self._setup is None else min(allowed, work)
        self._show(wanted)
        while fleet.size < wanted and now >= self._start_after and self._may_start:
            fleet.start()
        self._most = max(self._most, fleet.size)
        kept = min(allowed, max(wanted, _KEPT))
        while fleet.size > kept and fleet.waiting:
            fleet.withdraw()
        while fleet.staying > allowed and (worker := fleet.lightest(self._placement.in_flight + 1)):
            fleet.retire(worker)
        while fleet.staying > kept and fleet.idle:
            longest = next(iter(fleet.idle))
            if now - longest.idle_since < _IDLE_SECONDS:
                return
            fleet.retire(longest)

    def _show(self, wanted: int) -> None:
        """Say in metrics how many workers there are, when that has changed."""
        shown = wanted, len(self._fleet.started), len(self._fleet.waiting)
        if shown != self._shown:
            self._shown = shown
            measures.show_workers(wanted=wanted, started=shown[1], pending=shown[2])

    @property
    def _may_start(self) -> bool:
        return self._setup is not None or not self._placement.gpus

    def _take(self, answer: Answer) -> list[Outcome]:
        worker, error = answer.worker, answer.future.exception()
        if not self._fleet.has(worker):
            # It was given up for lost: the store, not its report, counts.
            return []
        if error is not None:
            return self._lose(worker, error)
        ended = answer.future.result()
        if answer.attempt is None:
            self._welcome(worker, ended)
            return []
        self._fleet.finish(worker, answer.attempt)
        assert isinstance(ended, Receipt | Failure)
        if isinstance(ended, Receipt):
            self._fleet.settle(ended.shard)
        return [Outcome.of(answer.attempt, ended)]

    def _welcome(self, worker: Worker, started: object) -> None:
        if isinstance(started, MintageError):
            raise started
        assert isinstance(started, Started)
        self._start_failures = 0
        self._fleet.welcome(worker, started)

    def _lose(self, worker: Worker, error: BaseException) -> list[Outcome]:
        """The attempts of a dead worker: the one that it was minting may be why, unless its node is gone."""
        from ray import exceptions as ray_errors

        reason = _reason(error)
        record("mintage.workers.lost", 1)
        unsure = isinstance(error, ray_errors.ActorUnavailableError)
        if worker.started is None:
            self._note_start_failure(reason)
        taken = unsure or self._was_taken(worker, error)
        attempts = self._fleet.lose(worker, dead=not unsure)
        return [
            Outcome(attempt=attempt, lost=reason, blameless=taken or number > 0)
            for number, attempt in enumerate(attempts)
        ]

    def _was_taken(self, worker: Worker, error: BaseException) -> bool:
        """Whether the cluster took the worker's node away, and not only the process died."""
        from ray import exceptions as ray_errors

        if isinstance(error, ray_errors.NodeDiedError):
            return True
        if isinstance(error, ray_errors.RayActorError) and error.preempted:
            return True
        return worker.started is not None and self._outlook.is_gone(worker.started.node)

    def _note_start_failure(self, reason: str) -> None:
        """Wait before the next try; workers that fail together, such as those of one node, count once."""
        now = time.monotonic()
        if now < self._start_after:
            return
        self._start_failures += 1
        self._start_after = now + min(_LONGEST_PAUSE_SECONDS, 2.0 ** (self._start_failures - 1))
        if self._start_failures >= MAX_START_FAILURES and not self._fleet.started:
            raise ClusterError(
                f"workers failed to start {self._start_failures} times, one after the other: {reason}",
                "look in the workers' logs; the image of the nodes must have the packages that the job needs",
            )

    def _other(self, not_by: str, number: int) -> Worker:
        """A worker on another machine, or else in another process, in turn; a new one if there is none."""
        others = [
            worker
            for worker in self._fleet.started
            if worker.started is not None and worker.started.identity != not_by
        ]
        if not others:
            # The minter itself may hold the only room that there is.
            for worker in list(self._fleet.idle):
                self._fleet.retire(worker)
            return self._fleet.start(spread=True)
        machine = not_by.partition("/")[0]
        elsewhere = [one for one in others if _identity(one).partition("/")[0] != machine] or others
        return elsewhere[number % len(elsewhere)]


def _reason(error: BaseException) -> str:
    """One line of what Ray says; of an error in a worker's own code, the last one names it."""
    from ray import exceptions as ray_errors

    lines = str(error).strip().splitlines() or [""]
    own = isinstance(error, ray_errors.RayActorError) and error.actor_init_failed
    return f"{type(error).__name__}: {lines[-1 if own else 0]}"


def _identity(worker: Worker) -> str:
    return worker.started.identity if worker.started is not None else ""


def _probed(shard: int, reference: Any) -> Probed | MintageError:  # noqa: ANN401  # Ray's, without a type
    from ray import exceptions as ray_errors

    future: futures.Future[Any] = reference.future()
    try:
        return future.result()  # type: ignore[no-any-return]  # Ray's results have no static type
    except ray_errors.RayError as exc:
        return ClusterError(
            f"the worker that minted shard {shard} again went away: {str(exc).splitlines()[0]}",
            "look in its logs for a crash or for memory, then run the same command again",
        )
