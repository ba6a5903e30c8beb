"""`mintage review`: look at a data set, say what you think of it, or see what others said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from mintage.cli._shell import common, print_json

if TYPE_CHECKING:
    from mintage.jobs.reviewing import Given, Opinions


@click.command()
@click.argument("dataset")
@click.option(
    "--verdict", type=click.Choice(["accept", "reject"]), help="What you think of the data set, to be signed."
)
@click.option("--note", default="", metavar="TEXT", help="Why, in your own words; signed with the verdict.")
@click.option(
    "--key", type=click.Path(path_type=Path), metavar="FILE", help="Your private key; needed with --verdict."
)
@click.option(
    "--page",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The page that you looked at; its digest is signed.",
)
@click.option("--reviewer", metavar="NAME", help="Your name, if you want it to be there.")
@click.option("--role", metavar="TEXT", help="What you speak as, such as 'domain expert' or 'community'.")
@click.option("--supersede", is_flag=True, help="Take back what this key said of this version before.")
@click.option("--list", "listing", is_flag=True, help="Show who said what, with which key.")
@click.option(
    "--trusted",
    multiple=True,
    metavar="PUB",
    type=click.Path(path_type=Path),
    help="Public key to trust, of the data set's signer or of a reviewer; your local identity by default. "
    "May be repeated.",
)
@click.option(
    "--storage",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the store, such as endpoint_url=http://host:9000. May be repeated.",
)
@common
def review(
    dataset: str,
    *,
    verdict: Literal["accept", "reject"] | None,
    listing: bool,
    trusted: tuple[Path, ...],
    storage: tuple[str, ...],
    as_json: bool,
    **said: Any,  # noqa: ANN401  # click's
) -> None:
    """Sign what you think of DATASET (--verdict), or list what was said of it (--list)."""
    if listing == (verdict is not None):
        raise click.UsageError("give --verdict and --key to review, or --list to see what others said")
    if listing and any(said.values()):
        raise click.UsageError("--list goes with --trusted and --storage only")
    from mintage.jobs import reviewing
    from mintage.spec import read_options

    options = read_options(storage)
    if verdict is None:
        found = reviewing.reviews(dataset, trusted=trusted or None, storage=options)
        print_json(found.to_json()) if as_json else click.echo(opinions_summary(found))
        return
    if said["key"] is None:
        raise click.UsageError("a verdict is signed: give your private key with --key")
    given = reviewing.review(dataset, verdict=verdict, trusted=trusted or None, storage=options, **said)
    print_json(given.to_json()) if as_json else click.echo(given_summary(given))


def given_summary(given: Given) -> str:
    """What was signed, by which key, and where it lies."""
    first = "signed" if given.new else "said before, and kept as it is"
    lines = [
        f"{first}: {given.review.verdict} version {given.review.version} of {_shown(given.review.name)}",
        f"root      {given.review.root}",
        f"key       {given.keyid}",
        f"kept in   {given.path}",
    ]
    return "\n".join(lines)


def opinions_summary(found: Opinions) -> str:
    """Each review with its key, and whether it is trusted and stands."""
    lines = [f"{found.dataset}, version {found.version}, root {found.root}"]
    stands = {one.digest for one in found.standing.values()}
    for one in found.reviews:
        said = one.review
        who = ", ".join(_shown(text) for text in (said.reviewer, said.role) if text) or "no name given"
        trust = "trusted" if one.keyids else "not trusted"
        state = "" if one.digest in stands or not one.keyids else ", does not stand"
        keys = ", ".join(_shown(keyid) for keyid in sorted(one.keyids or one.claimed))
        lines.append(f"{said.verdict}  {said.reviewed}  {who} ({trust}{state})")
        lines.append(f"  key   {keys}")
        lines += [f"  note  {line}" for line in _shown(said.note).splitlines()]
    if not found.reviews:
        lines.append("no reviews")
    return "\n".join(lines)


def _shown(text: str) -> str:
    """Text from outside for a terminal: what is invisible, or turns the line around, is written out."""
    return "".join(
        character if character.isprintable() or character == "\n" else f"\\u{ord(character):04x}"
        for character in text
    )
