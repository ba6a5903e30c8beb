"""A stream as a Ray Dataset: read tasks that make some shards each, in blocks of a few thousand rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mintage.engine.stream.origin import Origin, PlanOrigin
from mintage.engine.stream.rows import never
from mintage.errors import PluginError, SpecError

if TYPE_CHECKING:
    import ray.data

_MAX_TASKS = 10_000


def read_stream(
    origin: Origin, shards: Sequence[int], columns: Sequence[str] | None, epoch: int
) -> ray.data.Dataset:
    """The rows of some shards as a Ray Dataset. Raises `SpecError` for a job bound to this process."""
    if isinstance(origin, PlanOrigin) and origin.inline:
        raise SpecError(
            "resources.executor: inline, but a Ray Dataset is made by tasks on Ray",
            "remove resources.executor, or set it to ray",
        )
    origin.check_apart()
    try:
        import ray.data
        from ray.data.block import BlockMetadata
    except ImportError as exc:
        raise PluginError("Ray Data is not installed", "pip install 'mintage[data]'") from exc

    class _Shards(ray.data.Datasource):
        def estimate_inmemory_data_size(self) -> int | None:
            return None

        def get_read_tasks(self, parallelism: int, *_: object, **__: object) -> list[Any]:
            tasks = max(1, min(parallelism, len(shards), _MAX_TASKS))
            return [task(shards[index::tasks]) for index in range(tasks)]

    def task(own: Sequence[int]) -> Any:  # noqa: ANN401  # Ray's own type
        totals = [origin.total(shard) for shard in own]
        rows = None if None in totals else sum(total or 0 for total in totals)
        about = BlockMetadata(num_rows=rows, size_bytes=None, exec_stats=None)
        return ray.data.ReadTask(lambda: _blocks(origin, own, columns, epoch), about)

    source: Any = _Shards
    dataset: ray.data.Dataset = ray.data.read_datasource(source())
    return dataset


def _blocks(
    origin: Origin, shards: Sequence[int], columns: Sequence[str] | None, epoch: int
) -> Iterator[pa.Table]:
    source = origin.rows.start()
    for shard in shards:
        for batch in source.open(epoch, shard, never):
            if batch.num_rows:
                table = pa.Table.from_batches([batch])
                yield table if columns is None else table.select(list(columns))
