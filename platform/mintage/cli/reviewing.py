"""`mintage review`: look at a data set, say what you think of it, or see what others said."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from mintage.cli._options import storage_option
from mintage.cli._shell import common, print_json

if TYPE_CHECKING:
    from mintage.jobs.reviewing import Given, Opinions
    from mintage.jobs.samples import ReviewPage

PAGE = Path("review.html")


@click.command()
@click.argument("dataset")
@click.option(
    "--verdict", type=click.Choice(["accept", "reject"]), help="What you think of the data set, to be signed."
)
@click.option("--note", default="", metavar="TEXT", help="Why, in your own words; signed with the verdict.")
@click.option("--key", metavar="KEY", help="Path or URI of your private key; needed with --verdict.")
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
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Where the page is written; {PAGE} by default. It must not be there yet.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    help="Of the rows that are drawn; another each time by default.",
)
@click.option(
    "--trusted",
    multiple=True,
    metavar="PUB",
    type=click.Path(path_type=Path),
    help="Public key to trust, of the data set's signer or of a reviewer; your local identity by default. "
    "May be repeated.",
)
@storage_option
@common
def review(
    dataset: str,
    *,
    verdict: Literal["accept", "reject"] | None,
    listing: bool,
    out: Path | None,
    seed: int | None,
    trusted: tuple[Path, ...],
    storage: tuple[str, ...],
    as_json: bool,
    **said: Any,  # noqa: ANN401  # click's
) -> None:
    """Look at rows of DATASET (a page is written), judge it (--verdict), or see what others said (--list)."""
    asks_for_page = out is not None or seed is not None
    if listing and (verdict or any(said.values()) or asks_for_page):
        raise click.UsageError("--list goes with --trusted and --storage only")
    if verdict is not None and asks_for_page:
        raise click.UsageError("--out and --seed are for the page: first look at it, then give a verdict")
    if verdict is None and any(said.values()):
        raise click.UsageError("what is said goes with --verdict accept or --verdict reject")
    from mintage.spec import read_options

    options = read_options(storage)
    if verdict is None and not listing:
        from mintage.jobs.samples import review_page

        made = review_page(dataset, out=out or PAGE, seed=seed, trusted=trusted or None, storage=options)
        print_json(made.to_json()) if as_json else click.echo(page_summary(dataset, made))
        return
    from mintage.jobs import reviewing

    if verdict is None:
        found = reviewing.reviews(dataset, trusted=trusted or None, storage=options)
        print_json(found.to_json()) if as_json else click.echo(opinions_summary(found))
        return
    if said["key"] is None:
        raise click.UsageError("a verdict is signed: give your private key with --key")
    given = reviewing.review(dataset, verdict=verdict, trusted=trusted or None, storage=options, **said)
    print_json(given.to_json()) if as_json else click.echo(given_summary(given))


def page_summary(dataset: str, made: ReviewPage) -> str:
    """Where the page is, and how to say what one thinks of it."""
    command = f"mintage review {shlex.quote(dataset)} --verdict accept --page {shlex.quote(str(made.path))}"
    return (
        f"wrote {made.path}: rows of version {made.version} to look at (seed {made.seed})\n"
        f"then say what you think: {command} --key KEY --note WHY\n"
        "or --verdict reject; `mintage keygen KEY` makes a key"
    )


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
