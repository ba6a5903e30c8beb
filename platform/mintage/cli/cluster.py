"""Jobs elsewhere: submit, status, logs, follow, cancel, list; the calls of `mintage.Client`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from mintage.cli._shell import INTERRUPTED, common, print_json
from mintage.errors import SpecError

if TYPE_CHECKING:
    from mintage.jobs import Client, Job, JobStatus

_Command = TypeVar("_Command", bound=Callable[..., object])

_ID = click.argument("id", metavar="ID")
_EVENTS = click.option("--events", is_flag=True, help="Write progress to stderr as JSON lines, for programs.")


def _placed(command: _Command) -> _Command:
    """The options that say where jobs are."""
    command = click.option(
        "--address",
        metavar="URL",
        help="Where jobs run, such as http://head:8265; MINTAGE_ADDRESS by default.",
    )(command)
    return click.option(
        "--ca",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Certificates to trust, with https; MINTAGE_CA by default.",
    )(command)


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@_placed
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the spec, such as rows=1000 or sink.uri=s3://bucket/out. May be repeated.",
)
@click.option("--again", is_flag=True, help="Start it although it is done: the run looks at the store anew.")
@click.option("--wait", is_flag=True, help="Wait until it has ended.")
@click.option("--follow", "followed", is_flag=True, help="Watch it until it has ended.")
@common
def submit(
    spec: Path,
    overrides: tuple[str, ...],
    address: str | None,
    ca: Path | None,
    *,
    again: bool,
    wait: bool,
    followed: bool,
    as_json: bool,
) -> int:
    """Hand SPEC over to a cluster. The same spec is the same job: repeat it to resume, or to look again."""
    from mintage.spec import read_spec

    accepted = read_spec(spec, overrides=overrides)
    with _client(address, ca) as client:
        job = client.submit(accepted, again=again)
        if not (wait or followed):
            _show_submitted(client, job, as_json=as_json)
            return 0
        click.echo(f"{job.id}: attempt {job.attempt} at {client.address}", err=True)
        return _watch(job, quiet=not followed, events=False, as_json=as_json)


@click.command()
@_ID
@_placed
@common
def status(id: str, address: str | None, ca: Path | None, *, as_json: bool) -> None:
    """Tell how far the job ID is."""
    with _client(address, ca) as client:
        _show(client.get(id).status(), as_json=as_json)


@click.command()
@_ID
@_placed
@common
def logs(id: str, address: str | None, ca: Path | None, *, as_json: bool) -> None:
    """Print all that the job ID wrote so far: events as JSON lines, and what libraries say beside them."""
    with _client(address, ca) as client:
        job = client.get(id)
        text = job.logs()
    if as_json:
        print_json({"id": job.id, "attempt": job.attempt, "logs": text})
    else:
        click.echo(text, nl=False)


@click.command()
@_ID
@_placed
@_EVENTS
@common
def follow(id: str, address: str | None, ca: Path | None, *, events: bool, as_json: bool) -> int:
    """Watch the job ID until it has ended. Ctrl-C ends the watching, not the job."""
    with _client(address, ca) as client:
        return _watch(client.get(id), quiet=False, events=events, as_json=as_json)


@click.command()
@_ID
@_placed
@common
def cancel(id: str, address: str | None, ca: Path | None, *, as_json: bool) -> None:
    """Stop the job ID. What is committed stays; submit it again to go on."""
    with _client(address, ca) as client:
        job = client.get(id)
        job.cancel()
        state = job.status().state
    if as_json:
        print_json({"id": job.id, "attempt": job.attempt, "state": state})
    else:
        click.echo(f"{job.id}: {state}")


@click.command("list")
@_placed
@common
def list_jobs(address: str | None, ca: Path | None, *, as_json: bool) -> None:
    """List the jobs that are known there, newest first."""
    with _client(address, ca) as client:
        jobs = client.list()
        where = client.address
    if as_json:
        print_json({"address": where, "jobs": [_job_to_json(job) for job in jobs]})
        return
    width = max((len(job.id) for job in jobs), default=0)
    for job in jobs:
        started = f"{job.record.started:%Y-%m-%d %H:%M}" if job.record.started else ""
        click.echo(f"{job.id:{width}}  {job.attempt:3}  {job.record.state:9}  {started:16}  {job.dataset}")
    if not jobs:
        click.echo(f"no jobs at {where}")


@contextmanager
def _client(address: str | None, ca: Path | None) -> Iterator[Client]:
    from mintage.jobs import Client
    from mintage.settings import Settings

    where = address or Settings.read().address
    if where is None:
        raise SpecError(
            "nobody said where jobs run",
            "give --address http://head:8265, or set MINTAGE_ADDRESS; `mintage run` runs a spec right here",
        )
    with Client(where, ca=ca) as client:
        yield client


def _watch(job: Job, *, quiet: bool, events: bool, as_json: bool) -> int:
    """Wait for the end, with progress on stderr unless `quiet`; raises the job's own error."""
    from mintage.jobs.progress import watch

    try:
        if quiet:
            ended = job.wait()
        else:
            with watch(sys.stderr, as_json_lines=events) as show:
                ended = job.follow(show)
    except KeyboardInterrupt:
        click.echo(
            f"\nthe job goes on: `mintage follow {job.id}` watches it, `mintage cancel {job.id}` stops it",
            err=True,
        )
        return INTERRUPTED
    _show(ended, as_json=as_json)
    return 0


def _show_submitted(client: Client, job: Job, *, as_json: bool) -> None:
    if as_json:
        print_json({**_job_to_json(job), "address": client.address})
        return
    click.echo(f"{job.id}: {job.record.state}, attempt {job.attempt}, at {client.address}")
    click.echo(f"next: mintage follow {job.id}")


def _show(status: JobStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(status.to_json())
        return
    from mintage.cli.summary import run_summary

    click.echo(f"{status.id}: {status.state}, attempt {status.attempt}")
    for name, value in _facts(status):
        click.echo(f"  {name:9} {value}")
    if status.error is not None:
        click.echo(f"  error     {type(status.error).__name__}: {status.error}")
    elif status.summary is not None:
        click.echo(run_summary(status.summary))


def _facts(status: JobStatus) -> Iterator[tuple[str, str]]:
    from mintage.engine.events import FitProgressed, Progress
    from mintage.jobs.progress import fit_text, progress_text

    if status.phase and not status.state.ended:
        yield "phase", f"{status.phase}: {status.detail}" if status.detail else status.phase
    if isinstance(status.progress, Progress) and not status.state.ended:
        yield "progress", progress_text(status.progress)
    if isinstance(status.progress, FitProgressed) and not status.state.ended:
        yield "progress", fit_text(status.progress)
    for name, value in (("run", status.run_id), ("data set", status.dataset)):
        if value:
            yield name, value
    for name, moment in (("submitted", status.started), ("ended", status.ended)):
        if moment:
            yield name, f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    if status.message and not status.state.ended:
        yield "message", status.message.splitlines()[0]


def _job_to_json(job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "attempt": job.attempt,
        "state": job.record.state,
        "name": job.name,
        "dataset": job.dataset,
        "started": job.record.started,
        "ended": job.record.ended,
    }
