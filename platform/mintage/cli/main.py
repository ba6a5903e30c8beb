"""The commands. Each is a thin shell over one public function, imported when the command runs.

mintage init flights.parquet     write a commented spec
mintage preview flights.yaml     fit, and show a few rows
mintage estimate flights.yaml    what all of it will take, and cost
mintage run flights.yaml         fit, mint, validate, commit, sign
mintage submit flights.yaml --address http://head:8265 --follow     the same, on a cluster
mintage verify flights-synthetic
mintage regenerate flights-synthetic --shard 3     mint a shard again, and compare
mintage evaluate real.csv synthetic.csv --holdout test.csv     measure any two tables
mintage impute holes.csv --model flights-synthetic --to filled.csv
mintage review flights-synthetic --verdict accept --key me.pem     sign what you think of it
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from mintage.cli._options import set_option, spec_argument, storage_option
from mintage.cli._shell import FAILED, Shell, common, print_json
from mintage.cli.cluster import cancel, follow, list_jobs, logs, status, submit
from mintage.cli.estimating import estimate
from mintage.cli.lineage import attest, lineage
from mintage.cli.regenerating import regenerate
from mintage.cli.reviewing import review
from mintage.cli.serving import serve
from mintage.cli.signing import keygen, pubkey, sign
from mintage.cli.verifying import prove, verify
from mintage.cli.versions import diff, gc


@click.group("mintage", cls=Shell, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mintage", prog_name="mintage")
def main() -> None:
    """Make synthetic data at scale, and prove where every row came from."""


@main.command()
@click.argument("source")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Where the spec is written; NAME.yaml by default."
)
@click.option("--force", is_flag=True, help="Overwrite a spec that is there.")
@common
def init(source: str, output: Path | None, *, force: bool, as_json: bool) -> None:
    """Write a commented spec for SOURCE, a file or a folder, with what its columns seem to be."""
    from mintage.jobs.draft import write_draft

    path = write_draft(source, output, overwrite=force)
    if as_json:
        print_json({"spec": str(path), "source": source})
    else:
        click.echo(f"wrote {path}\nnext: mintage preview {path}, then mintage run {path}")


@main.command()
@spec_argument
@click.option(
    "--rows", type=click.IntRange(1, 1000), default=20, show_default=True, help="Rows of the root table."
)
@set_option
@common
def preview(spec: Path, rows: int, overrides: tuple[str, ...], *, as_json: bool) -> None:
    """Fit what SPEC asks for, and show a few rows. Nothing is written."""
    from mintage.spec import read_spec

    job = read_spec(spec, overrides=overrides)

    # Only a sound spec is worth the seconds that these take to load.
    from mintage.cli import _rows
    from mintage.jobs import preview as preview_job
    from mintage.jobs.progress import watch

    with watch(sys.stderr) as on_event:
        tables = preview_job(job, rows=rows, on_event=on_event)
    if as_json:
        print_json({"tables": {name: _rows.to_json(table) for name, table in tables.items()}})
    else:
        click.echo("\n\n".join(_rows.to_text(name, table) for name, table in tables.items()))


@main.command()
@spec_argument
@set_option
@click.option("--events", is_flag=True, help="Write progress to stderr as JSON lines, for programs.")
@common
def run(spec: Path, overrides: tuple[str, ...], *, events: bool, as_json: bool) -> None:
    """Do what SPEC asks for: learn, mint, validate, commit and sign. Repeat it to resume."""
    from mintage.spec import read_spec

    job = read_spec(spec, overrides=overrides)

    from mintage.cli.summary import run_summary
    from mintage.jobs import run as run_job
    from mintage.jobs.progress import watch

    with watch(sys.stderr, as_json_lines=events) as on_event:
        result = run_job(job, on_event=on_event)
    if as_json:
        print_json(result.summary)
    else:
        click.echo(run_summary(result.summary))


@main.command()
@click.argument("real")
@click.argument("synthetic")
@click.option("--holdout", help="Real rows that nothing learned from; most of privacy needs them.")
@click.option("--target", metavar="COLUMN", help="Column that a model must predict (utility, fairness).")
@click.option("--favourable", metavar="LEVEL", help="Level of the target that is the good outcome.")
@click.option(
    "--key", multiple=True, metavar="COLUMN", help="Column that says whose row it is. May be repeated."
)
@click.option(
    "--protected", multiple=True, metavar="COLUMN", help="Column whose groups are compared. May be repeated."
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="COLUMN=KIND",
    help="What a column means: numeric, category, boolean, datetime, text, key. May be repeated.",
)
@click.option(
    "--metrics", metavar="NAME,…", help="Sections to measure, such as fidelity,detection; all by default."
)
@click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="FIGURE<=X",
    help="A bound, such as 'trend_error<=2' or 'c2st_xgb>=0.8'. May be repeated.",
)
@click.option(
    "--rows",
    type=click.IntRange(100),
    default=50_000,
    show_default=True,
    help="Rows of each table that classifiers and attacks get.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), default=0, show_default=True, help="Root of all randomness."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("report"),
    show_default=True,
    help="Folder of report.html and report.json.",
)
@common
def evaluate(real: str, synthetic: str, *, out: Path, as_json: bool, **asked: Any) -> int:  # noqa: ANN401  # click's
    """Measure SYNTHETIC, a table or a data set made by `run`, against REAL. Exit code 1: a gate failed."""
    from mintage.cli import _comparison

    report = _comparison.compare(real, synthetic, out, **asked)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        click.echo(_comparison.to_text(report, out))
    return FAILED if report.verdict.status == "fail" else 0


@main.command()
@click.argument("table")
@click.option(
    "--model", required=True, metavar="DATASET", help="Folder of a data set made by `run`, whose model fills."
)
@click.option("--to", required=True, metavar="FILE", help="File to write; it must not be there yet.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="COLUMN",
    help="Column whose nulls are filled; all that the model learned by default. May be repeated.",
)
@click.option(
    "--renew",
    multiple=True,
    metavar="COLUMN",
    help="Column drawn in every row, null or not. May be repeated.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), default=0, show_default=True, help="Root of all randomness."
)
@storage_option
@common
def impute(table: str, *, storage: tuple[str, ...], as_json: bool, **asked: Any) -> None:  # noqa: ANN401  # click's
    """Fill the nulls of TABLE by drawing from a model, given everything else in the row."""
    from mintage.cli.summary import impute_summary
    from mintage.jobs import impute as impute_table
    from mintage.spec import read_options

    done = impute_table(table, storage=read_options(storage), **asked)
    if as_json:
        print_json(done.to_json())
    else:
        click.echo(impute_summary(done))


@main.command()
@common
def plugins(*, as_json: bool) -> None:
    """List the generators, connectors and operators that are installed."""
    from mintage.cli.summary import plugins_summary
    from mintage.plugins import list_plugins

    refs = list_plugins()
    if as_json:
        print_json({"plugins": [ref.to_json() for ref in refs]})
    else:
        click.echo(plugins_summary(refs))


@main.command()
@common
def schema(*, as_json: bool) -> None:
    """Print the JSON Schema of a spec, for editors and other languages."""
    import json

    from mintage.spec import json_schema

    if as_json:
        print_json(json_schema())
    else:
        click.echo(json.dumps(json_schema(), indent=2))


main.add_command(submit)
main.add_command(status)
main.add_command(logs)
main.add_command(follow)
main.add_command(cancel)
main.add_command(list_jobs)
main.add_command(estimate)
main.add_command(regenerate)
main.add_command(review)
main.add_command(attest)
main.add_command(lineage)
main.add_command(verify)
main.add_command(prove)
main.add_command(diff)
main.add_command(gc)
main.add_command(keygen)
main.add_command(pubkey)
main.add_command(sign)
main.add_command(serve)
