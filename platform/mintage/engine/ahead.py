"""Work that is done one item ahead of whoever consumes it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

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
