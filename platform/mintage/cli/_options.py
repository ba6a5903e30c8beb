"""Options that several commands have: each is said once, so that it means the same everywhere."""

from __future__ import annotations

from pathlib import Path

import click

spec_argument = click.argument("spec", type=click.Path(path_type=Path))

set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the spec, such as rows=1000 or sink.uri=out. May be repeated.",
)

storage_option = click.option(
    "--storage",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the store, such as endpoint_url=http://host:9000. May be repeated.",
)

trusted_keys_option = click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="PUB",
    type=click.Path(path_type=Path),
    help="A public key to trust; your local identity by default. May be repeated.",
)

policy_option = click.option(
    "--policy",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A policy: whom to trust in which role, and what must have been signed. Instead of --key.",
)

version_option = click.option(
    "--version", type=click.IntRange(1), help="The version that is meant; the newest by default."
)
