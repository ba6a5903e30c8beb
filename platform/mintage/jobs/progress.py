"""What a run tells while it goes on: one line that is written over, or JSON lines for programs."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from mintage.engine.events import (
    FitProgressed,
    PhaseStarted,
    Progress,
    ShardAudited,
    ShardRetried,
    Warned,
)
from mintage.jobs.client.event_lines import EventLines, JobEvent

QUIET_SECONDS = 5.0
"""Where the line cannot be written over, progress is told no more often than this."""

_REDRAW_SECONDS = 0.1


@contextmanager
def watch(stream: TextIO, *, as_json_lines: bool = False) -> Iterator[Callable[[JobEvent], None]]:
    """What shows the events of one run on `stream`, and leaves it clean when the run is over."""
    if as_json_lines:
        yield EventLines(stream)
        return
    line = ProgressLine(stream)
    try:
        yield line
    finally:
        line.close()


class ProgressLine:
    """Keeps one line up to date on a terminal; elsewhere writes a line every few seconds.

    Phases and warnings are always told.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._terminal = stream.isatty()
        self._every = _REDRAW_SECONDS if self._terminal else QUIET_SECONDS
        self._next = 0.0
        self._line = ""
        self._retries = 0

    def __call__(self, event: JobEvent) -> None:
        """Take notice of one event."""
        if isinstance(event, PhaseStarted):
            self._say(f"{event.phase}: {event.detail}" if event.detail else event.phase)
        elif isinstance(event, ShardAudited):
            self._say(f"audit: shard {event.shard} came out again with the equality {event.equality}")
        elif isinstance(event, Warned):
            self._say(f"warning: {event.message}")
        elif isinstance(event, ShardRetried):
            self._retries += 1
            self._update(f"mint: shard {event.shard} is tried again: {event.reason}")
        elif isinstance(event, FitProgressed):
            self._update(fit_text(event))
        elif isinstance(event, Progress):
            self._update(progress_text(event, self._retries), last=event.shards_done == event.shards)

    def close(self) -> None:
        """Wipe the line away."""
        if self._line:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._line = ""

    def _say(self, text: str) -> None:
        self.close()
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def _update(self, text: str, *, last: bool = False) -> None:
        now = self._clock()
        if now < self._next and not (last and self._terminal):
            return
        self._next = now + self._every
        if not self._terminal:
            self._say(text)
            return
        self._line = text[: max(20, _columns(self._stream) - 1)]
        self._stream.write(f"\r\x1b[K{self._line}")
        self._stream.flush()


def fit_text(event: FitProgressed) -> str:
    """How far the generator is."""
    of = f" of {event.steps:,}" if event.steps else ""
    return f"fit: step {event.step:,}{of}{f', {event.note}' if event.note else ''}"


def progress_text(event: Progress, retries: int = 0) -> str:
    """How far the minting is, how fast, how long it will take, and what was rejected."""
    share = event.rows / event.rows_total if event.rows_total else 1.0
    parts = [
        f"mint: {share:4.0%}",
        f"{event.rows:,} of {event.rows_total:,} rows",
        f"{event.rows_per_second:,.0f} rows/s",
    ]
    if event.seconds_left is not None:
        parts.append(f"{duration_text(event.seconds_left)} left")
    if rejected := sum(event.rejected.values()):
        parts.append(f"{rejected:,} rejected")
    if retries:
        parts.append(f"{retries:,} tried again")
    if event.cost is not None:
        parts.append(money_text(event.cost, event.currency))
    # Last, since a narrow terminal cuts the line.
    parts.append(f"{event.shards_done:,} of {event.shards:,} shards")
    return ", ".join(parts)


def money_text(amount: float, currency: str) -> str:
    """An amount of money: to the cent, or to two digits that count where it is less than one.

    >>> [money_text(amount, "EUR") for amount in (0, 0.000314, 12.345, 4321)]
    ['0.00 EUR', '0.00031 EUR', '12.35 EUR', '4,321.00 EUR']
    """
    if 0 < amount < 1:
        return f"{amount:.{1 - math.floor(math.log10(amount))}f} {currency}"
    return f"{amount:,.2f} {currency}"


def duration_text(seconds: float) -> str:
    """A duration as people say it.

    >>> [duration_text(s) for s in (4.4, 95, 7260)]
    ['4 s', '1 min 35 s', '2 h 1 min']
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        # A terminal that does not tell its width, or a stream without a descriptor.
        return 80
