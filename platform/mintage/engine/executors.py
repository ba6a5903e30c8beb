"""Where attempts run: one small protocol, and the executor that needs nothing but this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol, Self

from mintage.engine.probing import Probed, probe_in_a_fresh_process
from mintage.engine.usage import NOTHING, Usage
from mintage.engine.worker import Failure, Receipt, ShardMinter, WorkerSetup
from mintage.errors import MintageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at one shard; `id` is unique among all tries of that shard.

    `trace` is the span that it belongs to, for whichever process makes the try.
    """

    shard: int
    id: str
    trace: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, str]:
        """What tells this try from all others."""
        return self.shard, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended: a receipt, or an error, or neither when its worker was lost.

    `wasted` is what an attempt that failed took; of one whose worker was lost nothing is known.
    `blameless` says that the loss cannot be the attempt's own doing.
    """

    attempt: Attempt
    receipt: Receipt | None = None
    error: MintageError | None = None
    lost: str = ""
    blameless: bool = False
    wasted: Usage = NOTHING

    @classmethod
    def of(cls, attempt: Attempt, ended: Receipt | Failure) -> Self:
        """The outcome of an attempt that a worker saw to its end."""
        if isinstance(ended, Receipt):
            return cls(attempt=attempt, receipt=ended)
        return cls(attempt=attempt, error=ended.error, wasted=ended.usage)


class Executor(Protocol):
    """Runs attempts; says how they ended; never decides anything."""

    @property
    def capacity(self) -> int:
        """How many attempts may be submitted and not yet ended; it may change."""
        ...

    @property
    def workers(self) -> int:
        """How many workers took part at once, at most."""
        ...

    def begin(self, setup: WorkerSetup) -> None:
        """Be told where the data set lies, and by which plan it is minted; before the first `submit`."""
        ...

    def submit(self, attempt: Attempt) -> None:
        """Begin an attempt, soon."""
        ...

    def wait(self, timeout_seconds: float) -> list[Outcome]:
        """The attempts that ended; waits at most that long for the first of them."""
        ...

    def probe(self, shards: Mapping[int, str]) -> list[Probed | MintageError]:
        """Have committed shards minted again, each by another worker than the one named; wait for all."""
        ...

    def reserved(self) -> Usage:
        """What its workers have held so far, at work or waiting; `seconds` are those of all of them."""
        ...

    def close(self) -> None:
        """Stop everything. After this returns, no attempt commits any more. May be called twice."""
        ...


class InlineExecutor:
    """Mints in the calling thread, one shard at a time, when somebody waits for it."""

    capacity = 1
    workers = 1

    def __init__(self) -> None:
        self._stop = Event()
        self._setup: WorkerSetup | None = None
        self._minter: ShardMinter | None = None
        self._queue: deque[Attempt] = deque()

    def begin(self, setup: WorkerSetup) -> None:
        """Make the one minter."""
        self._setup = setup
        self._minter = ShardMinter(setup, self._stop.is_set)

    def submit(self, attempt: Attempt) -> None:
        """Queue an attempt for the next `wait`."""
        self._queue.append(attempt)

    def wait(self, timeout_seconds: float) -> list[Outcome]:
        """Run the next attempt to its end, however long it takes."""
        del timeout_seconds
        if not self._queue or self._minter is None:
            return []
        attempt = self._queue.popleft()
        ended = self._minter.try_mint(attempt.shard, attempt.id, attempt.trace)
        return [Outcome.of(attempt, ended)]

    def probe(self, shards: Mapping[int, str]) -> list[Probed | MintageError]:
        """Mint in a fresh process; what only this one sees (`memory://`) with a model loaded afresh."""
        assert self._setup is not None
        setup = self._setup
        if setup.store.is_shared:
            return probe_in_a_fresh_process(setup.store, setup.plan_digest, setup.first_shard, list(shards))
        minter = ShardMinter(setup)
        return [minter.try_probe(shard) for shard in shards]

    def reserved(self) -> Usage:
        """Nothing: a process of a person's own reserves nothing."""
        return NOTHING

    def close(self) -> None:
        """Drop what waits; an attempt under way (in another thread) stops before its next batch."""
        self._stop.set()
        self._queue.clear()


__all__ = ["Attempt", "Executor", "InlineExecutor", "Outcome"]
