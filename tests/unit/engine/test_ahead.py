"""Work in a thread: bounded, in order, stopped with its consumer, its errors where they belong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from mintage.engine.ahead import many_ahead


def counted(made: list[int], stop: int = 1000) -> Iterator[int]:
    for number in range(stop):
        made.append(number)
        yield number


def test_items_come_in_their_order() -> None:
    assert list(many_ahead(iter(range(100)), 3)) == list(range(100))


def test_no_more_are_made_than_may_wait() -> None:
    made: list[int] = []
    with closing(many_ahead(counted(made), 4)) as items:
        assert next(items) == 0
        time.sleep(0.1)
        assert len(made) <= 1 + 4 + 1  # taken, waiting, in the making


def test_an_error_comes_after_the_items_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    items = many_ahead(failing(), 4)
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_whoever_leaves_early_leaves_no_thread_behind() -> None:
    made: list[int] = []
    before = threading.active_count()
    items = many_ahead(counted(made), 2)
    next(items)
    items.close()
    assert threading.active_count() == before
    assert len(made) < 10
