"""Fitting: in this process, or in one actor of the cluster; either way the model goes to the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from mintage.contracts import FitContext, FitProgress, Generator, Model, Source
from mintage.engine import events
from mintage.engine.checkpoints import StoredCheckpoints
from mintage.engine.devices import Device, choose_device
from mintage.engine.models import StoredModel, save_model
from mintage.engine.usage import METER, Usage
from mintage.errors import ClusterError, FitError, MintageError
from mintage.plugins import PluginRef, load_generator
from mintage.settings import Settings
from mintage.store import ObjectStore
from mintage.telemetry import Mark, carrier, continued, flush, marked, marks, span

_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One fit: which generator, with which options, on what, and where its model goes.

    `fit_id` names what determines the model; it is kept beside it, so that a later driver knows
    whether the model is the one that it would have fitted.
    """

    store: ObjectStore
    generator: PluginRef
    config: Mapping[str, object]
    source: Source | None
    seed: int
    threads: int
    fit_id: str
    device: Device = "auto"
    checkpoint_seconds: float | None = None

    def checkpoints(self) -> StoredCheckpoints:
        """Where this fit keeps its state; a store in memory has no use for it."""
        every = self.checkpoint_seconds if self.store.is_shared else None
        return StoredCheckpoints(store=self.store, fit_id=self.fit_id, every_seconds=every)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A model in the store, and what its fit took: of all processes that trained it together."""

    model: StoredModel
    usage: Usage


def fit_here(training: Training, on_event: events.OnEvent) -> Fitted:
    """Fit in this process."""

    def report(progress: FitProgress) -> None:
        on_event(events.FitProgressed(step=progress.step, steps=progress.steps, note=progress.note))

    return _fit_alone(training, choose_device(training.device), report)


def _fit_alone(training: Training, device: str, report: Callable[[FitProgress], None]) -> Fitted:
    with METER.measure(gpus_of(device)) as taken:
        stored = _fit_and_save(training, device, report)
    return Fitted(model=stored, usage=taken.usage)


def gpus_of(device: str) -> float:
    """The GPUs that a process which trains on that device keeps busy."""
    return 0.0 if device == "cpu" else 1.0


def _fit_and_save(training: Training, device: str, report: Callable[[FitProgress], None]) -> StoredModel:
    checkpoints = training.checkpoints()
    context = FitContext(
        seed=training.seed, threads=training.threads, report=report, device=device, checkpoints=checkpoints
    )
    stored = save_model(training.store, fit_model(training, context), training.generator, training.fit_id)
    checkpoints.clear()
    return stored


def fit_model(training: Training, context: FitContext) -> Model:
    """Fit, and return the model; any error that is not Mintage's own becomes a `FitError`."""
    try:
        return fit_as_is(training, context)
    except MintageError:
        raise
    except Exception as exc:
        raise failed(training, f"{type(exc).__name__}: {exc}") from exc


def fit_as_is(training: Training, context: FitContext) -> Model:
    """Fit, and return the model; errors stay what they are."""
    cls = load_generator(training.generator)
    generator: Generator = cls(cls.Config.model_validate(dict(training.config)))
    with span("fit", {"mintage.generator": training.generator.name}):
        return generator.fit(training.source, context)


def failed(training: Training, why: str) -> FitError:
    """The error for a generator that failed in a way that it does not know of."""
    ref = training.generator
    return FitError(f"{ref.name} failed to learn: {why}", f"report it to {ref.distribution} {ref.version}")


def fit_on_ray(training: Training, on_event: events.OnEvent) -> Fitted:
    """Fit in one actor of the Ray cluster that this process is connected to.

    It gets a GPU where there is one: workers that take one start later.
    """
    import ray

    gpus = 1 if takes_gpus(training, 1) else 0
    # Ray's types describe neither the options of an actor nor its methods.
    remote: Any = ray.remote(max_restarts=0, max_task_retries=0)(_Trainer)
    actor: Any = remote.options(
        num_cpus=0,
        num_gpus=gpus,
        max_concurrency=2,
        runtime_env={"env_vars": thread_variables(training.threads) | Settings.read().for_workers()},
    ).remote()
    return follow(actor, actor.fit.remote(training, carrier(), marks()), on_event)


def takes_gpus(training: Training, workers: int) -> bool:
    """Whether each of `workers` processes gets a GPU of the cluster. Raises `ClusterError` when it has to."""
    import ray

    if training.device == "cpu":
        return False
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray's
    free = resources.get("GPU", 0.0)
    if free < workers and training.device == "cuda":
        raise ClusterError(
            f"resources.fit_device is cuda for {workers} processes; {free:g} GPUs of the cluster are free",
            "lower resources.fit_workers or gpus_per_worker, or set resources.fit_device to auto",
        )
    return free >= workers


def thread_variables(threads: int) -> dict[str, str]:
    """What tells a process of the cluster how many threads it has."""
    return {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}


def follow(actor: Any, result: Any, on_event: events.OnEvent) -> Fitted:  # noqa: ANN401  # Ray
    """Wait for what an actor fits, and tell how far it is; the actor is gone in the end."""
    import ray
    from ray import exceptions as ray_errors

    try:
        while not ray.wait([result], timeout=_POLL_SECONDS)[0]:
            progress: Any = ray.get(actor.progress.remote())
            if progress is not None:
                on_event(events.FitProgressed(step=progress.step, steps=progress.steps, note=progress.note))
        ended = ray.get(result)
    except ray_errors.RayError as exc:
        raise ClusterError(
            f"the actor that fits the model went away: {str(exc).splitlines()[0]}",
            "look in its logs for a crash or for memory, then run the same command again",
        ) from exc
    finally:
        ray.kill(actor, no_restart=True)
    if isinstance(ended, MintageError):
        raise ended
    return ended  # type: ignore[no-any-return]  # Ray's results have no static type


class _Trainer:
    """The actor: `fit` in one thread, `progress` in another."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._progress: FitProgress | None = None

    def fit(self, training: Training, trace: Mapping[str, str], held: Mapping[str, Mark]) -> Any:  # noqa: ANN401  # Ray wraps it anyway
        """The stored model, or the error: Ray would wrap an exception in one of its own."""
        from mintage.engine.ray_metrics import begin_worker

        begin_worker()
        try:
            with continued(trace), marked(held):
                return _fit_alone(training, choose_device(training.device), self._report)
        except MintageError as exc:
            return exc
        finally:
            flush()

    def progress(self) -> FitProgress | None:
        """What was reported since somebody last asked."""
        with self._lock:
            progress, self._progress = self._progress, None
            return progress

    def _report(self, progress: FitProgress) -> None:
        with self._lock:
            self._progress = progress
