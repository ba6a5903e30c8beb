"""Whose rows a stream has: those of a plan, made when they are asked for, or those of a finished version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from mintage.engine.placement import Placement
from mintage.engine.stream.feeds import Feed, LinkedFeed
from mintage.engine.stream.ray_link import RayLink
from mintage.engine.stream.rows import PlanRows, Rows, VersionRows
from mintage.errors import SpecError
from mintage.plan import Plan
from mintage.settings import Settings
from mintage.store import ObjectStore


class Origin(Protocol):
    """What a stream knows of its rows before it has any."""

    @property
    def identity(self) -> str:
        """What these rows are, in text: equal for equal rows under equal keys."""
        ...

    @property
    def rows(self) -> Rows:
        """What makes or reads them, as it travels to other processes."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """The schema of the table."""
        ...

    @property
    def shards(self) -> Sequence[int]:
        """All shards, in order."""
        ...

    @property
    def request_rows(self) -> int:
        """Rows that come at a time where they come from."""
        ...

    def total(self, shard: int) -> int | None:
        """The rows of a shard; None where only its end will show that."""
        ...

    def check_apart(self) -> None:
        """Raise `SpecError` where no other process can draw these rows."""
        ...

    def check_in_workers(self) -> None:
        """Raise `SpecError` where workers of a `DataLoader` cannot draw these rows."""
        ...

    def open_ray(self, stack: ExitStack, chunk_rows: int) -> list[Feed] | None:
        """Feeds from actors on Ray, until the stack is left; None when rows are made in this process."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RayPlace:
    """The cluster whose actors make the rows."""

    address: str | None
    placement: Placement
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOrigin:
    """The rows that the data set of a plan has, or would have."""

    plan: Plan
    schema: pa.Schema
    rows: PlanRows
    ray: RayPlace | None
    inline: bool
    """Whether the job is bound to this process."""

    @property
    def identity(self) -> str:
        """The plan, the table, and what later epochs draw."""
        later = "fresh" if self.rows.fresh else "the same"
        return f"plan {self.plan.digest}, table {self.rows.table}, {later} rows in each epoch"

    @property
    def shards(self) -> range:
        """Those of the plan."""
        return self.plan.indices

    @property
    def request_rows(self) -> int:
        """What the model makes at a time."""
        return self.plan.batch_rows

    def total(self, shard: int) -> int | None:
        """Known of the root table, along which shards are cut."""
        return self.plan.shard(shard).rows if self.rows.table == self.plan.schema.root else None

    def check_apart(self) -> None:
        """Raise where the store is this process's own."""
        check_seen(self.rows.setup.store)

    def check_in_workers(self) -> None:
        """Raise where the store or the cluster is this process's own."""
        self.check_apart()
        if self.ray is not None:
            raise SpecError(
                "resources: the rows are made by actors on Ray, and asked for by workers of a DataLoader",
                "use num_workers=0: the actors are the workers",
            )

    def open_ray(self, stack: ExitStack, chunk_rows: int) -> list[Feed] | None:
        """A feed for each actor."""
        if self.ray is None:
            return None
        from mintage.engine.ray_cluster import ray_cluster

        stack.enter_context(ray_cluster(self.ray.address, Settings.read()))
        placement = self.ray.placement
        links = [RayLink(self.rows, placement) for _ in range(self.ray.workers)]
        return [LinkedFeed(link, chunk_rows, placement.in_flight) for link in links]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionOrigin:
    """The rows of a version of a data set, as they are committed."""

    root: str
    """Root of its Merkle tree."""
    schema: pa.Schema
    rows: VersionRows
    totals: Mapping[int, int]
    """Rows of each shard in the table."""
    request_rows: int = 65_536

    @property
    def identity(self) -> str:
        """The version by its root, and the table."""
        return f"data set {self.root}, table {self.rows.table}"

    @property
    def shards(self) -> Sequence[int]:
        """Those that the manifest names."""
        return tuple(self.totals)

    def total(self, shard: int) -> int | None:
        """As the manifest has it."""
        return self.totals[shard]

    def check_apart(self) -> None:
        """Raise where the store is this process's own."""
        check_seen(self.rows.store)

    def check_in_workers(self) -> None:
        """The same."""
        self.check_apart()

    def open_ray(self, stack: ExitStack, chunk_rows: int) -> None:
        """Reading needs no actors."""
        del stack, chunk_rows


def check_seen(store: ObjectStore) -> None:
    """Raise `SpecError` unless other processes see what a store holds."""
    if store.scheme == "memory":
        raise SpecError(
            f"{store.uri} is seen by one process alone, and others are to draw its rows",
            "write to a folder or to s3://, or draw the rows in this process (num_workers=0)",
        )
