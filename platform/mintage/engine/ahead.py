"""Work that is done ahead of whoever consumes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from threading import Condition, Thread
from typing import Generic, TypeVar

T = TypeVar("T")
_END = object()


def one_ahead(items: Iterator[T]) -> Generator[T]:
    """Yield `items` while the next one is made in a thread: two are alive at most.

    Closing this iterator waits for the item in the making, and drops it. The thread has the context
    variables of the caller, so that spans in it are children of the span around.
    """
    context = copy_context()

    def take() -> object:
        return context.run(next, items, _END)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="one-ahead") as pool:
        coming = pool.submit(take)
        while (item := coming.result()) is not _END:
            coming = pool.submit(take)
            yield item  # type: ignore[misc]  # the sentinel is ruled out above


def many_ahead(items: Iterator[T], limit: int) -> Generator[T]:
    """Yield `items`, which a thread makes until `limit` of them wait; its error is raised where it stood.

    Closing this iterator waits for the item in the making, and drops it with those that wait. The thread
    does not keep a program from ending.
    """
    channel: _Channel[T] = _Channel(limit)
    fill = partial(copy_context().run, channel.fill, items)
    maker = Thread(target=fill, name="many-ahead", daemon=True)
    maker.start()
    try:
        yield from channel.drain()
    finally:
        channel.close()
        maker.join()


class _Channel(Generic[T]):
    """Items between two threads; at most `limit` of them wait."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[T] = deque()
        self._changed = Condition()
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None

    def fill(self, items: Iterator[T]) -> None:
        try:
            for item in items:
                if not self._put(item):
                    return
        except BaseException as exc:  # noqa: BLE001  # raised again by the thread that takes
            self._error = exc
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def drain(self) -> Generator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                if not self._waiting:
                    break
                item = self._waiting.popleft()
                self._changed.notify_all()
            yield item
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _put(self, item: T) -> bool:
        """Whether anybody still wants items."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._waiting) < self._limit)
            if not self._closed:
                self._waiting.append(item)
                self._changed.notify_all()
            return not self._closed
