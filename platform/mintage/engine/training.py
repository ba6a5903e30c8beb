"""Fitting: in this process, or in one actor of the cluster; either way the model goes to the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from mintage.contracts import FitContext, FitProgress, Generator, Model, Source
from mintage.engine import events
from mintage.engine.models import StoredModel, save_model
from mintage.errors import ClusterError, FitError, MintageError
from mintage.plugins import PluginRef, load_generator
from mintage.store import ObjectStore
from mintage.telemetry import span

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


def fit_here(training: Training, on_event: events.OnEvent) -> StoredModel:
    """Fit in this process."""

    def report(progress: FitProgress) -> None:
        on_event(events.FitProgressed(step=progress.step, steps=progress.steps, note=progress.note))

    model = fit_model(training, FitContext(seed=training.seed, threads=training.threads, report=report))
    return save_model(training.store, model, training.generator, training.fit_id)


def fit_model(training: Training, context: FitContext) -> Model:
    """Fit, and return the model; any error that is not Mintage's own becomes a `FitError`."""
    cls = load_generator(training.generator)
    generator: Generator = cls(cls.Config.model_validate(dict(training.config)))
    with span("fit", {"mintage.generator": training.generator.name}):
        try:
            return generator.fit(training.source, context)
        except MintageError:
            raise
        except Exception as exc:
            raise FitError(
                f"{training.generator.name} failed to learn: {type(exc).__name__}: {exc}",
                f"report it to {training.generator.distribution} {training.generator.version}",
            ) from exc


def fit_on_ray(training: Training, on_event: events.OnEvent) -> StoredModel:
    """Fit in one actor of the Ray cluster that this process is connected to."""
    import ray
    from ray import exceptions as ray_errors

    variables = {name: str(training.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    # Ray's types describe neither the options of an actor nor its methods.
    remote: Any = ray.remote(max_restarts=0, max_task_retries=0)(_Trainer)
    actor: Any = remote.options(num_cpus=0, max_concurrency=2, runtime_env={"env_vars": variables}).remote()
    try:
        result = actor.fit.remote(training)
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

    def fit(self, training: Training) -> Any:  # noqa: ANN401  # Ray wraps it anyway
        """The stored model, or the error: Ray would wrap an exception in one of its own."""
        context = FitContext(seed=training.seed, threads=training.threads, report=self._report)
        try:
            return save_model(
                training.store, fit_model(training, context), training.generator, training.fit_id
            )
        except MintageError as exc:
            return exc

    def progress(self) -> FitProgress | None:
        """What was reported since somebody last asked."""
        with self._lock:
            progress, self._progress = self._progress, None
            return progress

    def _report(self, progress: FitProgress) -> None:
        with self._lock:
            self._progress = progress
