"""`mintage.AsyncClient`: the calls of `Client` and `Job`, to be awaited. Threads do the waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mintage.jobs.client.client import Client
from mintage.jobs.client.event_lines import JobEvent
from mintage.jobs.client.following import PATIENCE_SECONDS
from mintage.jobs.client.job import Job
from mintage.jobs.client.status import JobStatus
from mintage.jobs.client.threads import each, in_thread
from mintage.spec import JobSpec

if TYPE_CHECKING:
    from mintage.jobs.result import Result


class AsyncJob:
    """A `Job` whose methods are awaited; `job` is the one that it stands for."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def __repr__(self) -> str:
        return f"<AsyncJob {self.id} attempt {self.attempt}>"

    @property
    def id(self) -> str:
        """The job's id."""
        return self.job.id

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self.job.attempt

    async def status(self) -> JobStatus:
        """See `Job.status`."""
        return await in_thread(self.job.status)

    async def logs(self) -> str:
        """See `Job.logs`."""
        return await in_thread(self.job.logs)

    def lines(self, *, patience: float = PATIENCE_SECONDS) -> AsyncIterator[str]:
        """See `Job.lines`."""
        return each(self.job.lines(patience=patience))

    def events(self, *, patience: float = PATIENCE_SECONDS) -> AsyncIterator[JobEvent]:
        """See `Job.events`."""
        return each(self.job.events(patience=patience))

    async def follow(
        self, on_event: Callable[[JobEvent], None], *, patience: float = PATIENCE_SECONDS
    ) -> JobStatus:
        """See `Job.follow`; `on_event` is called in the event loop."""
        async for event in self.events(patience=patience):
            on_event(event)
        return await self.wait(patience=patience)

    async def wait(self, timeout: float | None = None, *, patience: float = PATIENCE_SECONDS) -> JobStatus:
        """See `Job.wait`."""
        return await in_thread(self.job.wait, timeout, patience=patience)

    async def cancel(self) -> None:
        """See `Job.cancel`."""
        await in_thread(self.job.cancel)

    async def result(self, *, storage: Mapping[str, object] | None = None) -> Result:
        """See `Job.result`."""
        return await in_thread(self.job.result, storage=storage)


class AsyncClient:
    """A `Client` whose methods are awaited.

        async with mintage.AsyncClient("http://127.0.0.1:8265") as client:
            job = await client.submit("flights.yaml")
            async for event in job.events():
                print(event)
            result = await job.result()

    What is awaited and then abandoned goes on in its thread until the server answers; nothing is undone.
    """

    def __init__(
        self, address: str | None = None, *, token: str | None = None, ca: Path | str | None = None
    ) -> None:
        self._client = Client(address, token=token, ca=ca)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def address(self) -> str:
        """Where jobs go."""
        return self._client.address

    async def submit(
        self, spec: JobSpec | Mapping[str, object] | Path | str, *, again: bool = False
    ) -> AsyncJob:
        """See `Client.submit`."""
        return AsyncJob(await in_thread(self._client.submit, spec, again=again))

    async def get(self, id: str) -> AsyncJob:
        """See `Client.get`."""
        return AsyncJob(await in_thread(self._client.get, id))

    async def list(self) -> list[AsyncJob]:
        """See `Client.list`."""
        return [AsyncJob(job) for job in await in_thread(self._client.list)]

    async def close(self) -> None:
        """See `Client.close`."""
        await in_thread(self._client.close)
