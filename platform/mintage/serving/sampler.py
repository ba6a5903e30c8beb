"""Who draws when: a replica's requests, each alone or several together, on its few threads.

A request with a seed is drawn alone, because its rows follow from its seed. Requests without one may be
drawn together: while all threads are busy those that ask for the same thing gather, and the next thread
draws for all of them at once, which a model does in much less time than one after the other. No request
waits for others to come. Each is told the seed and its place: `rows 2000 to 3000 of 5000` are those rows of
a request for 5000 with that seed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pyarrow as pa

from mintage.serving.drawing import Drawing, draw_batches
from mintage.serving.models import ServedModel

_SEED_BITS = 53
"""Seeds that are drawn here can be sent back in JSON, whoever reads it."""

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The rows of one request out of those that were drawn together."""

    seed: int
    start: int
    total: int
    rows: pa.Table


@dataclass(slots=True)
class _Waiting:
    drawing: Drawing
    answer: asyncio.Future[Share]


def new_seed() -> int:
    """A seed for a request that has none."""
    return secrets.randbits(_SEED_BITS)


class Sampler:
    """Draws rows on threads of its own; made in the event loop that uses it."""

    def __init__(self, threads: int, joint_rows: int) -> None:
        self._threads = threads
        self._joint_rows = joint_rows
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="draw")
        self._waiting: dict[_Key, deque[_Waiting]] = defaultdict(deque)
        self._drainers: set[asyncio.Task[None]] = set()
        self._draining: dict[_Key, int] = defaultdict(int)

    def joins(self, drawing: Drawing, *, root: str) -> bool:
        """Whether a request without a seed may be drawn together with others."""
        return drawing.rows <= self._joint_rows and len(drawing.quotas) == 1 and drawing.table == root

    async def batches(self, served: ServedModel, drawing: Drawing) -> AsyncIterator[pa.RecordBatch]:
        """The batches of a request of its own, each drawn when it is asked for, in turns with others."""
        loop = asyncio.get_running_loop()
        made: Iterator[pa.RecordBatch] = draw_batches(served, drawing)
        while (batch := await loop.run_in_executor(self._pool, next, made, None)) is not None:
            yield batch

    async def share(self, served: ServedModel, drawing: Drawing) -> Share:
        """The rows of a request, drawn together with those of others that wait for the same."""
        key = (served.name, repr((drawing.validate, replace(drawing.quotas[0], rows=1))))
        waiting = _Waiting(drawing=drawing, answer=asyncio.get_running_loop().create_future())
        self._waiting[key].append(waiting)
        if self._draining[key] < self._threads:
            self._draining[key] += 1
            task = asyncio.create_task(self._drain(key, served))
            self._drainers.add(task)
            task.add_done_callback(self._drainers.discard)
        return await waiting.answer

    async def _drain(self, key: _Key, served: ServedModel) -> None:
        """Draw for those who wait, group after group, until nobody does."""
        loop = asyncio.get_running_loop()
        try:
            while group := self._next_group(key):
                seed, total = new_seed(), sum(one.drawing.rows for one in group)
                first = group[0].drawing
                joint = replace(first, rows=total, seed=seed, quotas=(replace(first.quotas[0], rows=total),))
                try:
                    rows = await loop.run_in_executor(self._pool, _draw_all, served, joint)
                except Exception as exc:  # noqa: BLE001  # each of the requests is told, whatever it is
                    _fail(group, exc)
                else:
                    _share_out(group, rows, seed)
        finally:
            self._draining[key] -= 1
            if not self._draining[key]:
                del self._draining[key]
                self._waiting.pop(key, None)

    def _next_group(self, key: _Key) -> list[_Waiting]:
        group: list[_Waiting] = []
        rows, queue = 0, self._waiting[key]
        while queue and (not group or rows + queue[0].drawing.rows <= self._joint_rows):
            one = queue.popleft()
            if not one.answer.done():  # who left does not wait any more
                group.append(one)
                rows += one.drawing.rows
        return group


def _draw_all(served: ServedModel, drawing: Drawing) -> pa.Table:
    return pa.Table.from_batches(list(draw_batches(served, drawing)))


def _share_out(group: list[_Waiting], rows: pa.Table, seed: int) -> None:
    start = 0
    for one in group:
        wanted = one.drawing.rows
        if not one.answer.done():
            one.answer.set_result(
                Share(seed=seed, start=start, total=rows.num_rows, rows=rows.slice(start, wanted))
            )
        start += wanted


def _fail(group: list[_Waiting], error: Exception) -> None:
    for one in group:
        if not one.answer.done():
            one.answer.set_exception(error)
