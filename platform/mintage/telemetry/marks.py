"""What the work at hand belongs to: job, run, shard, attempt; every span and log record of ours says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

JOB = "mintage.job"
RUN = "mintage.run"
SHARD = "mintage.shard"
ATTEMPT = "mintage.attempt"

Mark = str | int | float | bool
_marks: ContextVar[Mapping[str, Mark]] = ContextVar("mintage_marks", default={})  # noqa: B039  # never changed


def marks() -> Mapping[str, Mark]:
    """The marks that hold here, by attribute name; a plain mapping, which may travel to a worker."""
    return _marks.get()


def mark_text(name: str) -> str:
    """One mark as text; empty where there is none."""
    return str(_marks.get().get(name, ""))


def add_mark(name: str, value: Mark) -> None:
    """Add a mark that was not known before, until the body of the nearest `marked` ends."""
    _marks.set({**_marks.get(), name: value})


@contextmanager
def marked(more: Mapping[str, Mark]) -> Iterator[None]:
    """Add marks to those that hold already, while the body runs."""
    token = _marks.set({**_marks.get(), **more})
    try:
        yield
    finally:
        _marks.reset(token)
