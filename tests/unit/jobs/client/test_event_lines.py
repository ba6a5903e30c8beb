from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mintage.engine import events
from mintage.errors import GateFailedError, JobError, MintageError
from mintage.jobs.client.event_lines import (
    MAX_LINE,
    JobEvent,
    JobLines,
    RunFailed,
    RunFinished,
    event_line,
    read_line,
)

PROGRESS = events.Progress(
    shards_done=0,
    shards=9,
    rows=0,
    rows_total=900,
    rejected={"range": 3},
    rows_per_second=1.5,
    seconds_left=None,
)
ONE_OF_EACH: list[JobEvent] = [
    events.RunStarted(run_id="ab", dataset="s3://bucket/out"),
    events.PhaseStarted(phase="fit", detail="tabular.marginals"),
    events.FitProgressed(step=3, steps=0, note="loss 1.0"),
    PROGRESS,
    events.ShardCommitted(shard=4, rows=100),
    events.ShardRetried(shard=4, reason="lost"),
    events.ShardAudited(shard=4, equality="bytes", worker="vm/1"),
    events.Warned(message='a "word"\nof warning'),
    RunFinished(summary={"rows": 900, "tables": {"people": 900}}),
]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_an_event_is_read_as_it_was_written(event: JobEvent) -> None:
    line = event_line(event)
    read = read_line(line)
    assert "\n" not in line
    assert read is not None
    assert read.event == event


def test_an_error_comes_back_as_its_own_class() -> None:
    read = read_line(event_line(RunFailed(error=GateFailedError("trend_error is 3", "raise max"))))
    assert read is not None
    assert isinstance(read.event, RunFailed)
    assert type(read.event.error) is GateFailedError
    assert (read.event.error.message, read.event.error.hint) == ("trend_error is 3", "raise max")


@pytest.mark.parametrize("name", ["KeyError", "annotations", "ClassVar", "NewerError", "", None])
def test_an_error_of_no_class_of_ours_is_a_job_error(name: object) -> None:
    error = {"type": name, "message": "what happened", "hint": "", "retryable": False}
    read = read_line(json.dumps({"event": "RunFailed", "error": error}))
    assert read is not None
    assert isinstance(read.event, RunFailed)
    assert type(read.event.error) is JobError
    assert isinstance(read.event.error, MintageError)
    assert "what happened" in str(read.event.error)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "2026-11-22 INFO job_manager.py:581 -- Runtime env is setting up.",
        '{"event": ',
        '{"level": "info", "event": "PhaseStarted"}',
        '{"event": "Warned", "message": "' + "x" * MAX_LINE + '"}',
        '{"event": ' + "[" * 100_000,
    ],
    ids=["empty", "text", "cut", "another program's", "too long", "too deep"],
)
def test_other_lines_are_no_events(line: str) -> None:
    assert read_line(line) is None


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "NewerEvent", "phase": "mint"}',
        '{"event": "Warned", "phase": "mint"}',
        '{"event": "Warned", "message": 3, "phase": "mint"}',
        '{"event": ["Warned"], "phase": "mint"}',
        '{"event": "PhaseStarted", "phase": "mint", "detail": null}',
    ],
)
def test_an_event_of_another_version_still_says_where_the_run_is(line: str) -> None:
    read = read_line(line)
    assert read is not None
    assert (read.event, read.phase) == (None, "mint")


def test_a_newer_event_with_more_fields_is_read() -> None:
    read = read_line('{"event": "Warned", "message": "slow", "severity": 3}')
    assert read is not None
    assert read.event == events.Warned(message="slow")


def test_each_line_of_a_job_says_where_the_run_is() -> None:
    lines: list[str] = []
    tell = JobLines(lines.append)
    tell(events.PhaseStarted(phase="read", detail="people"))
    tell(events.RunStarted(run_id="ab", dataset="/data/out"))
    tell(events.PhaseStarted(phase="mint", detail="900 rows"))
    tell(events.Warned(message="slow"))
    last = read_line(lines[-1])
    assert last is not None
    assert (last.phase, last.run_id, last.dataset) == ("mint", "ab", "/data/out")
    assert json.loads(lines[-1])["time"].endswith("+00:00")


def test_a_million_commits_leave_few_lines() -> None:
    lines: list[str] = []
    clock = Clock()
    tell = JobLines(lines.append, clock=clock)
    for done in range(1, 1001):
        clock.now += 0.5
        tell(events.ShardCommitted(shard=done, rows=1))
        tell(replace(PROGRESS, shards_done=done, shards=1000))
    told = [json.loads(line)["shards_done"] for line in lines]
    assert 99 <= len(told) <= 102
    assert told[0] == 1
    assert told[-1] == 1000


def test_the_first_commit_is_told_at_once() -> None:
    lines: list[str] = []
    tell = JobLines(lines.append, clock=Clock())
    for done in (0, 0, 1, 2, 3):
        tell(replace(PROGRESS, shards_done=done))
    assert [json.loads(line)["shards_done"] for line in lines] == [0, 1]
