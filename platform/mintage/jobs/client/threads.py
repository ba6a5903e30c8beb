"""Waiting in threads for what blocks, so that an event loop goes on; they never hold up the program's end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import copy_context
from typing import ParamSpec, TypeVar

_AHEAD = 64
"""Items that a thread reads ahead of whoever takes them."""

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a call gives, made in a thread. The call goes on there when nobody waits for it any more."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def call() -> None:
        try:
            result = work(*args, **kwargs)
        except Exception as exc:  # noqa: BLE001  # it is raised again where it is awaited
            _tell(loop, _fail, future, exc)
        else:
            _tell(loop, _settle, future, result)

    threading.Thread(target=copy_context().run, args=(call,), daemon=True).start()
    return await future


async def each(items: Iterator[T]) -> AsyncIterator[T]:
    """The items of an iterator that waits. Its thread ends with the item after the last one that is taken."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[list[T] | Exception] = asyncio.Queue()
    room, gone = threading.Semaphore(_AHEAD), threading.Event()

    def pump() -> None:
        last: list[T] | Exception = []
        try:
            for item in items:
                room.acquire()
                if gone.is_set():
                    return
                _tell(loop, queue.put_nowait, [item])
        except Exception as exc:  # noqa: BLE001  # it is raised again where items are taken
            last = exc
        _tell(loop, queue.put_nowait, last)

    threading.Thread(target=copy_context().run, args=(pump,), daemon=True).start()
    try:
        while taken := await queue.get():
            if isinstance(taken, Exception):
                raise taken
            room.release()
            yield taken[0]
    finally:
        gone.set()
        room.release()


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[..., object], *arguments: object) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(what, *arguments)


def _settle(future: asyncio.Future[T], result: T) -> None:
    if not future.cancelled():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.cancelled():
        future.set_exception(error)
