"""Progress: one line that is written over on a terminal, few lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import io
import json
from types import MappingProxyType

import pytest

from mintage.engine.events import FitProgressed, PhaseStarted, Progress, ShardRetried, Warned
from mintage.jobs.client.event_lines import EventLines
from mintage.jobs.progress import QUIET_SECONDS, ProgressLine, progress_text, watch

CLEAR = "\r\x1b[K"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def progress(shards_done: int = 3, *, rejected: int = 7, seconds_left: float | None = 65.0) -> Progress:
    return Progress(
        shards_done=shards_done,
        shards=10,
        rows=shards_done * 1000,
        rows_total=10_000,
        rejected=MappingProxyType({"range:delay": rejected}),
        rows_per_second=1234.5,
        seconds_left=seconds_left,
    )


def test_progress_tells_rows_rate_rejects_and_time_left() -> None:
    assert progress_text(progress(), retries=2) == (
        "mint:  30%, 3,000 of 10,000 rows, 1,234 rows/s, 1 min 5 s left, 7 rejected, 2 tried again, "
        "3 of 10 shards"
    )


def test_progress_leaves_out_what_is_not_known() -> None:
    text = progress_text(progress(rejected=0, seconds_left=None))

    assert text == "mint:  30%, 3,000 of 10,000 rows, 1,234 rows/s, 3 of 10 shards"


def test_file_gets_a_line_every_few_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    line = ProgressLine(stream, clock=clock)
    for _ in range(100):
        line(progress())
        clock.seconds += QUIET_SECONDS / 50
    line.close()

    assert len(stream.getvalue().splitlines()) == 2
    assert "\x1b" not in stream.getvalue()


def test_phases_and_warnings_are_always_told() -> None:
    stream = io.StringIO()
    line = ProgressLine(stream, clock=Clock())
    for event in (PhaseStarted(phase="fit", detail="x"), Warned(message="slow"), Warned(message="slower")):
        line(event)

    assert stream.getvalue().splitlines() == ["fit: x", "warning: slow", "warning: slower"]


def test_terminal_keeps_one_line_up_to_date() -> None:
    stream, clock = Terminal(), Clock()
    line = ProgressLine(stream, clock=clock)
    for shards in (1, 2, 3):
        line(progress(shards))
        clock.seconds += 1
    line.close()

    written = stream.getvalue()
    assert written.count("\n") == 0
    assert [part[:12] for part in written.split(CLEAR) if part] == [
        "mint:  10%, ",
        "mint:  20%, ",
        "mint:  30%, ",
    ]
    assert written.endswith(CLEAR)


def test_terminal_line_makes_room_for_a_warning() -> None:
    stream = Terminal()
    line = ProgressLine(stream, clock=Clock())
    line(progress())
    line(Warned(message="slow"))

    assert stream.getvalue().endswith(f"{CLEAR}warning: slow\n")


def test_terminal_line_is_no_longer_than_the_terminal() -> None:
    stream = Terminal()
    ProgressLine(stream, clock=Clock())(FitProgressed(step=1, steps=2, note="x" * 500))

    assert len(stream.getvalue().removeprefix(CLEAR)) < 80


def test_shard_that_is_tried_again_is_counted() -> None:
    stream, clock = Terminal(), Clock()
    line = ProgressLine(stream, clock=clock)
    line(ShardRetried(shard=4, reason="the worker was lost"))
    clock.seconds += 1
    line(progress(rejected=0))

    assert "shard 4 is tried again: the worker was lost" in stream.getvalue()
    assert "1 tried again" in stream.getvalue()


def test_events_are_json_lines_with_their_names() -> None:
    stream = io.StringIO()
    lines = EventLines(stream)
    lines(progress())
    lines(ShardRetried(shard=4, reason="lost"))

    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["event"] == "Progress"
    assert first["rejected"] == {"range:delay": 7}
    assert second == {"event": "ShardRetried", "shard": 4, "reason": "lost"}


def test_line_is_wiped_away_when_the_run_fails() -> None:
    stream = Terminal()

    def fail() -> None:
        with watch(stream) as on_event:
            on_event(progress())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert stream.getvalue().endswith(CLEAR)
