"""What is seen of an attempt from outside: its span, its log records, its time, the memory of its GPU."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mintage.errors import CancelledError, MintageError
from mintage.telemetry import Mark, continued, logger, marked, record, span

_LOG = logger(__name__)


@contextmanager
def observed(trace: Mapping[str, str], marks: Mapping[str, Mark], name: str = "shard") -> Iterator[None]:
    """Work on a shard, in the span that the driver's `trace` names; an error that leaves it is logged."""
    started = time.perf_counter()
    with continued(trace), marked(marks), span(name):
        try:
            yield
        except CancelledError:
            raise
        except Exception as exc:
            # Of an error that is not ours the class alone: its message may quote what nobody should read.
            told = exc.message if isinstance(exc, MintageError) else type(exc).__name__
            _LOG.warning("a shard failed: %s", told)
            raise
        if name == "shard":
            record("mintage.shard.duration", time.perf_counter() - started)
        _show_gpu()
        _LOG.info("a shard is done")


def _show_gpu() -> None:
    """The most memory that this process has used, where torch is loaded and has a GPU."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        record("mintage.gpu.memory", torch.cuda.max_memory_allocated())
