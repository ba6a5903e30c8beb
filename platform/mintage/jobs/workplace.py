"""Where a job runs: in this process, or on Ray; decided once, from the spec and the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from mintage.engine.events import OnEvent
from mintage.engine.executors import Executor, InlineExecutor
from mintage.engine.placement import Placement
from mintage.engine.training import Fitted, Training, fit_here, fit_on_ray
from mintage.engine.worker import WorkerSetup
from mintage.errors import SpecError
from mintage.plan import Plan, shard_count
from mintage.plugins import PluginRef
from mintage.settings import Settings
from mintage.spec import JobSpec, ResourcesSpec
from mintage.store import ObjectStore
from mintage.telemetry import marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """How fits and attempts are run; `workers` is 1 and `ray` false in this process.

    `workers` is how many there can be work for, of those that were asked for; `asked` is None when
    they are to follow the nodes of a cluster.
    """

    spec: JobSpec
    settings: Settings
    workers: int
    asked: int | None
    ray: bool

    @classmethod
    def choose(cls, spec: JobSpec, settings: Settings, store: ObjectStore) -> Workplace:
        """The workplace of a job. Raises `SpecError` when what is asked for cannot work together."""
        resources = spec.resources
        joins = resources.address is not None or settings.ray_address is not None
        asked = resources.workers or (None if joins else settings.cpus)
        shards = shard_count(spec.rows, spec.sink.shard_rows)
        ray = _needs_ray(resources)
        if resources.executor == "auto" and store.scheme != "memory":
            # In a cluster, the machine of the driver is often a small one that others rely on.
            ray = ray or settings.ray_address is not None or (asked != 1 and shards > 1)
        if ray and store.scheme == "memory":
            raise SpecError(
                "sink.uri: memory:// is seen by this process alone, but resources ask for Ray",
                "write to a folder or to s3://, or set resources.executor to inline",
            )
        workers = min(asked or shards, shards) if ray else 1
        return cls(spec=spec, settings=settings, workers=workers, asked=asked, ray=ray)

    @contextmanager
    def open(self, generator: PluginRef | None, on_event: OnEvent) -> Iterator[Executor]:
        """An executor while the body runs, on Ray when Ray is where the job runs; closed in the end.

        `generator` is what the models that its workers will draw from are made by, when it is known.
        `on_event` hears what keeps workers from being there.
        """
        if not self.ray:
            with closing(InlineExecutor()) as executor:
                yield executor
            return
        from mintage.engine.ray_cluster import ray_cluster
        from mintage.engine.ray_executor import RayExecutor

        with (
            ray_cluster(self.spec.resources.address, self.settings),
            closing(RayExecutor(self.placement(), generator, on_event)) as fleet,
        ):
            yield fleet

    def placement(self) -> Placement:
        """What workers ask of a cluster."""
        resources = self.spec.resources
        return Placement(
            workers=self.asked,
            most=self.workers,
            in_flight=resources.in_flight,
            cpus=resources.cpus_per_worker,
            gpus=resources.gpus_per_worker,
            places=resources.places,
            patience_seconds=resources.patience_seconds,
            environment=self.settings.for_workers(),
        )

    def fit(self, training: Training, on_event: OnEvent) -> Fitted:
        """Fit and store a model, with as many processes as the spec says."""
        if not self.ray:
            return fit_here(training, on_event)
        resources = self.spec.resources
        if resources.fit_workers == 1:
            return fit_on_ray(training, on_event)
        from mintage.engine.joint_fit import fit_jointly

        return fit_jointly(training, resources.fit_workers, on_event)

    def setup(self, store: ObjectStore, plan: Plan) -> WorkerSetup:
        """What workers are told."""
        return WorkerSetup(
            store=store,
            plan_digest=plan.digest,
            first_shard=plan.first_shard,
            keep_rejects=self.spec.sink.keep_rejects,
            marks=marks(),
            gpus=self.spec.resources.gpus_per_worker,
        )


def _needs_ray(resources: ResourcesSpec) -> bool:
    return (
        resources.executor == "ray"
        or resources.address is not None
        or resources.fit_workers > 1
        or bool(resources.places)
    )
