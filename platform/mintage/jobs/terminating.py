"""Ending in order when somebody asks this process to end, as clusters and service managers do."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TerminatedError(BaseException):  # like KeyboardInterrupt, no handler of errors may swallow it
    """Somebody asked this process to end (SIGTERM)."""


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM unwind the body like Ctrl-C does, so that workers stop and attempts are dropped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise TerminatedError
