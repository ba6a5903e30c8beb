"""The data card says what was signed and measured, and shows text from outside as text."""

from __future__ import annotations

from mintage.jobs.interchange.datacard import render_datacard
from mintage.jobs.interchange.markdown import escape
from tests.unit.jobs.interchange.conftest import HOSTILE, SHEET, MakeDescribed


def test_the_card_has_every_section(make_described: MakeDescribed) -> None:
    card = render_datacard(make_described(datasheet=SHEET)).decode("utf-8")
    titles = [line for line in card.splitlines() if line.startswith("#")]
    assert titles == [
        "# Orders of a shop",
        "## What it is",
        "### Columns of orders",
        "### Columns of lines",
        "## How it was made",
        "## How close to real rows",
        "## How private",
        "## How fair",
        "## Where it comes from",
        "## What it is for",
        "## Limits",
        "## How to check it",
        "## Maintenance",
        "## How to cite it",
    ]
    assert "| orders | 60 | 12 | 6.0 kB |" in card
    assert "* Made by: Ann, Shop" in card
    assert "sha256sum -c _mintage/versions/2/manifest-sha256.txt" in card
    assert "| Columns are off by |" in card


def test_what_is_not_known_is_not_told_as_good(make_described: MakeDescribed) -> None:
    card = render_datacard(make_described(report=None)).decode("utf-8")
    assert "Not measured." in card
    assert "Attacks on privacy were not tried." in card
    assert "* Licence: not said" in card
    assert "How close the rows are to real ones was not measured." in card


def test_names_from_the_data_are_no_markup(make_described: MakeDescribed) -> None:
    card = render_datacard(make_described()).decode("utf-8")
    assert "<script" not in card
    assert "\u202e" not in card
    [row] = [line for line in card.splitlines() if "alert" in line]
    assert row.startswith(
        "| &lt;script&gt;alert('x')&lt;/script&gt; \\| \\*b\\* \\[c\\](d) \\`e\\` ltr second |"
    )
    assert escape(HOSTILE).count("\n") == 0


def test_nothing_in_a_text_begins_a_block() -> None:
    assert [escape(text) for text in ("# a", "- a", "1. a", "+ a", "> a", "2026-01-01")] == [
        "\\# a", "\\- a", "1\\. a", "\\+ a", "&gt; a", "2026-01-01",
    ]  # fmt: skip


def test_the_same_version_gives_the_same_bytes(make_described: MakeDescribed) -> None:
    assert render_datacard(make_described()) == render_datacard(make_described())
