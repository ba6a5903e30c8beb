from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

import mintage
from mintage.engine.events import PhaseStarted, RunStarted
from mintage.errors import (
    CancelledError,
    JobEndedError,
    JobError,
    JobExistsError,
    JobMissingError,
    SourceError,
    SpecError,
)
from mintage.jobs.client.event_lines import RunFailed, RunFinished

Spec = dict[str, Any]


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    """A job that takes a second."""
    (tmp_path / "people.csv").write_text("age,sex\n" + "".join(f"{20 + i % 50},F\n" for i in range(200)))
    return {
        "name": "people",
        "rows": 100,
        "source": {"uri": str(tmp_path / "people.csv")},
        "generator": {"kind": "tabular.marginals"},
        "sink": {"uri": str(tmp_path / "out")},
        "evaluation": {"metrics": []},
        "resources": {"executor": "inline"},
    }


@pytest.fixture
def endless(spec: Spec) -> Spec:
    """A job that goes on until it is stopped."""
    return {**spec, "rows": 10**9, "sink": {**spec["sink"], "shard_rows": 1000}}


def test_a_job_is_submitted_followed_and_read(spec: Spec) -> None:
    with mintage.Client() as client:
        job = client.submit(spec)
        seen: list[object] = []
        status = job.follow(seen.append)
        assert job.result().scan().collect().height == 100
        assert job.result().summary["rows"] == 100
    assert status.state == mintage.JobState.SUCCEEDED
    assert isinstance(seen[-1], RunFinished)
    assert [type(event) for event in seen].count(RunStarted) == 1
    assert [event.phase for event in seen if isinstance(event, PhaseStarted)] == [
        "read",
        "fit",
        "mint",
        "attest",
    ]
    assert status.run_id == job.result().summary["run_id"]
    assert "".join(f"{line}\n" for line in job.lines()) == job.logs()


def test_the_same_request_is_the_same_job(spec: Spec) -> None:
    with mintage.Client() as client:
        first = client.submit(spec)
        first.wait()
        same, again = client.submit(spec), client.submit(spec, again=True)
        assert again.wait().state == mintage.JobState.SUCCEEDED
        assert [job.attempt for job in (first, same, again)] == [1, 1, 2]
        assert {first.id, same.id, again.id, client.get(first.id).id} == {first.id}
        assert client.get(first.id).attempt == 2
        assert client.get(f"{first.id}-1").attempt == 1
        assert [job.attempt for job in client.list()] == [2]


def test_a_running_job_is_returned_and_one_that_is_done_otherwise_stands_in_the_way(endless: Spec) -> None:
    with mintage.Client() as client:
        job = client.submit(endless)
        assert client.submit(endless, again=True).attempt == 1
        with pytest.raises(JobExistsError, match="differs in: gates"):
            client.submit({**endless, "gates": {"trend_error": {"max": 2}}})
        job.cancel()
        with pytest.raises(CancelledError):
            job.wait()
        assert job.status().state == mintage.JobState.CANCELLED
        with pytest.raises(JobEndedError, match="has ended already: attempt 1 cancelled"):
            job.cancel()


def test_a_job_that_was_cancelled_gets_its_next_attempt(endless: Spec) -> None:
    with mintage.Client() as client:
        first = client.submit(endless)
        while first.status().phase != "mint":
            time.sleep(0.05)
        first.cancel()
        second = client.submit(endless)
        assert (second.id, second.attempt) == (first.id, 2)
        second.cancel()


def test_a_job_fails_with_its_own_error(spec: Spec, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("")
    with mintage.Client() as client:
        job = client.submit(spec)
        seen: list[object] = []
        with pytest.raises(SourceError) as caught:
            job.follow(seen.append)
        with pytest.raises(SourceError):
            job.result()
        assert isinstance(seen[-1], RunFailed)
        assert job.status().error is not None
        assert str(job.status().error) == str(caught.value)


def test_waiting_ends_when_its_time_is_over(endless: Spec) -> None:
    with mintage.Client() as client:
        job = client.submit(endless)
        began = time.monotonic()
        with pytest.raises(JobError, match=r"has not ended within 0\.2 s"):
            job.wait(0.2)
        assert time.monotonic() - began < 5


def test_closing_the_client_stops_its_jobs(endless: Spec) -> None:
    with mintage.Client() as client:
        job = client.submit(endless)
    assert job.status().state == mintage.JobState.CANCELLED


def test_relative_places_and_memory_are_fine_here(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with mintage.Client() as client:
        places = {"source": {"uri": "people.csv"}, "sink": {"uri": "memory://in-process"}}
        job = client.submit({**spec, **places})
        assert job.result().scan().collect().height == 100


def test_a_wrong_spec_is_refused_before_anything_starts(spec: Spec) -> None:
    with mintage.Client() as client:
        with pytest.raises(SpecError):
            client.submit({**spec, "rows": 0})
        assert client.list() == []


def test_a_job_that_nobody_knows_is_missing() -> None:
    with mintage.Client() as client, pytest.raises(JobMissingError):
        client.get("people-0123456789ab")


@pytest.mark.parametrize("address", ["head:8265", "ray://head:10001", "ftp://head", "http://[::1", "x"])
def test_an_address_of_no_known_kind_is_refused(address: str) -> None:
    with pytest.raises(SpecError, match="use http://"):
        mintage.Client(address)


def test_a_credential_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(SpecError) as caught:
        mintage.Client("http://me:hidden-word@head:8265")
    assert "hidden-word" not in str(caught.value)


def test_tokens_are_shown_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from mintage.jobs.client.addresses import Access
    from mintage.settings import Settings

    (tmp_path / "token").write_text("from-a-file\n")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    assert Access.choose(Settings.read(), token=None, ca=None).token == "from-a-file"
    monkeypatch.setenv("MINTAGE_RAY_TOKEN", "hidden-word")
    access = Access.choose(Settings.read(), token=None, ca=None)
    assert access.token == "hidden-word"
    shown = repr((access, Settings.read(), mintage.Client("http://head:8265")))
    assert "hidden-word" not in shown


def test_the_same_can_be_awaited(spec: Spec) -> None:
    async def go() -> tuple[list[type], int, int]:
        async with mintage.AsyncClient() as client:
            job = await client.submit(spec)
            kinds = [type(event) async for event in job.events()]
            result = await job.result()
            same = await client.get(job.id)
            lines = [line async for line in same.lines()]
            assert (await job.wait()).state == (await job.status()).state == mintage.JobState.SUCCEEDED
            assert (await client.list())[0].id == job.id
            with pytest.raises(JobEndedError):
                await job.cancel()
            assert (await job.logs()).splitlines() == lines
            return kinds, result.scan().collect().height, len(lines)

    kinds, rows, lines = asyncio.run(go())
    assert kinds[-1] is RunFinished
    assert rows == 100
    assert lines == len(kinds)


def test_whoever_stops_awaiting_is_not_held_up(endless: Spec) -> None:
    client = mintage.Client()
    job = client.submit(endless)

    async def watch_briefly() -> None:
        events = mintage.AsyncJob(job).events()
        await anext(events)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(mintage.AsyncJob(job).wait(), 0.2)

    began = time.monotonic()
    asyncio.run(watch_briefly())
    assert time.monotonic() - began < 5
    assert not job.status().state.ended
    client.close()
