"""Following a place that loses connections: a fake of the border, since real ones lose them rarely."""

# ruff: noqa: ARG002  # the arguments are those of a back end

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mintage.errors import JobMissingError, UnreachableError
from mintage.jobs.client.backend import JobRecord, JobState, Submission
from mintage.jobs.client.following import follow_lines


@dataclass(kw_only=True)
class Place:
    """Sends each script in turn: pieces, then an end, a break (`None`), or another process's log."""

    scripts: list[list[str | None]]
    log: str
    address: str = "a fake place"
    is_here: bool = False
    ends_after: int = 0
    followed: int = 0
    known: bool = True

    def follow(self, id: str) -> Iterator[str]:
        script = self.scripts[min(self.followed, len(self.scripts) - 1)]
        self.followed += 1
        for piece in script:
            if piece is None:
                raise UnreachableError("the connection was lost")
            yield piece

    def find(self, id: str) -> JobRecord | None:
        state = (
            JobState.SUCCEEDED
            if self.followed >= (self.ends_after or len(self.scripts))
            else JobState.RUNNING
        )
        return JobRecord(id=id, state=state) if self.known else None

    def read_log(self, id: str) -> str:
        return self.log

    def tail(self, id: str, lines: int) -> str:
        return self.log

    def list(self, job: str | None = None) -> list[JobRecord]:
        return []

    def submit(self, submission: Submission) -> None:
        raise AssertionError("nobody submits here")

    def cancel(self, id: str) -> None:
        raise AssertionError("nobody cancels here")

    def close(self) -> None:
        raise AssertionError("nobody closes this")


LOG = "first\nsecond\nthird\nfourth\n"


@pytest.mark.parametrize(
    "scripts",
    [
        [[LOG]],
        [["fir", "st\nsec", "ond\nthird\nfourth\n"]],
        [["first\nsec", None], [LOG]],
        [["first\nsecond\n", None], ["fir", None], [LOG]],
        [["first\nsecond\nthird\n"], ["first\n"], [LOG]],
        [[None], [None], [LOG]],
        [["first\nsecond\nthird\nfou"]],
        [[]],
    ],
    ids=["whole", "pieces", "half a line", "twice", "polite end", "at once", "lost end", "nothing came"],
)
def test_every_line_comes_once(scripts: list[list[str | None]]) -> None:
    assert list(follow_lines(Place(scripts=scripts, log=LOG), "a-1")) == LOG.splitlines()


def test_a_last_line_without_an_end_is_a_line() -> None:
    place = Place(scripts=[["first\nsec"]], log="first\nsecond")
    assert list(follow_lines(place, "a-1")) == ["first", "second"]


def test_equal_lines_are_all_told() -> None:
    log = "start\n\n\nsame\nsame\nsame\n"
    place = Place(scripts=[["start\n\n\nsame\n", None], [log]], log=log)
    assert list(follow_lines(place, "a-1")) == log.splitlines()


def test_the_log_of_another_process_is_told_from_its_beginning() -> None:
    place = Place(
        scripts=[["first\nsecond\nthird\n", None], ["begun anew\nsecond\n"]], log="begun anew\nsecond\n"
    )
    assert list(follow_lines(place, "a-1")) == ["first", "second", "third", "begun anew", "second"]


def test_patience_ends() -> None:
    place = Place(scripts=[["first\n", None], [None]], log=LOG, ends_after=10**9)
    with pytest.raises(UnreachableError):
        list(follow_lines(place, "a-1", patience=0.3))
    assert place.followed >= 2


def test_a_place_that_forgot_the_job_says_so() -> None:
    with pytest.raises(JobMissingError, match="knows no job a-1"):
        list(follow_lines(Place(scripts=[["first\n"]], log=LOG, known=False), "a-1"))
