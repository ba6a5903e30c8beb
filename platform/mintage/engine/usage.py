"""What work takes: wall seconds, processor seconds, GPU seconds, bytes; and what workers hold for it.

*Used* is measured where the work is done. Processor time is known of a process, not of an attempt, so
what passes while several attempts overlap in one process is shared evenly among them: each share is an
estimate then, their sum is exact. *Reserved* is what a worker holds from its start to its end, whether
it works or waits; it is what a cluster bills.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What something took; usages can be added.

    `seconds` are wall seconds, from begin to end, so those of attempts that overlap count twice.
    `gpu_seconds` are the reserved GPUs times wall seconds, in which attempts that overlap share.
    `bytes` are those that were written: parts, rejects and sketches.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0
    bytes: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(
            seconds=self.seconds + other.seconds,
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            gpu_seconds=self.gpu_seconds + other.gpu_seconds,
            bytes=self.bytes + other.bytes,
        )

    def to_json(self) -> dict[str, float]:
        """The four numbers, seconds to the millisecond."""
        return {
            "seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "gpu_seconds": round(self.gpu_seconds, 3),
            "bytes": self.bytes,
        }


NOTHING = Usage()


def processor_seconds() -> float:
    """Seconds that processors have worked for this process, all threads, and for children that ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


class Measurement:
    """Something that goes on, and what it took so far; whoever writes adds to `bytes`."""

    __slots__ = ("_started", "bytes", "cpu_seconds", "gpu_seconds", "gpus", "seconds")

    def __init__(self, gpus: float, started: float) -> None:
        self.gpus = gpus
        self.bytes = 0
        self.seconds = self.cpu_seconds = self.gpu_seconds = 0.0
        self._started = started

    def end(self, now: float) -> None:
        """Note how long it went on."""
        self.seconds = now - self._started

    @property
    def usage(self) -> Usage:
        """What it took, once it has ended."""
        return Usage(
            seconds=self.seconds,
            cpu_seconds=self.cpu_seconds,
            gpu_seconds=self.gpu_seconds,
            bytes=self.bytes,
        )


class Meter:
    """Shares the time of one process among what goes on in it. There is one for each: `METER`."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        processor: Callable[[], float] = processor_seconds,
    ) -> None:
        self._clock = clock
        self._processor = processor
        self._lock = Lock()
        self._open: list[Measurement] = []
        self._wall = self._cpu = 0.0

    @contextmanager
    def measure(self, gpus: float = 0.0) -> Iterator[Measurement]:
        """Measure the body, which runs with `gpus` GPUs reserved; read `usage` when it is over."""
        with self._lock:
            measurement = Measurement(gpus, self._share())
            self._open.append(measurement)
        try:
            yield measurement
        finally:
            with self._lock:
                measurement.end(self._share())
                self._open.remove(measurement)

    def _share(self) -> float:
        """Give what has passed since the last call to those that are open; the time now."""
        wall, cpu = self._clock(), self._processor()
        for one in self._open:
            one.cpu_seconds += (cpu - self._cpu) / len(self._open)
            one.gpu_seconds += one.gpus * (wall - self._wall) / len(self._open)
        self._wall, self._cpu = wall, cpu
        return wall


METER = Meter()
"""The meter of this process."""


class Reservations:
    """What workers hold while they are there: so many CPUs and GPUs each, in use or not."""

    def __init__(self, cpus: float, gpus: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._cpus = cpus
        self._gpus = gpus
        self._clock = clock
        self._since: dict[Hashable, float] = {}
        self._ended = 0.0

    def begin(self, worker: Hashable) -> None:
        """A worker has got what it holds. Nothing for one that has it already."""
        self._since.setdefault(worker, self._clock())

    def end(self, worker: Hashable) -> None:
        """A worker is gone. Nothing for one that never began, or has ended already."""
        since = self._since.pop(worker, None)
        if since is not None:
            self._ended += self._clock() - since

    def total(self) -> Usage:
        """What was held up to now; `seconds` are those of all workers together."""
        now = self._clock()
        seconds = self._ended + sum(now - since for since in self._since.values())
        return Usage(seconds=seconds, cpu_seconds=self._cpus * seconds, gpu_seconds=self._gpus * seconds)
