"""The actor: what runs on a node of a Ray cluster, and mints one shard while the next one waits."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mintage.engine.executors import Attempt
from mintage.engine.probing import worker_identity
from mintage.engine.ray_metrics import begin_worker
from mintage.engine.worker import ShardMinter, WorkerSetup
from mintage.errors import MintageError
from mintage.plugins import PluginRef, load_generator
from mintage.telemetry import flush

# One thread each: workers share the machine by processes, and OpenMP threads that spin on a busy
# core cost tenfold.
WORKER_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
CONTROL = "control"
"""The thread of an actor that hears `stop` while the other one mints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A worker has started: who it is, and on which node of the cluster."""

    identity: str
    node: str


class _RayWorker:
    """The actor: libraries are loaded by `start`, the plan and the model with the first attempt."""

    def __init__(self) -> None:
        self._minter: ShardMinter | None = None
        self._stopped = threading.Event()
        begin_worker()

    def start(self, generator: PluginRef | None) -> Any:  # noqa: ANN401  # Ray wraps it anyway
        """Load what minting needs; an error comes back as a value, so that it crosses processes as it is."""
        import ray

        try:
            if generator is not None:
                load_generator(generator).warm_up()
        except MintageError as exc:
            return exc
        return Started(identity=worker_identity(), node=ray.get_runtime_context().get_node_id())

    def mint(self, setup: WorkerSetup, attempt: Attempt) -> Any:  # noqa: ANN401  # Ray wraps it anyway
        """A receipt, or how the attempt failed."""
        self._minter = self._minter or ShardMinter(setup, self._stopped.is_set)
        return self._minter.try_mint(attempt.shard, attempt.id, attempt.trace)

    def stop(self) -> None:
        """Let the attempt under way, and those that wait, end without a commit; heard while one runs."""
        self._stopped.set()

    def probe(self, setup: WorkerSetup, shard: int, trace: Mapping[str, str]) -> Any:  # noqa: ANN401  # Ray
        """What comes of minting a committed shard again, or the error."""
        self._minter = self._minter or ShardMinter(setup, self._stopped.is_set)
        return self._minter.try_probe(shard, trace)

    def flush(self) -> None:
        """Send the spans and metrics that are still here: the process is about to end."""
        flush()

    def ping(self) -> None:
        """Answer, to show that this actor lives."""


def start_actor(options: Mapping[str, Any], environment: Mapping[str, str]) -> Any:  # noqa: ANN401  # Ray's handle
    """A new actor, never restarted by Ray, its tasks never retried by Ray; it may have to wait for room.

    Its processes get the variables of `environment` besides.
    """
    import ray

    # Ray's types do not know of concurrency groups.
    decorator: Any = ray.remote
    remote = decorator(max_restarts=0, max_task_retries=0, concurrency_groups={CONTROL: 1})(_RayWorker)
    variables = {**WORKER_ENVIRONMENT, **environment}
    return remote.options(runtime_env={"env_vars": variables}, **options).remote()
