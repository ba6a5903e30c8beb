"""The commands about a data set's versions: `diff`, `gc`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from mintage.cli._options import storage_option
from mintage.cli._shell import FAILED, common, print_json

if TYPE_CHECKING:
    from mintage.jobs.collecting import Collection
    from mintage.jobs.differences import Change, Difference

_SHOWN = 20
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AGE = re.compile(r"([0-9]{1,9})([smhd])")


class _Age(click.ParamType[float]):
    """A time such as `24h`, in seconds."""

    name = "age"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a number with a unit."""
        match = _AGE.fullmatch(str(value))
        if match is None or int(match[1]) == 0:
            self.fail(f"{value!r} is no age, such as 24h, 90m or 7d", param, ctx)
        return float(int(match[1]) * _UNITS[match[2]])


@click.command()
@click.argument("a")
@click.argument("b")
@storage_option
@common
def diff(a: str, b: str, *, storage: tuple[str, ...], as_json: bool) -> int:
    """Compare the data sets or versions A and B, such as DATASET@1 DATASET. Exit code 1: they differ."""
    from mintage.jobs.differences import diff as compare
    from mintage.spec import read_options

    found = compare(a, b, storage=read_options(storage))
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(_difference(found))
    return 0 if found.equal else FAILED


@click.command()
@click.argument("dataset")
@click.option(
    "--older-than",
    type=_Age(),
    default="24h",
    show_default=True,
    metavar="AGE",
    help="The lease: nothing younger is touched, and nobody is taken to work who wrote nothing for so long.",
)
@click.option("--delete", is_flag=True, help="Remove what was found; without it, it is only listed.")
@click.option(
    "--give-up",
    metavar="RUN",
    help="Instead, give up the unfinished job whose run id begins so, so that others can go behind it.",
)
@storage_option
@common
def gc(
    dataset: str,
    *,
    older_than: float,
    delete: bool,
    give_up: str | None,
    storage: tuple[str, ...],
    as_json: bool,
) -> None:
    """List what nothing in DATASET refers to: lost attempts, models without a plan, half-made versions."""
    from mintage.jobs.collecting import gc as collect
    from mintage.jobs.collecting import give_up as give_up_job
    from mintage.spec import read_options

    if give_up is not None:
        options = read_options(storage)
        run_id = give_up_job(dataset, give_up, older_than_seconds=older_than, storage=options)
        if as_json:
            print_json({"dataset": dataset, "given_up": run_id})
        else:
            click.echo(f"given up: the job {run_id}; what it committed stays, and no version will name it")
        return

    found = collect(dataset, older_than_seconds=older_than, delete=delete, storage=read_options(storage))
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(_collection(found))


def _collection(found: Collection) -> str:
    """What was found, what became of it, and what was left alone."""
    shown = [f"  {one.kind:<10}  {one.info.bytes:>12,}  {one.info.path}" for one in found.leftovers[:_SHOWN]]
    if more := len(found.leftovers) - len(shown):
        shown.append(f"  and {more:,} more")
    count, size = f"{len(found.leftovers):,} leftovers", f"{found.bytes:,} bytes"
    if found.deleted:
        first = f"removed {found.deleted:,} of {count}, {size}"
    elif found.leftovers:
        first = f"found {count}, {size}: nothing refers to them; --delete removes them"
    else:
        first = "there is nothing to remove"
    notes = [f"  note: {note}" for note in found.notes]
    if found.young:
        notes.append(f"  note: {found.young:,} more are too young")
    if found.running and not found.deleted:
        notes.append(f"  note: {found.running}: --delete would be refused")
    return "\n".join([first, *shown, *notes])


def _difference(found: Difference) -> str:
    """What is the same, and each thing that is not."""
    lines = [_verdict(found)]
    for name, side in (("a", found.a), ("b", found.b)):
        head, predicate = side.manifest.head, side.manifest.statement.predicate
        tables = ", ".join(f"{table} {sums.rows:,}" for table, sums in predicate.tables.items())
        size = sum(table.bytes for table in predicate.tables.values())
        lines.append(
            f"  {name}  {side.store.uri}@{head.version}: {head.size:,} shards, {tables}, {size:,} bytes"
        )
    shards, sizes = found.shards, (found.a.manifest.head.size, found.b.manifest.head.size)
    common_ = shards.shared + shards.differing
    lines.append(
        f"shards    {shards.shared:,} shared, {shards.differing:,} differ{_ranges(found)}, "
        f"{sizes[0] - common_:,} only in a, {sizes[1] - common_:,} only in b"
    )
    lines += [f"schema    {change}" for change in found.schema[:_SHOWN]]
    for title, changes in (("fact", found.facts), ("spec", found.spec), ("gate", found.gates)):
        lines += [f"{title:<8}  {_change(change)}" for change in changes[:_SHOWN]]
        if more := len(changes) - _SHOWN:
            lines += [f"{title:<8}  and {more:,} more"] if more > 0 else []
    return "\n".join(lines)


def _verdict(found: Difference) -> str:
    if found.equal:
        return "equal: the same shards, byte for byte"
    if found.same_rows:
        return "different files with the same rows"
    return "different"


def _ranges(found: Difference) -> str:
    if not found.shards.ranges:
        return ""
    shown = [str(one) if one == last else f"{one} to {last}" for one, last in found.shards.ranges]
    return f" ({', '.join(shown)}{', …' if len(shown) == _SHOWN else ''})"


def _change(change: Change) -> str:
    return f"{change.what}: {change.a} > {change.b}"
