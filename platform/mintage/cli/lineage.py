"""The commands about where rows come from: `attest`."""

from __future__ import annotations

from pathlib import Path

import click

from mintage.cli._shell import common, print_json


@click.command()
@click.argument("source")
@click.option("--key", metavar="KEY", help="Path or URI of a private key; your local identity by default.")
@click.option("--name", help="What the source is called; the last step of its location by default.")
@click.option("--owner", help="Who is responsible for it.")
@click.option("--license", metavar="LICENCE", help="Under which licence it may be used.")
@click.option("--note", help="What else is to be known of it.")
@click.option("--kind", help="Connector that reads it; by the suffix when not given.")
@click.option("--out", metavar="FILE", help="Where the attestation is written; beside SOURCE by default.")
@click.option(
    "--storage",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the store, such as endpoint_url=http://host:9000. May be repeated.",
)
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
