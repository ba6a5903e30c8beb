"""Log records of ours say which job, run and shard they are about, and in which span they were made."""

from __future__ import annotations

import json
import logging
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

from opentelemetry import trace

from mintage.errors import SpecError
from mintage.telemetry.marks import ATTEMPT, JOB, RUN, SHARD, marks

_NAMES = {JOB: "job", RUN: "run", SHARD: "shard", ATTEMPT: "attempt"}
_FORMATS = ("text", "json")
_MAX_MESSAGE = 8000


class _Marked(logging.LoggerAdapter[logging.Logger]):
    """Adds `job`, `run`, `shard`, `attempt`, `trace_id` and `span_id` to every record that has them."""

    def process(
        self, msg: object, kwargs: MutableMapping[str, Any]
    ) -> tuple[object, MutableMapping[str, Any]]:
        held, current = marks(), trace.get_current_span().get_span_context()
        ids: dict[str, object] = {short: held[name] for name, short in _NAMES.items() if name in held}
        if current.is_valid:
            ids |= {"trace_id": f"{current.trace_id:032x}", "span_id": f"{current.span_id:016x}"}
        # One mapping, because a record refuses names that it has itself, and others may have taken ours.
        return msg, {**kwargs, "extra": {**kwargs.get("extra", {}), "mintage": ids}}


def logger(name: str) -> logging.LoggerAdapter[logging.Logger]:
    """The logger of a module of ours; without a handler of the program nothing below a warning is shown."""
    return _Marked(logging.getLogger(name), {})


def write_logs(form: str, level: str) -> None:
    """Write records of ours to stderr: `text`, or `json` with one object a line; empty leaves it to others.

    Raises `SpecError` for another form or level.
    """
    if not form:
        return
    if form not in _FORMATS:
        raise SpecError(f"MINTAGE_LOG is {form!r}", f"set it to {' or '.join(_FORMATS)}")
    levels = logging.getLevelNamesMapping()
    if level.upper() not in levels:
        raise SpecError(f"MINTAGE_LOG_LEVEL is {level!r}", "set it to debug, info, warning or error")
    ours = logging.getLogger("mintage")
    ours.setLevel(levels[level.upper()])
    ours.propagate = False
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if form == "json" else _Text())
    ours.handlers[:] = [handler]


class _Json(logging.Formatter):
    """One JSON object a line; without the key `event`, which the lines of a job's events have."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": _message(self, record),
                **getattr(record, "mintage", {}),
            }
        )


class _Text(logging.Formatter):
    """Time, level, message, ids."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds")
        ids = " ".join(f"{name}={value}" for name, value in getattr(record, "mintage", {}).items())
        return f"{when} {record.levelname.lower()} {_message(self, record)} [{ids}]"


def _message(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    told = record.getMessage()
    if record.exc_info:
        told += "\n" + formatter.formatException(record.exc_info)
    return told[:_MAX_MESSAGE]
