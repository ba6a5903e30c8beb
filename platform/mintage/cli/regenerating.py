"""`mintage regenerate`: mint a shard of a signed data set again, and say how equal the two are."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from mintage.cli._options import policy_option, storage_option, trusted_keys_option, version_option
from mintage.cli._shell import FAILED, common, print_json

if TYPE_CHECKING:
    from mintage.engine.equality import TableEquality
    from mintage.jobs.regeneration import Regenerated

_SHOWN = 10


@click.command()
@click.argument("dataset")
@click.option("--shard", required=True, type=click.IntRange(0), help="Number of the shard, from 0.")
@trusted_keys_option
@policy_option
@version_option
@click.option("--out", metavar="FOLDER", help="Leave the new parts there; by default they are removed.")
@click.option("--restore", is_flag=True, help="Put back parts that are missing, if equal to the byte.")
@click.option(
    "--relative",
    type=click.FloatRange(0, 1, max_open=True),
    default=1e-6,
    show_default=True,
    help="Numbers that lie this share apart are close.",
)
@click.option(
    "--ulps",
    type=click.IntRange(0, 2**20),
    default=4,
    show_default=True,
    help="So are floating-point numbers that lie so many units in the last place apart.",
)
@storage_option
@common
def regenerate(
    dataset: str,
    *,
    relative: float,
    ulps: int,
    storage: tuple[str, ...],
    as_json: bool,
    **asked: Any,  # noqa: ANN401  # click's
) -> int:
    """Mint a shard of DATASET again, and compare the two. Exit code 1: less equal than is claimed."""
    from mintage.engine.closeness import Tolerance
    from mintage.jobs import regenerate as regenerate_shard
    from mintage.jobs.progress import watch
    from mintage.spec import read_options

    tolerance = Tolerance(relative=relative, ulps=ulps)
    asked["keys"] = asked["keys"] or None
    with watch(sys.stderr) as on_event:
        done = regenerate_shard(
            dataset, tolerance=tolerance, storage=read_options(storage), on_event=on_event, **asked
        )
    if as_json:
        print_json(done.to_json())
    else:
        click.echo(to_text(done))
    return 0 if done.ok else FAILED


def to_text(done: Regenerated) -> str:
    """The strongest equality, table by table, with what differs by column."""
    verdict = "ok" if done.ok else "FAILED"
    lines = [
        f"{verdict}: shard {done.found.shard} came out again with the equality {done.equality.value}",
        f"  claimed  {done.claimed.value}; to be expected here: {done.expected.value}",
    ]
    for table in done.found.tables:
        lines += _table(table, done.parts[table.table])
    lines += [f"  note: {note}" for note in done.notes]
    if done.out:
        lines.append(f"  written  {done.out}")
    return "\n".join(
        [*lines, f"  dataset  {done.dataset}, version {done.version}", f"  root     {done.root}"]
    )


def _table(table: TableEquality, state: str) -> list[str]:
    rows = f"{table.rows:,} rows"
    if table.rows != table.rows_signed:
        rows += f" where {table.rows_signed:,} were signed"
    lines = [f"  table {table.table}: {table.equality.value}, {rows}; the committed part is {state}"]
    if table.differs:
        lines.append(f"    the records differ in {', '.join(table.differs)}")
    if table.note:
        lines.append(f"    {table.note}")
    different = [column for column in table.columns if column["different"]]
    lines += [f"    {_column(column)}" for column in different[:_SHOWN]]
    if more := len(different) - _SHOWN:
        lines += [f"    and {more:,} more columns"] if more > 0 else []
    return lines


def _column(column: Mapping[str, Any]) -> str:
    text = (
        f"{column['name']}: {column['different']:,} of {column['cells']:,} cells differ, "
        f"{column['beyond_tolerance']:,} by more than the tolerance"
    )
    if column["largest_absolute"]:
        text += f"; at most by {column['largest_absolute']:.3g}, relative {column['largest_relative']:.3g}"
    if "p_value" in column:
        text += f"; p = {column['p_value']:.3g}"
    return text
