"""The coordinator: which shard is minted next, as a pure state machine.

It knows nothing of Ray, of the store or of the clock: events go in, effects come out, and a
simulator can drive it through every order of failures. Truth is in the store, so all that it
holds can be lost: a new coordinator starts from the list of commits.

Every shard is in one of four states: waiting, in flight, committed, failed. A shard is tried again
when its attempt failed in a retryable way or its worker was lost, up to a limit; the first failure
that is final ends the run, because a data set without one of its shards is none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from mintage.errors import ClusterError, MintageError

MAX_FAILURES = 3
"""Retryable failures of one shard before the run gives up."""
MAX_LOSSES = 5
"""Workers that one shard may lose before it is held for their killer."""
MAX_TAKEN = 50
"""Workers that may be taken from one shard, by no fault of its own, before the run is held for hopeless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """An attempt ended with the shard in the store, by itself or by an earlier attempt."""

    shard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An attempt ended with an error."""

    shard: int
    error: MintageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The worker of an attempt went away; whether the shard was committed is not known.

    `blameless` when its node was taken away, or when it was minting another shard.
    """

    shard: int
    reason: str
    blameless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mint:
    """Effect: start attempt number `attempt` of a shard."""

    shard: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Effect: say that a shard will be tried again, and why."""

    shard: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """Effect: stop everything; the run failed."""

    error: MintageError


Event = Committed | Failed | Lost
Effect = Mint | Retry | Abort


@dataclass(slots=True)
class Coordinator:
    """State of one session of a run over `shards` shards from number `first` on, `capacity` at once.

    Memory is one byte per shard, plus what is in flight and what has failed.
    """

    shards: int
    capacity: int
    first: int = 0
    done: int = 0
    _committed: bytearray = field(init=False)
    _next: int = 0
    _again: deque[int] = field(default_factory=deque)
    _in_flight: set[int] = field(default_factory=set)
    _attempts: dict[int, int] = field(default_factory=dict)
    _failures: dict[int, int] = field(default_factory=dict)
    _losses: dict[int, int] = field(default_factory=dict)
    _taken: dict[int, int] = field(default_factory=dict)
    _aborted: bool = False

    def __post_init__(self) -> None:
        self._committed = bytearray(self.shards)

    @property
    def finished(self) -> bool:
        """Whether every shard is committed, or the run gave up and nothing is in flight."""
        return not self._in_flight and (self._aborted or self.done == self.shards)

    @property
    def in_flight(self) -> frozenset[int]:
        """The shards that an executor has now."""
        return frozenset(self._in_flight)

    def start(self, committed: Iterable[int] = ()) -> list[Effect]:
        """Begin with what the store holds already."""
        for shard in committed:
            self._mark(shard)
        return self._fill()

    def resize(self, capacity: int) -> list[Effect]:
        """Have so many shards in flight at most from now on."""
        self.capacity = capacity
        return self._fill()

    def handle(self, event: Event) -> list[Effect]:
        """Take in one event; return what is to be done now."""
        if event.shard not in self._in_flight:
            # A report of an attempt that was given up for lost: the store, not the report, counts.
            return []
        self._in_flight.remove(event.shard)
        if isinstance(event, Committed):
            self._mark(event.shard)
            self._attempts.pop(event.shard, None)
            return self._fill()
        if self._aborted:
            return []
        if isinstance(event, Failed):
            counts, limit, error = self._failures, MAX_FAILURES, event.error
        elif event.blameless:
            counts, limit, error = self._taken, MAX_TAKEN, _hopeless(event)
        else:
            counts, limit, error = self._losses, MAX_LOSSES, _loss(event)
        counts[event.shard] = counts.get(event.shard, 0) + 1
        if not error.retryable or counts[event.shard] >= limit:
            self._aborted = True
            return [Abort(error=error)]
        self._again.append(event.shard)
        reason = event.reason if isinstance(event, Lost) else error.message
        return [Retry(shard=event.shard, reason=reason), *self._fill()]

    def _fill(self) -> list[Effect]:
        effects: list[Effect] = []
        while not self._aborted and len(self._in_flight) < self.capacity:
            shard = self._take()
            if shard is None:
                break
            self._in_flight.add(shard)
            attempt = self._attempts[shard] = self._attempts.get(shard, 0) + 1
            effects.append(Mint(shard=shard, attempt=attempt))
        return effects

    def _take(self) -> int | None:
        if self._again:
            return self._again.popleft()
        while self._next < self.shards:
            self._next += 1
            if not self._committed[self._next - 1]:
                return self.first + self._next - 1
        return None

    def _mark(self, shard: int) -> None:
        position = shard - self.first
        if not self._committed[position]:
            self._committed[position] = 1
            self.done += 1


def _loss(event: Lost) -> ClusterError:
    """What is said when a shard loses one worker too many."""
    return ClusterError(
        f"shard {event.shard} lost its worker {MAX_LOSSES} times: {event.reason}",
        "look in the workers' logs for a crash or for memory; smaller shards need less memory",
    )


def _hopeless(event: Lost) -> ClusterError:
    """What is said when nodes are taken away faster than a shard takes."""
    return ClusterError(
        f"the worker of shard {event.shard} was taken away {MAX_TAKEN} times: {event.reason}",
        "smaller shards (sink.shard_rows) take less time, or ask for nodes that stay (resources.market)",
    )
