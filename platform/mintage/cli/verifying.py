"""`mintage verify` and `mintage prove`: whether a data set, or a part of it, is what was signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mintage.cli._options import policy_option, storage_option, trusted_keys_option, version_option
from mintage.cli._shell import FAILED, common, print_json

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("dataset")
@trusted_keys_option
@policy_option
@click.option("--rows", is_flag=True, help="Decode every part too, and compare its rows; slower.")
@click.option(
    "--sample", metavar="SIZE", help="Check shards drawn at random: a share such as 1%, or a number."
)
@click.option("--seed", type=int, help="Draw the same shards again; by default nobody can foresee which.")
@click.option("--shard", type=click.IntRange(0), help="Check this shard only, by an inclusion proof.")
@version_option
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
    "--proof",
    metavar="FILE",
    type=_PATH,
    help="Check one part by a proof file from `mintage prove`: DATASET is the part's file.",
)
@storage_option
@common
def verify(
    dataset: str,
    *,
    keys: tuple[Path, ...],
    policy: Path | None,
    rows: bool,
    proof: Path | None,
    storage: tuple[str, ...],
    as_json: bool,
    **asked: Any,  # noqa: ANN401  # click's
) -> int:
    """Check the records, signatures and every byte of DATASET. Exit code 1: it is not what was signed."""
    from mintage.cli.summary import verify_summary
    from mintage.jobs import verify as verify_dataset
    from mintage.jobs import verify_part
    from mintage.provenance.scope import Scope
    from mintage.spec import read_options

    options = read_options(storage)
    if proof is None:
        scope = Scope(**asked)
        report = verify_dataset(
            dataset, keys=keys or None, policy=policy, rows=rows, scope=scope, storage=options
        )
    else:
        _refuse_beside_proof(rows=rows, **asked)
        report = verify_part(dataset, proof, keys=keys or None, policy=policy, storage=options)
    if as_json:
        print_json(report.to_json())
    else:
        click.echo(verify_summary(dataset, report))
    return 0 if report.ok else FAILED


@click.command()
@click.argument("dataset")
@click.option("--shard", required=True, type=click.IntRange(0), help="The shard whose parts are proved.")
@click.option("-o", "--output", type=_PATH, help="Where the proof is written; shard-N.proof.json by default.")
@version_option
@storage_option
@common
def prove(
    dataset: str,
    *,
    shard: int,
    output: Path | None,
    version: int | None,
    storage: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write a proof file for one shard of DATASET: with it, a part can be checked without the data set."""
    from mintage.jobs import prove as prove_shard
    from mintage.spec import read_options

    proof = prove_shard(dataset, shard, version=version, storage=read_options(storage))
    path = output or Path(f"shard-{shard}.proof.json")
    _create(path, proof)
    if as_json:
        print_json({"proof": str(path), "shard": shard, "bytes": len(proof)})
    else:
        click.echo(f"wrote {path}\nnext: mintage verify --proof {path} PART --key PUB")


def _create(path: Path, data: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(data)
    except OSError as exc:
        raise click.ClickException(f"{path} cannot be written: {exc.strerror or exc}") from exc


def _refuse_beside_proof(**asked: object) -> None:
    for name, value in asked.items():
        if value is not None and value is not False:
            option = "resume" if name == "journal" else name
            raise click.UsageError(f"--{option} does not go with --proof")
