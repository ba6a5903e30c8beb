"""Turns: how many requests are answered at the same time, and how many may wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mintage.serving.problems import busy


class Turns:
    """Lets `concurrent` requests in at a time, and `queued` others wait in the order in which they came."""

    def __init__(self, concurrent: int, queued: int) -> None:
        self._concurrent = concurrent
        self._queued = queued
        self._free = asyncio.Semaphore(concurrent)
        self.answering = 0
        self.waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A turn for the body. Raises the refusal 429 when too many wait already."""
        if self._free.locked() and self.waiting >= self._queued:
            raise busy(
                f"{self._concurrent} requests are answered and {self._queued} wait: try again in a moment"
            )
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.answering += 1
        try:
            yield
        finally:
            self.answering -= 1
            self._free.release()
