"""The commands about where rows come from: `attest`, `lineage`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mintage.cli._options import storage_option, trusted_keys_option
from mintage.cli._shell import FAILED, common, print_json

if TYPE_CHECKING:
    from mintage.provenance.ancestry import Ancestry, Node


@click.command()
@click.argument("source")
@click.option("--key", metavar="KEY", help="Path or URI of a private key; your local identity by default.")
@click.option("--name", help="What the source is called; the last step of its location by default.")
@click.option("--owner", help="Who is responsible for it.")
@click.option("--license", metavar="LICENCE", help="Under which licence it may be used.")
@click.option("--note", help="What else is to be known of it.")
@click.option("--kind", help="Connector that reads it; by the suffix when not given.")
@click.option("--out", metavar="FILE", help="Where the attestation is written; beside SOURCE by default.")
@storage_option
@common
def attest(source: str, *, storage: tuple[str, ...], as_json: bool, **said: str | Path | None) -> None:
    """Declare that SOURCE, a file or a folder of files, holds real rows, and sign it."""
    from mintage.jobs.attesting import attest as attest_source
    from mintage.spec import read_options

    done = attest_source(source, storage=read_options(storage), **said)  # type: ignore[arg-type]  # click's names
    if as_json:
        print_json(done.to_json())
        return
    click.echo(
        f"attested  {done.source.name}: {done.source.rows:,} rows, {len(done.source.columns)} columns, real\n"
        f"content   {done.source.digest}\n"
        f"statement {done.statement}\n"
        f"signed    by key {done.keyid}\n"
        f"written   {done.uri}"
    )


@click.command()
@click.argument("dataset")
@click.option("--depth", type=click.IntRange(0, 1000), default=1000, help="Steps to walk up, at most.")
@trusted_keys_option
@storage_option
@click.option("--prov", is_flag=True, help="Print W3C PROV-O as JSON-LD instead of a tree.")
@common
def lineage(
    dataset: str, depth: int, keys: tuple[Path, ...], storage: tuple[str, ...], *, prov: bool, as_json: bool
) -> int:
    """Show what DATASET was made from: models, earlier generations, real sources; every step is checked."""
    from mintage.jobs.ancestry import lineage as walk
    from mintage.jobs.ancestry import prov_document
    from mintage.spec import read_options

    found = walk(dataset, depth=depth, keys=keys or None, storage=read_options(storage))
    if prov:
        print_json(prov_document(found))
    elif as_json:
        print_json(_to_json(found))
    else:
        click.echo(_to_text(found))
    return FAILED if found.problems else 0


def _to_json(found: Ancestry) -> dict[str, object]:
    nodes = {str(node.parent.statement or node.parent.digest): node for _, node in found.steps()}
    firsts = {key: node for key, node in nodes.items() if not node.repeated}
    return {
        "root": found.root.parent.statement,
        "complete": found.is_complete,
        "problems": found.problems,
        "nodes": {key: node.to_json() for key, node in (nodes | firsts).items()},
    }


def _to_text(found: Ancestry) -> str:
    lines = [f"{'   ' * depth}{_line(node)}" for depth, node in found.steps()]
    lineage = found.root.found.lineage if found.root.found else None
    if lineage is not None and lineage.waiver is not None:
        lines.append(f"waived: {'; '.join(lineage.waiver.problems)} (reason: {lineage.waiver.reason})")
    lines += [f"CONTRADICTION: {problem}" for problem in found.problems]
    if not found.is_complete:
        lines.append("not every branch ends in a real source that is attested: what is behind it is unknown")
    return "\n".join(lines)


def _line(node: Node) -> str:
    """One step: what it is, how old, how large, who says so, where it lies."""
    from mintage.provenance.prov import describe_parent

    told = [describe_parent(node.parent)]
    told += [node.state if node.state == "verified" or not node.reason else f"{node.state}: {node.reason}"]
    if node.found is not None:
        signers = ", ".join(keyid[:16] for keyid in node.found.keyids)
        told += [node.found.note, f"signed by {signers}" if signers else "", node.found.uri]
    told.append("shown elsewhere in this tree" if node.repeated and node.found else "")
    return "  ".join(filter(None, told))
