"""`Stream`: what a training loop iterates over."""

from __future__ import annotations

import math
import multiprocessing
import multiprocessing.context
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from mmap import mmap
from threading import Event
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

import polars as pl
import pyarrow as pa
from torch.utils.data import IterableDataset, get_worker_info

from mintage.engine.ahead import many_ahead
from mintage.engine.stream.feeds import Feed, LinkedFeed, Loaded, LocalFeed
from mintage.engine.stream.keys import BatchKey
from mintage.engine.stream.lanes import Position
from mintage.engine.stream.origin import Origin
from mintage.engine.stream.process_link import ProcessLink
from mintage.engine.stream.state import State, join
from mintage.engine.stream.tensors import TensorMaker, Value
from mintage.engine.stream.weaving import Weaver, Woven
from mintage.errors import SpecError

if TYPE_CHECKING:
    import ray.data
    import torch

Format = Literal["arrow", "polars", "torch"]
Item = TypeVar("Item", covariant=True)
Other = TypeVar("Other")
_CHUNK_ROWS = 16_384
"""Rows that are handed over at once, where the model makes so many at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """How a stream is drawn; checked when it is made."""

    rank: int = 0
    world: int = 1
    batch_rows: int = 1024
    columns: tuple[str, ...] | None = None
    format: Format = "arrow"
    categories: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    fill: Mapping[str, Value] = field(default_factory=dict)
    epochs: int | None = 1
    ahead_rows: int = 65_536
    keyed: bool = False

    def __post_init__(self) -> None:
        if self.world < 1:
            raise SpecError(f"world: is {self.world}", "give the number of ranks, 1 or more")
        if not 0 <= self.rank < self.world:
            raise SpecError(
                f"rank: is {self.rank} of {self.world}", f"ranks of this world are 0 to {self.world - 1}"
            )
        for name in ("batch_rows", "ahead_rows"):
            if (value := getattr(self, name)) < 1:
                raise SpecError(f"{name}: is {value}", "give 1 or more")
        if self.epochs is not None and self.epochs < 1:
            raise SpecError(f"epochs: is {self.epochs}", "give 1 or more, or None for no end")


class Stream(IterableDataset[Item], Generic[Item]):
    """The accepted rows of a plan, or of a data set, batch by batch; made by `mintage.stream`.

    Batches are Arrow RecordBatches, unless `as_tensors` or `as_polars` make something else of them.

    Each iteration begins at the beginning, or where `load_state_dict` put it. Rows are made ahead in a
    thread; an iteration that is left early stops it. With a `DataLoader` give `batch_size=None`: batches
    are made here. Its workers share out the shards of this rank.
    """

    def __init__(self, origin: Origin, options: StreamOptions) -> None:
        super().__init__()
        self._origin = origin
        self._options = options
        self._convert: Callable[[pa.RecordBatch], object] = _converter(self.schema, options)
        self._first_epoch = 0
        self._loaded: State | None = None
        self._state: State | None = None
        self._process = os.getpid()
        self._loaded_rows = Loaded(origin.rows)
        self._drawn_elsewhere = mmap(-1, 1)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the batches, whatever they are handed over as."""
        schema, columns = self._origin.schema, self._options.columns
        if columns is None:
            return schema
        if unknown := [name for name in columns if name not in schema.names]:
            raise SpecError(f"columns: there is no column {unknown[0]!r}", f"known: {schema.names}")
        return pa.schema([schema.field(name) for name in columns])

    @property
    def rank(self) -> int:
        """Which of the ranks this is, from 0."""
        return self._options.rank

    @property
    def world(self) -> int:
        """How many ranks share the rows."""
        return self._options.world

    @property
    def shards(self) -> Sequence[int]:
        """The shards of this rank, by their numbers in the data set."""
        return self._origin.shards[self.rank :: self.world]

    @property
    def batches(self) -> int | None:
        """Batches of this rank in an epoch; None for a table that is not the root table of a plan."""
        totals = [self._origin.total(shard) for shard in self.shards]
        known = [total for total in totals if total is not None]
        rows = self._options.batch_rows
        return sum(math.ceil(total / rows) for total in known) if len(known) == len(totals) else None

    def as_tensors(
        self,
        *,
        categories: Mapping[str, Sequence[Value]] | None = None,
        fill: Mapping[str, Value] | None = None,
    ) -> Stream[dict[str, torch.Tensor]]:
        """The same rows, each batch as a dict of tensors by column.

        `categories` lists the values of columns of text, in the order of their codes; `fill` says what
        nulls become in columns whose tensors have none. What becomes of which type stands in
        docs/streaming.md. Raises `SpecError` that names every column which cannot become a tensor.
        """
        options = replace(
            self._options, format="torch", categories=dict(categories or {}), fill=dict(fill or {})
        )
        return cast("Stream[dict[str, torch.Tensor]]", self._with(options))

    def as_polars(self) -> Stream[pl.DataFrame]:
        """The same rows, each batch as a polars DataFrame."""
        return cast("Stream[pl.DataFrame]", self._with(replace(self._options, format="polars")))

    def keyed(self: Stream[Other]) -> Stream[tuple[BatchKey, Other]]:
        """The same batches, each beside its key."""
        return cast("Stream[tuple[BatchKey, Other]]", self._with(replace(self._options, keyed=True)))

    def set_epoch(self, epoch: int) -> None:
        """Let the next iterations begin with that epoch."""
        if epoch < 0:
            raise SpecError(f"epoch: is {epoch}", "give 0 or more")
        self._first_epoch, self._loaded, self._state = epoch, None, None

    def state_dict(self) -> dict[str, Any]:
        """Where this stream stands, as numbers, text, lists and dicts.

        The batch that was handed over last counts as used. In a worker of a `DataLoader`, the state of
        that worker. Raises `SpecError` where the rows are drawn by workers, and this is not one of them.
        """
        if get_worker_info() is None and self._drawn_elsewhere[0]:
            raise SpecError(
                "workers of a DataLoader draw the rows of this stream: it cannot see how far they are",
                "use torchdata's StatefulDataLoader, which asks them, or num_workers=0: rows are made ahead "
                "in any case",
            )
        state = self._state or self._start()
        return {**state.to_json(), "first_epoch": self._first_epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next iteration go on from a state, without repeating or losing a row.

        It may be that of this rank, or that of all ranks of any world (`join`). Raises `SpecError` for a
        state of other rows, or of another rank alone.
        """
        loaded = State.from_json(state)
        if loaded.rows_of != self._rows_of:
            raise SpecError(
                f"the state is one of {loaded.rows_of}, and this stream has {self._rows_of}",
                "go on with the same spec, table and batch_rows",
            )
        mine = loaded.lanes % self.world == 0 and loaded.lane % self.world == self.rank
        if get_worker_info() is not None or not mine or loaded.lanes == self.world:
            # What workers of this rank saved is for workers, who are not there yet.
            loaded.seen_by(*self._lane())
        self._loaded, self._state = loaded, None
        self._first_epoch = int(state.get("first_epoch", loaded.position.epoch))

    @staticmethod
    def join(states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The states of all ranks (or of all their workers) as one, for ranks of another number.

        Raises `SpecError` unless each is there once, and all are of one epoch.
        """
        joined = join([State.from_json(state) for state in states])
        return {**joined.to_json(), "first_epoch": int(states[0].get("first_epoch", 0))}

    def to_ray_dataset(self) -> ray.data.Dataset:
        """One epoch of the rows of this rank as a Ray Dataset; needs the extra `mintage[data]`.

        Each of its read tasks makes some shards. Raises `SpecError` where the job is bound to this process.
        """
        from mintage.engine.stream.ray_dataset import read_stream

        names = None if self._options.columns is None else list(self._options.columns)
        return read_stream(self._origin, self.shards, names, self._first_epoch)

    def __iter__(self) -> Iterator[Item]:
        state = self._start()
        self._loaded = None
        if self._process == os.getpid():
            self._drawn_elsewhere[0] = 0
        stopped = Event()
        with ExitStack() as stack:
            feeds = self._open_feeds(stack, stopped.is_set)
            limit = max(2, self._options.ahead_rows // self._options.batch_rows)
            made = stack.enter_context(closing(many_ahead(self._made(state, feeds), limit)))
            # Last in, first out: whoever makes rows hears of the end before it is waited for.
            stack.callback(stopped.set)
            for woven, item in made:
                state = self._state = state.moved(woven.after)
                yield cast("Item", (woven.key, item) if self._options.keyed else item)

    def _with(self, options: StreamOptions) -> Stream[object]:
        other = Stream[object](self._origin, options)
        other._first_epoch, other._loaded = self._first_epoch, self._loaded
        return other

    def _made(self, state: State, feeds: Sequence[Feed]) -> Iterator[tuple[Woven, object]]:
        """Everything that is left, epoch after epoch; in the thread that makes rows."""
        options, epoch = self._options, state.position.epoch
        end = None if options.epochs is None else self._first_epoch + options.epochs
        position = state.position
        while end is None or epoch < end:
            weaver = Weaver(
                feeds,
                state.work(self._origin.shards, epoch),
                batch_rows=options.batch_rows,
                total=self._origin.total,
            )
            for woven in weaver.batches(position):
                rows = woven.rows if options.columns is None else woven.rows.select(list(options.columns))
                yield woven, self._convert(rows)
            epoch += 1
            position = Position(epoch=epoch)

    def _open_feeds(self, stack: ExitStack, stopped: Callable[[], bool]) -> list[Feed]:
        request_rows = min(_CHUNK_ROWS, self._origin.request_rows)
        chunk_rows = self._options.batch_rows * max(1, request_rows // self._options.batch_rows)
        if get_worker_info() is not None:
            self._origin.check_in_workers()
        if os.getpid() != self._process:
            self._check_forked()
            self._drawn_elsewhere[0] = 1
            link = ProcessLink(self._origin.rows)
            feeds: list[Feed] = [LinkedFeed(link, chunk_rows, in_flight=2)]
        elif (ray_feeds := self._origin.open_ray(stack, chunk_rows)) is not None:
            feeds = ray_feeds
        else:
            feeds = [LocalFeed(self._loaded_rows, chunk_rows, stopped)]
        for feed in feeds:
            stack.callback(feed.close)
        return feeds

    def _check_forked(self) -> None:
        if self._options.format == "polars":
            raise SpecError(
                "batches of polars cannot leave a forked worker: its threads did not come with it",
                'give the DataLoader multiprocessing_context="spawn", or use Arrow batches or tensors',
            )

    @property
    def _rows_of(self) -> str:
        return f"{self._origin.identity} in batches of {self._options.batch_rows}"

    def _lane(self) -> tuple[int, int]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        return self.rank + self.world * number, self.world * workers

    def _start(self) -> State:
        lane, lanes = self._lane()
        if self._loaded is not None:
            return self._loaded.seen_by(lane, lanes)
        begin = Position(epoch=self._first_epoch)
        return State(rows_of=self._rows_of, lane=lane, lanes=lanes, position=begin)

    def __getstate__(self) -> dict[str, Any]:
        if multiprocessing.context.get_spawning_popen() is not None:
            self._drawn_elsewhere[0] = 1
        return {
            "origin": self._origin,
            "options": self._options,
            "first_epoch": self._first_epoch,
            "loaded": self._loaded,
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__(state["origin"], state["options"])  # type: ignore[misc]  # made anew, in this process
        self._first_epoch, self._loaded = state["first_epoch"], state["loaded"]


def _converter(schema: pa.Schema, options: StreamOptions) -> Callable[[pa.RecordBatch], object]:
    if options.format == "torch":
        return TensorMaker(schema=schema, categories=options.categories, fill=options.fill).tensors
    return pl.from_arrow if options.format == "polars" else _as_it_is


def _as_it_is(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch
