"""Events as JSON lines: how a process tells another one what a run does; written and read here alone.

    {"event": "PhaseStarted", "phase": "mint", "detail": "60,000 rows"}

A submitted job adds to each line `time`, `phase`, `run_id` and `dataset`, as far as they are known by
then, so that the last line alone says where the job is. It ends with `RunFinished` or `RunFailed`.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO, get_args

from pydantic import TypeAdapter, ValidationError

from mintage import errors
from mintage.engine import events
from mintage.errors import JobError, MintageError

EVERY_SECONDS = 5.0
"""A submitted job tells its progress no more often than this."""

MAX_LINE = 1024 * 1024
"""Characters of a line that may hold an event; a longer one is taken for text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The data set is there; `summary` is that of its `Result`."""

    summary: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed:
    """The run ended with an error."""

    error: MintageError


JobEvent = events.Event | RunFinished | RunFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """What a line says: an event, or None for one that this version does not know; and where the run is."""

    event: JobEvent | None
    phase: str | None = None
    run_id: str | None = None
    dataset: str | None = None


class EventLines:
    """Writes each event as a JSON object on a line of its own, with its name as `event`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: JobEvent) -> None:
        """Write one event."""
        self._stream.write(event_line(event) + "\n")
        self._stream.flush()


class JobLines:
    """Writes what a submitted job tells; `write` gets one line at a time, without its end.

    Commits of single shards are left out and progress is told every few seconds, so that the log of
    a million shards stays small.
    """

    def __init__(self, write: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._next: dict[type[object], float] = {}
        self._none_done = True
        self._known: dict[str, object] = {}

    def __call__(self, event: JobEvent) -> None:
        """Write one event, unless it is one of many."""
        if isinstance(event, events.RunStarted):
            self._known |= {"run_id": event.run_id, "dataset": event.dataset}
        elif isinstance(event, events.PhaseStarted):
            self._known["phase"] = event.phase
        if self._is_worth_a_line(event):
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            self._write(event_line(event, {"time": now, **self._known}))

    def _is_worth_a_line(self, event: JobEvent) -> bool:
        if isinstance(event, events.ShardCommitted):
            return False
        if not isinstance(event, events.Progress | events.FitProgressed):
            return True
        now = self._clock()
        if now < self._next.get(type(event), 0.0) and not self._is_a_milestone(event):
            return False
        self._next[type(event)] = now + EVERY_SECONDS
        return True

    def _is_a_milestone(self, event: events.Progress | events.FitProgressed) -> bool:
        """Whether it is the first shard, or the last."""
        if not isinstance(event, events.Progress) or event.shards_done == 0:
            return False
        first, self._none_done = self._none_done, False
        return first or event.shards_done == event.shards


def event_line(event: JobEvent, beside: Mapping[str, object] | None = None) -> str:
    """An event as JSON; `beside` says more, where the event has no field of that name."""
    if isinstance(event, RunFailed):
        values: dict[str, object] = {"error": error_to_json(event.error)}
    else:
        values = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    line = {"event": type(event).__name__, **(beside or {}), **values}
    # What JSON has no word for (dates, decimals, read-only mappings) becomes text or a plain mapping.
    return json.dumps(line, allow_nan=False, default=_plain)


def read_line(line: str) -> EventLine | None:
    """What a line of a job's log says; None for text that is no event, such as a warning of a library."""
    if not line.startswith('{"event": ') or len(line) > MAX_LINE:
        return None
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return EventLine(
        event=_event(values),
        phase=_text(values.get("phase")),
        run_id=_text(values.get("run_id")),
        dataset=_text(values.get("dataset")),
    )


def _event(values: Mapping[str, Any]) -> JobEvent | None:
    kind = _text(values["event"])
    if kind == RunFailed.__name__:
        return RunFailed(error=_error_from_json(values.get("error")))
    if kind is None or kind not in _ADAPTERS:
        return None
    try:
        return _ADAPTERS[kind].validate_python(values)
    except ValidationError:
        # Another version's event of the same name.
        return None


def error_to_json(error: MintageError) -> dict[str, object]:
    """An error as it is written: its class, what happened, what to do, whether trying again may help."""
    return {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "retryable": error.retryable,
    }


def _error_from_json(value: object) -> MintageError:
    """The error by the name of its class, as long as that is one of ours."""
    values = value if isinstance(value, Mapping) else {}
    name, message = str(values.get("type", "")), str(values.get("message", ""))
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, MintageError):
        return kind(message, str(values.get("hint", "")))
    return JobError(f"{name or 'an error'}: {message}", str(values.get("hint", "")))


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


_ADAPTERS: dict[str, TypeAdapter[JobEvent]] = {
    kind.__name__: TypeAdapter(kind) for kind in (*get_args(events.Event), RunFinished)
}
