"""Log records: what they say of the work at hand, as text and as JSON lines."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from mintage.errors import SpecError
from mintage.telemetry import Mark, logger, marked, write_logs

_SPAN = SpanContext(trace_id=0xABC, span_id=0xDEF, is_remote=True, trace_flags=TraceFlags(1))
_MARKS: dict[str, Mark] = {"mintage.job": "people", "mintage.run": "12ab", "mintage.shard": 3, "team": "risk"}


@pytest.fixture
def ours() -> Iterator[logging.Logger]:
    """The logger of Mintage, as it was before once the test is done."""
    log = logging.getLogger("mintage")
    held = log.handlers[:], log.level, log.propagate
    yield log
    log.handlers[:], log.level, log.propagate = held


def test_a_json_line_says_job_run_shard_and_trace(
    ours: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    write_logs("json", "info")
    with marked(_MARKS), use_span(NonRecordingSpan(_SPAN)):
        logger("mintage.x").warning("lost %d", 2)
        logger("mintage.x").debug("not shown")
    told = json.loads(capsys.readouterr().err)
    assert told.pop("time").endswith("+00:00")
    assert told == {
        "level": "warning", "logger": "mintage.x", "message": "lost 2", "job": "people", "run": "12ab",
        "shard": 3, "trace_id": f"{0xABC:032x}", "span_id": f"{0xDEF:016x}",
    }  # fmt: skip


def test_text_ends_with_the_ids(ours: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    write_logs("text", "debug")
    with marked(_MARKS):
        logger("mintage.x").debug("begins")
    assert capsys.readouterr().err.endswith(" debug begins [job=people run=12ab shard=3]\n")


def test_a_handler_of_the_program_finds_the_ids_in_the_record(
    ours: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    ours.propagate = True
    with marked(_MARKS), caplog.at_level("INFO", "mintage"):
        logger("mintage.x").info("begins", extra={"more": 1})
    record = caplog.records[0]
    assert (vars(record)["mintage"]["run"], vars(record)["more"]) == ("12ab", 1)


@pytest.mark.parametrize(
    ("form", "level", "said"), [("xml", "info", "MINTAGE_LOG"), ("json", "loud", "_LEVEL")]
)
def test_another_form_or_level_is_refused(ours: logging.Logger, form: str, level: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        write_logs(form, level)
