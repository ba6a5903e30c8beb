"""When a run tells what. A run never waits long for this, and never fails of it: a failure is one warning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from mintage.engine import events
from mintage.errors import CancelledError, MintageError
from mintage.jobs.openlineage.events import LineageRun
from mintage.jobs.openlineage.sending import Sender, make_sender
from mintage.jobs.result import Result
from mintage.spec import JobSpec


@dataclass(slots=True)
class Teller:
    """Tells of one run, until telling fails; without a `run` it tells nobody."""

    on_event: events.OnEvent
    run: LineageRun | None = None
    sender: Sender | None = None
    failed: bool = False

    @contextmanager
    def around(self) -> Iterator[None]:
        """Tell that the run begins, and if it ends by an error, that too; the error goes on."""
        self._tell(lambda run, at: run.start(at))
        try:
            yield
        except BaseException as exc:
            aborted = isinstance(exc, CancelledError) or not isinstance(exc, Exception)
            message = exc.message if isinstance(exc, MintageError) else type(exc).__name__
            self._tell(lambda run, at: run.fail(at, message, aborted=aborted))
            raise

    def finished(self, result: Result) -> None:
        """Tell what was made, and what the gates said of it."""
        self._tell(lambda run, at: run.complete(at, result))
        self._tell(lambda run, at: run.gates(at, result))

    def _tell(self, make: Callable[[LineageRun, str], Mapping[str, object] | None]) -> None:
        if self.run is None or self.sender is None or self.failed:
            return
        try:
            event = make(self.run, datetime.now(UTC).isoformat(timespec="milliseconds"))
            if event is not None:
                self.sender.send(event)
        except MintageError as exc:
            # Whoever did not take one event gets no more: the run must not wait for each of them.
            self.failed = True
            message = f"no OpenLineage events are sent any more: {exc.message}"
            self.on_event(events.Warned(message=message))


def open_teller(spec: JobSpec, on_event: events.OnEvent) -> Teller:
    """What tells of a run of this spec; raises `SpecError` for a place that is not allowed."""
    asked = spec.telemetry.openlineage
    if asked is None:
        return Teller(on_event)
    sender = make_sender(asked.to, asked.timeout_seconds)
    return Teller(on_event, LineageRun.begin(spec, asked), sender)
