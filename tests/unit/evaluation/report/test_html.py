"""The HTML file: whole, closed to the outside, and the same each time."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from mintage.evaluation.report import render_html
from mintage.evaluation.results import Report
from tests.unit.evaluation.report.sample_reports import (
    HOSTILE,
    bare_report,
    hostile_report,
    make_report,
    several_tables,
)

REPORTS = {
    "whole": make_report(),
    "no holdout": make_report(holdout=False, gates=[]),
    "nothing": bare_report(),
    "hostile": hostile_report(),
    "several tables": several_tables(),
    "200 columns": make_report(200),
}


class Outline(HTMLParser):
    """Tags, attributes and text of a page; scripts and styles apart."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self.inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag if tag in {"script", "style"} else ""
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = "" if tag == self.inside else self.inside

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts[-1] += data
        elif not self.inside:
            self.text.append(data)

    def all(self, name: str, tag: str = "") -> list[str]:
        """Values of an attribute, in the order of the page."""
        return [attrs[name] or "" for found, attrs in self.tags if name in attrs and tag in {"", found}]


@pytest.fixture(scope="module", params=REPORTS, ids=lambda name: name.replace(" ", "-"))
def report(request: pytest.FixtureRequest) -> Report:
    return REPORTS[request.param]


@pytest.fixture(scope="module")
def outline(report: Report) -> Outline:
    return Outline(render_html(report).decode("utf-8"))


def data_of(outline: Outline) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(outline.scripts[1])
    return found


def test_the_same_report_gives_the_same_bytes() -> None:
    again = Report.model_validate_json(make_report().model_dump_json())
    assert render_html(make_report()) == render_html(again)


def test_nothing_is_loaded_from_anywhere(outline: Outline) -> None:
    addresses = [value for name in ("src", "href", "srcset", "action", "data") for value in outline.all(name)]
    assert [address for address in addresses if not address.startswith("#")] == []
    assert {tag for tag, _ in outline.tags} & {
        "link",
        "iframe",
        "object",
        "embed",
        "img",
        "form",
        "base",
    } == set()


def test_the_policy_allows_exactly_the_scripts_of_the_page(outline: Outline) -> None:
    policy = next(attrs["content"] for tag, attrs in outline.tags if attrs.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    program = [script for position, script in enumerate(outline.scripts) if position != 1]
    digests = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in program}
    assert set(re.findall(r"'sha256-([^']+)'", policy)) == digests
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]


def test_there_are_no_event_handlers_in_attributes(outline: Outline) -> None:
    assert [name for _, attrs in outline.tags for name in attrs if name.startswith("on")] == []


def test_links_lead_somewhere_and_anchors_are_unique(outline: Outline) -> None:
    ids = outline.all("id")
    assert [name for name, times in Counter(ids).items() if times > 1] == []
    assert [link for link in outline.all("href") if link[1:] not in ids] == []
    labels = outline.all("aria-labelledby") + outline.all("for")
    assert [label for label in labels if label not in ids] == []


def test_each_plot_has_data_and_a_text_alternative(outline: Outline) -> None:
    plots = [attrs for _, attrs in outline.tags if attrs.get("class") == "plot"]
    charts = data_of(outline)["charts"]
    assert [attrs["data-chart"] for attrs in plots] == [str(position) for position in range(len(charts))]
    assert all(attrs["role"] == "img" and len(attrs["aria-label"] or "") > 20 for attrs in plots)
    assert outline.all("data-chart", "details") == [attrs["data-chart"] for attrs in plots]


def test_each_table_has_a_caption_and_a_download(outline: Outline) -> None:
    tables = [attrs["id"] for tag, attrs in outline.tags if tag == "table"]
    assert outline.all("data-table") == tables
    assert sum(tag == "caption" for tag, _ in outline.tags) == len(tables)


def test_headings_are_in_order(outline: Outline) -> None:
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_verdict_is_there_word_for_word(report: Report, outline: Outline) -> None:
    text = "".join(outline.text).replace("\u00a0", " ")
    assert [sentence for sentence in report.verdict.sentences if sentence not in text] == []


def test_hostile_names_are_text_and_nothing_else() -> None:
    page = render_html(hostile_report()).decode("utf-8")
    outline = Outline(page)
    assert len(outline.scripts) == 4
    assert page.count("<script") - sum(script.count("<script") for script in outline.scripts) == 4
    text = "".join(outline.text)
    assert [name for name in HOSTILE if name not in text] == []
    pairs = data_of(outline)["pairs"]["table"]
    assert isinstance(pairs, dict)
    assert set(HOSTILE) <= set(pairs["names"])
    assert not re.search("[<>&\u2028\u2029]", outline.scripts[1])


def test_what_was_not_computed_says_why_and_what_to_do() -> None:
    text = "".join(Outline(render_html(bare_report("the rows are imaginary")).decode()).text)
    assert text.count("Not computed: the rows are imaginary") == 7
    for remedy in ("--target", "--protected", "a holdout that nothing learned from"):
        assert remedy in text


def test_all_pairs_of_200_columns_are_in_the_file_and_their_data_is_small() -> None:
    outline = Outline(render_html(REPORTS["200 columns"]).decode("utf-8"))
    pairs = data_of(outline)["pairs"]["table"]
    assert isinstance(pairs, dict)
    assert {len(pairs[name]) for name in ("left", "right", "fixed", "score", "real", "synthetic")} == {19_900}
    assert len(outline.scripts[1]) < 1_200_000


def test_other_tables_have_sections_of_their_own() -> None:
    text = "".join(Outline(render_html(several_tables()).decode("utf-8")).text)
    assert "Distributions: orders" in text
    assert "Closeness to the real data: notes" in text
    assert "Not computed: no column can be measured" in text


def test_a_missing_interval_or_control_is_shown_as_a_gap() -> None:
    report = make_report()
    attack = report.privacy.singling_out  # type: ignore[union-attr]  # it was computed
    assert attack is not None
    alone = attack.model_copy(update={"control": None, "risk": None, "baseline": None})
    privacy = report.privacy.model_copy(update={"singling_out": alone})
    changed = report.model_copy(update={"privacy": privacy})
    assert "singling out" in "".join(Outline(render_html(changed).decode("utf-8")).text)


def test_dates_are_told_as_dates() -> None:
    page = render_html(make_report()).decode("utf-8")
    assert re.search(r">20\d\d-\d\d-\d\d \d\d:\d\d<", page)
