"""A store that exists in arithmetic only, with the latencies and the limits that S3 publishes.

Amazon says (Best practices design patterns: optimizing Amazon S3 performance): at least 3,500 writes and
5,500 reads a second for each partitioned prefix, 503 Slow Down above that, and 100 to 200 ms for small
objects. Here the whole data set is one partition, as in a bucket that has not been split yet: the worst
case. A refused request is sent again as botocore's standard mode does it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from mintage.engine import layout
from mintage.store import ObjectInfo, ObjectStore

WRITES_PER_SECOND = 3500
READS_PER_SECOND = 5500
KEYS_PER_PAGE = 1000
ATTEMPTS = 4
"""How often a request is sent at most: the default of the store's `max_attempts`."""
_LONGEST_PAUSE_SECONDS = 20.0
_READS = frozenset({"GET", "LIST"})


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Seconds of a request: log-normal, `median` and the spread of its logarithm."""

    median: float
    sigma: float = 0.6

    def draw(self, rng: random.Random) -> float:
        """One request; 1 % take more than four times the median."""
        return self.median * rng.lognormvariate(0.0, self.sigma)


LATENCIES = {"GET": Latency(median=0.1), "PUT": Latency(median=0.1), "LIST": Latency(median=0.2)}
UPLOAD_BYTES_PER_SECOND = 80e6
"""Of one stream; S3 gives a GET about that much, and a PUT no less."""


class Refused(Exception):
    """The store refused a request so often that the client gave up."""


@dataclass
class _Bucket:
    """Requests that the store takes: `rate` a second, with a burst of one second's worth."""

    rate: float
    left: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.left = self.rate

    def take(self, now: float) -> bool:
        self.left = min(self.rate, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class SimulatedS3:
    """Requests as generators of seconds to wait; counts them, and when most were sent in one second."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._buckets = {"write": _Bucket(WRITES_PER_SECOND), "read": _Bucket(READS_PER_SECOND)}
        self.requests: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.given_up = 0
        self._second: Counter[str] = Counter()
        self._seconds_at = -1
        self.peaks: Counter[str] = Counter()

    def send(self, kind: str, now: float, body: int = 0) -> Generator[float, float, float]:
        """Send a request at `now`, and return when it is answered; is sent the time after each wait."""
        bucket = self._buckets["read" if kind in _READS else "write"]
        for attempt in range(ATTEMPTS):
            self._count(kind, now)
            latency = LATENCIES[kind].draw(self._rng)
            if bucket.take(now):
                return (yield latency + body / UPLOAD_BYTES_PER_SECOND)
            self.refused[kind] += 1
            pause = min(_LONGEST_PAUSE_SECONDS, 2**attempt) * self._rng.random()
            now = yield latency + pause
        self.given_up += 1
        raise Refused

    def _count(self, kind: str, now: float) -> None:
        self.requests[kind] += 1
        if int(now) != self._seconds_at:
            self._seconds_at = int(now)
            for one, count in self._second.items():
                self.peaks[one] = max(self.peaks[one], count)
            self._second.clear()
        self._second[kind] += 1


class SimulatedCommits(ObjectStore):
    """The folder of commits as a listing shows it; nothing else is asked of it."""

    def __init__(self, shards: int) -> None:
        super().__init__("memory://simulated", {})
        self.committed = bytearray(shards)

    def list(self, prefix: str = "") -> list[ObjectInfo]:
        """The commit records that are there."""
        assert prefix == layout.COMMITS
        return sorted(self._infos())

    def _infos(self) -> Iterator[ObjectInfo]:
        return (
            ObjectInfo(path=layout.commit_path(shard), bytes=2000)
            for shard, done in enumerate(self.committed)
            if done
        )
