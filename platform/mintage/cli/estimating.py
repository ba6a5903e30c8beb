"""`mintage estimate`: what a job will take and cost, before it is run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mintage.cli._options import set_option, spec_argument
from mintage.cli._shell import common, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from mintage.jobs.estimating import Estimate, Range


@click.command()
@spec_argument
@click.option(
    "--workers", type=click.IntRange(1, 100_000), help="Workers to reckon with; those of SPEC by default."
)
@click.option(
    "--sample-rows",
    type=click.IntRange(6, 10_000_000),
    default=60_000,
    show_default=True,
    help="Rows of the root table that are minted to measure.",
)
@set_option
@common
def estimate(
    spec: Path, workers: int | None, sample_rows: int, overrides: tuple[str, ...], *, as_json: bool
) -> None:
    """Fit what SPEC asks for, mint a little of it, and say what all of it will take. Nothing is kept."""
    from mintage.spec import read_spec

    job = read_spec(spec, overrides=overrides)

    from mintage.jobs import estimate as estimate_job
    from mintage.jobs.progress import watch

    with watch(sys.stderr) as on_event:
        found = estimate_job(job, workers=workers, sample_rows=sample_rows, on_event=on_event)
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(estimate_text(found))


def estimate_text(found: Estimate) -> str:
    """The estimate in a few lines, each figure with what it lies between."""
    from mintage.jobs.progress import duration_text, money_text

    workers = "1 worker" if found.workers == 1 else f"{found.workers:,} workers"
    lines = [
        f"{found.rows:,} rows in {found.shards:,} shards by {workers}",
        f"time      {_between(found.seconds, duration_text)}, {found.rows_per_second:,.0f} rows/s",
        f"CPU       {_between(found.cpu_seconds, lambda one: f'{one:,.1f}')} CPU-seconds",
    ]
    if found.gpu_seconds.high:
        lines.append(f"GPU       {_between(found.gpu_seconds, lambda one: f'{one:,.1f}')} GPU-seconds")
    lines.append(f"written   {_between(found.bytes, lambda one: f'{one / 1e6:,.1f}')} MB")
    if found.cost is not None and found.cost_per_million_rows is not None:
        million = found.cost_per_million_rows

        def money(one: float) -> str:
            return money_text(one, found.currency)

        lines += [
            f"cost      {_between(found.cost, money)}",
            f"          {_between(million, money)} per million rows",
        ]
    fit = f"{found.fit.seconds:.1f} s, {found.fit.cpu_seconds:.1f} CPU-seconds"
    lines.append(f"of it fit {fit}")
    assumed = [f"  - {one}" for one in found.assumptions]
    return "\n".join([*lines, f"from {found.sampled_rows:,} rows minted here, if", *assumed])


def _between(one: Range, text: Callable[[float], str]) -> str:
    """A likely figure, and its range where it has one.

    >>> from mintage.jobs.estimating import Range
    >>> _between(Range(low=1, likely=2, high=3), str), _between(Range(low=2, likely=2, high=2), str)
    ('2 (1 to 3)', '2')
    """
    low, likely, high = text(one.low), text(one.likely), text(one.high)
    return likely if low == high else f"{likely} ({low} to {high})"
