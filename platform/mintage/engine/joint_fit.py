"""One model fitted by several processes: Ray Train starts them, and starts them anew when one dies.

The processes train as `torch.distributed` lets them (gloo on CPUs, nccl on GPUs), each with its part of
every batch. Rank 0 saves checkpoints into the store, and in the end the model. Ray Train's own storage
holds nothing.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from mintage.contracts import FitContext, FitProgress
from mintage.engine import events
from mintage.engine.models import StoredModel, save_model
from mintage.engine.training import Fitted, Training, failed, fit_as_is, follow, gpus_of, takes_gpus
from mintage.engine.usage import METER, NOTHING, Usage
from mintage.errors import ClusterError, MintageError

MAX_FAILURES = 3
"""How often the processes are started anew."""

_LITTLE = 0.001
"""CPUs that a process reserves: the job's other actors have reserved theirs, and wait meanwhile."""

_CALLS = 16
"""Calls that the actor takes at once: reports come in while it waits."""


def fit_jointly(training: Training, workers: int, on_event: events.OnEvent) -> Fitted:
    """Fit with `workers` processes of the Ray cluster that this process is connected to.

    Raises `FitError` for what the generator refuses, `ClusterError` when processes die again and again.
    """
    import ray

    _check_installed()
    gpus = takes_gpus(training, workers)
    # Ray's types describe neither the options of an actor nor its methods.
    remote: Any = ray.remote(max_restarts=0, max_task_retries=0)(_Host)
    actor: Any = remote.options(num_cpus=0, max_concurrency=_CALLS).remote()
    folder = str(Path.cwd())
    return follow(actor, actor.fit.remote(training, workers, gpus, folder), on_event)


def _check_installed() -> None:
    try:
        import ray.train.torch  # noqa: F401  # whether it can be imported is what is asked
    except ImportError as exc:
        raise ClusterError(
            f"resources.fit_workers needs Ray Train, which is not complete here: {exc}",
            "pip install 'mintage[train]'",
        ) from exc


class _Host:
    """The actor in which Ray Train's controller lives, so that both end together; hears of the processes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._done = Event()
        self._progress: FitProgress | None = None
        self._ended: StoredModel | MintageError | None = None
        self._usage = NOTHING

    def fit(self, training: Training, workers: int, gpus: bool, folder: str) -> Any:  # noqa: ANN401  # Ray
        """What was fitted, or the error: Ray would wrap an exception in one of its own."""
        import ray

        me: Any = ray.get_runtime_context().current_actor
        thread = Thread(target=self._train, args=(training, workers, gpus, folder, me), daemon=True)
        thread.start()
        self._done.wait()
        with self._lock:
            if isinstance(self._ended, StoredModel):
                return Fitted(model=self._ended, usage=self._usage)
            return self._ended

    def use(self, usage: Usage) -> None:
        """Be told by a process what its part took; of one that died nothing is known."""
        with self._lock:
            self._usage += usage

    def report(self, progress: FitProgress) -> None:
        """Be told by rank 0 how far it is."""
        with self._lock:
            self._progress = progress

    def progress(self) -> FitProgress | None:
        """What was reported since somebody last asked."""
        with self._lock:
            progress, self._progress = self._progress, None
            return progress

    def end(self, result: StoredModel | MintageError) -> None:
        """Be told the result by rank 0, or an error that trying again will not mend by any process."""
        with self._lock:
            if self._ended is None:
                self._ended = result
        if isinstance(result, MintageError):
            # The other processes would wait for the one that has left.
            self._done.set()

    def _train(self, training: Training, workers: int, gpus: bool, folder: str, me: Any) -> None:  # noqa: ANN401  # Ray
        from ray import train
        from ray.train.torch import TorchTrainer

        # The types that checkers see are those of an older version of Ray Train.
        api: Any = train

        def work() -> None:
            with contextlib.chdir(folder) if Path(folder).is_dir() else contextlib.nullcontext():
                _work(training, me)

        try:
            with tempfile.TemporaryDirectory(prefix="mintage-fit-") as storage:
                TorchTrainer(
                    work,
                    scaling_config=api.ScalingConfig(
                        num_workers=workers,
                        use_gpu=gpus,
                        resources_per_worker={"CPU": _LITTLE, **({"GPU": 1} if gpus else {})},
                        placement_strategy="PACK" if gpus else "SPREAD",
                    ),
                    run_config=api.RunConfig(
                        name="fit",
                        storage_path=storage,
                        failure_config=api.FailureConfig(max_failures=MAX_FAILURES),
                    ),
                ).fit()
        except Exception as exc:  # noqa: BLE001  # whatever ended the training ends the fit, as an error of ours
            self.end(_as_cluster_error(exc))
        self.end(failed(training, "no process ended with a model"))
        self._done.set()


def _as_cluster_error(error: Exception) -> MintageError:
    first = str(error).strip().splitlines() or [type(error).__name__]
    return ClusterError(
        f"the processes that fit the model failed {MAX_FAILURES + 1} times: {first[-1]}",
        "look in their logs for a crash or for memory, then run the same command again: it goes on from "
        "the last checkpoint",
    )


def _work(training: Training, host: Any) -> None:  # noqa: ANN401  # Ray
    """What each process does."""
    import ray
    from ray import train
    from ray.train.torch import get_device

    here: Any = train.get_context()
    rank, world = here.get_world_rank(), here.get_world_size()
    training = replace(training, threads=max(1, training.threads // here.get_local_world_size()))
    device: Any = get_device()
    checkpoints = training.checkpoints()
    context = FitContext(
        seed=training.seed,
        threads=training.threads,
        report=lambda progress: host.report.remote(progress),
        device=str(device.type),
        rank=rank,
        world=world,
        checkpoints=checkpoints,
    )
    try:
        with METER.measure(gpus_of(context.device)) as taken:
            model = fit_as_is(training, context)
        ray.get(host.use.remote(taken.usage))
        if rank == 0:
            stored = save_model(training.store, model, training.generator, training.fit_id)
            ray.get(host.end.remote(stored))
            checkpoints.clear()
    except ClusterError:
        # Another process is gone: Ray Train sees it too, and starts all of them anew.
        raise
    except MintageError as exc:
        ray.get(host.end.remote(exc))
