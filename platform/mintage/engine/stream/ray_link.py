"""Rows that are made by an actor on Ray: plain calls that return a chunk each, a few of them in flight.

The consumer alone decides what is asked again: Ray restarts nothing. An actor that is lost is replaced,
and whatever it had not answered is asked of the new one; the answers are the same.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import Any

from mintage.engine.placement import Placement
from mintage.engine.ray_worker import WORKER_ENVIRONMENT
from mintage.engine.stream.chunks import ChunkTaker
from mintage.engine.stream.keys import Ask, Chunk
from mintage.engine.stream.rows import Rows
from mintage.errors import ClusterError, MintageError

_LOSSES = 3
"""Actors that may be lost in a row before a stream gives up."""


class _StreamWorker:
    """The actor: the plan and the model are loaded with the first ask."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._taker: ChunkTaker | None = None

    def ping(self) -> None:
        """Answer, to show that this actor has started."""

    def take(self, ask: Ask) -> Any:  # noqa: ANN401  # Ray wraps it anyway
        """A chunk; an error comes back as a value, so that it crosses processes as it is."""
        try:
            self._taker = self._taker or ChunkTaker(self._rows.start())
            return self._taker.take(ask)
        except MintageError as exc:
            return exc


class RayLink:
    """Asks one actor of the cluster that this process is connected to."""

    def __init__(self, rows: Rows, placement: Placement) -> None:
        self._rows = rows
        self._placement = placement
        self._asked: deque[tuple[Ask, Any]] = deque()
        self._losses = 0
        self._actor = self._start_actor()

    def send(self, ask: Ask) -> None:
        """Call the actor; calls of one caller are answered in their order."""
        self._asked.append((ask, self._actor.take.remote(ask)))

    def receive(self) -> Chunk:
        """Wait for the first answer. Raises `ClusterError` when actors are lost again and again."""
        import ray
        from ray import exceptions as ray_errors

        while True:
            try:
                ray.get(self._started, timeout=self._placement.patience_seconds)
                answer: Any = ray.get(self._asked[0][1])
            except ray_errors.GetTimeoutError as exc:
                raise ClusterError(
                    f"no worker started within {self._placement.patience_seconds:g} s",
                    "see whether the cluster has room for what resources asks for, or will have some",
                ) from exc
            except ray_errors.RayTaskError as exc:
                raise ClusterError(f"a worker failed: {exc}", "please report this") from exc
            except ray_errors.RayError as exc:
                self._replace(f"{type(exc).__name__}: {str(exc).splitlines()[0]}")
                continue
            self._asked.popleft()
            self._losses = 0
            if isinstance(answer, MintageError):
                raise answer
            assert isinstance(answer, Chunk)
            return answer

    def close(self) -> None:
        """End the actor. A shard that it had begun to commit is committed whole, or not at all."""
        import ray
        from ray import exceptions as ray_errors

        self._asked.clear()
        with contextlib.suppress(ray_errors.RayError):
            ray.kill(self._actor, no_restart=True)

    def _replace(self, reason: str) -> None:
        self._losses += 1
        if self._losses > _LOSSES:
            raise ClusterError(
                f"{self._losses} workers were lost one after the other, the last one by {reason}",
                "look in its logs for a crash or for memory; a stream goes on from its state_dict()",
            )
        asks = [ask for ask, _ in self._asked]
        self.close()
        self._actor = self._start_actor()
        for ask in asks:
            self.send(ask)

    def _start_actor(self) -> Any:  # noqa: ANN401  # Ray's actor handles have no static type
        import ray

        remote: Any = ray.remote(max_restarts=0, max_task_retries=0)(_StreamWorker)
        placement = self._placement
        variables = {**WORKER_ENVIRONMENT, **placement.environment}
        options = {"runtime_env": {"env_vars": variables}, **placement.options()}
        actor: Any = remote.options(**options).remote(self._rows)
        self._started = actor.ping.remote()
        return actor
