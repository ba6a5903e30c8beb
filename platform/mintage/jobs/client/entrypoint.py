"""What a submitted job runs: `python -m mintage.jobs.client.entrypoint`, with its spec in `MINTAGE_SPEC`.

Events go to stdout as JSON lines. Exit code 0: done; else that of the error (1 failed, 2 bad input).
"""

from __future__ import annotations

import sys

from mintage.errors import MintageError, SpecError
from mintage.jobs.client.event_lines import JobLines, RunFailed
from mintage.jobs.client.luggage import VARIABLE, unpack_spec
from mintage.jobs.client.performing import perform
from mintage.jobs.terminating import TerminatedError, terminable
from mintage.settings import Settings
from mintage.spec import JobSpec


def main() -> int:
    """Run the job of this process; returns its exit code. SIGTERM ends it in order."""
    try:
        with terminable():
            error = _run()
    except TerminatedError:
        # It came before the job began, or while it was cleaning up.
        return 1
    return error.exit_code if error else 0


def _run() -> MintageError | None:
    settings = Settings.read()
    try:
        if settings.job_spec is None:
            raise SpecError(
                f"{VARIABLE} is not set", "jobs are submitted by mintage.Client or `mintage submit`"
            )
        spec = join_cluster(unpack_spec(settings.job_spec), settings)
    except SpecError as exc:
        JobLines(_write)(RunFailed(error=exc))
        return exc
    return perform(spec, write=_write, cancelled=lambda: False, environment=settings.trace)


def join_cluster(spec: JobSpec, settings: Settings) -> JobSpec:
    """The spec, run on the cluster that this process is part of, whatever address it names.

    Only `executor: inline` stays in this process.
    """
    inline = spec.resources.executor == "inline"
    address = None if inline else settings.ray_address
    resources = spec.resources.model_copy(update={"address": address})
    return spec.model_copy(update={"resources": resources})


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
