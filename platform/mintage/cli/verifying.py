"""`mintage verify`: whether a data set is what was signed, all of it or some of its shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mintage.cli._shell import FAILED, common, print_json

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("dataset")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="PUB",
    type=_PATH,
    help="A public key to trust; your local identity by default. May be repeated.",
)
@click.option(
    "--policy",
    metavar="FILE",
    type=_PATH,
    help="A policy: whom to trust in which role, and what must have been signed. Instead of --key.",
)
@click.option("--rows", is_flag=True, help="Decode every part too, and compare its rows; slower.")
@click.option(
    "--sample", metavar="SIZE", help="Check shards drawn at random: a share such as 1%, or a number."
)
@click.option("--seed", type=int, help="Draw the same shards again; by default nobody can foresee which.")
@click.option("--shard", type=click.IntRange(0), help="Check this shard only, by an inclusion proof.")
@click.option("--version", type=click.IntRange(1), help="Check this version; the newest by default.")
@click.option(
    "--strict", is_flag=True, help="Fail for anything in the folder that the version does not explain."
)
@click.option(
    "--resume",
    "journal",
    metavar="FILE",
    type=_PATH,
    help="Keep in FILE which shards were found sound, and go on from there.",
)
@click.option(
    "--storage",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the store, such as endpoint_url=http://host:9000. May be repeated.",
)
@common
def verify(
    dataset: str,
    *,
    keys: tuple[Path, ...],
    policy: Path | None,
    rows: bool,
    storage: tuple[str, ...],
    as_json: bool,
    **asked: Any,  # noqa: ANN401  # click's
) -> int:
    """Check the records, signatures and every byte of DATASET. Exit code 1: it is not what was signed."""
    from mintage.cli.summary import verify_summary
    from mintage.jobs import verify as verify_dataset
    from mintage.provenance.scope import Scope
    from mintage.spec import read_options

    report = verify_dataset(
        dataset,
        keys=keys or None,
        policy=policy,
        rows=rows,
        scope=Scope(**asked),
        storage=read_options(storage),
    )
    if as_json:
        print_json(report.to_json())
    else:
        click.echo(verify_summary(dataset, report))
    return 0 if report.ok else FAILED
