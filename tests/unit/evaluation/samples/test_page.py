"""The page says what is known, and shows what comes from the data as text."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest

from mintage.evaluation.report.blocks import Table, Text
from mintage.evaluation.samples import SamplePage, Subject, make_sample_page, render_sample_page
from mintage.evaluation.samples.shown import MAX_SHOWN, shown
from tests.unit.evaluation.samples.sample_pages import NASTY, STATEMENT, make_page


def tables(page: SamplePage) -> dict[str, Table]:
    return {
        block.id: block for section in page.sections for block in section.blocks if isinstance(block, Table)
    }


def test_the_page_has_the_worst_columns_pairs_and_rows() -> None:
    page = make_page()
    found = tables(page)
    assert list(found) == ["gates", "table-0-columns", "table-0-pairs", "features", "odd-0", "random-0"]
    scores = [row[2].value for row in found["table-0-columns"].rows]
    assert len(scores) == 10
    assert scores == sorted(scores, key=lambda score: (score is None, score))
    assert {row[0].text for row in found["odd-0"].rows} == {"shard 0, row 0", "shard 0, row 1"}
    assert "country = " in found["odd-0"].rows[0][1].text
    assert found["odd-0"].head[:4] == ("Row", "Why", "country", "capital")
    assert len(found["random-0"].rows) == 20


def test_the_page_says_what_worst_means_and_how_much_was_read() -> None:
    [rows] = [section for section in make_page().sections if section.id == "rows-0"]
    texts = [block.text for block in rows.blocks if isinstance(block, Text)]
    assert "odd does not mean wrong" in texts[0]
    assert rows.lead.startswith("2,000 of 1,000,000 rows were read")


def test_tables_have_sections_of_their_own() -> None:
    found = tables(make_page(several=True))
    assert {"odd-0", "odd-1", "table-1-columns"} <= set(found)


def test_without_a_report_the_rows_are_there_and_nothing_is_called_good() -> None:
    subject = Subject(name="x", version=1, statement=STATEMENT, facts={}, seed=0)
    page = make_sample_page(subject, None, [])
    assert (page.status, page.tone) == ("Nothing was measured", "")
    assert [section.id for section in page.sections] == ["facts", "saying"]


def test_many_columns_are_cut_and_the_page_says_so() -> None:
    found = tables(make_page(columns=100))["odd-0"]
    assert len(found.head) == 2 + 24
    assert found.hint == "24 of 100 columns are shown."


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.events: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.events += [name for name, _ in attrs if name.startswith("on")]


def test_hostile_values_are_text_and_short() -> None:
    html = render_sample_page(make_page(hostile=True)).decode("utf-8")
    elements = _Elements()
    elements.feed(html)
    assert (elements.tags.count("script"), elements.tags.count("img"), elements.events) == (2, 0, [])
    assert html.count("<b>") == 0
    assert len(html) < 400_000
    assert "\u202e" not in html
    assert not re.search(r"[\x00\x1b]", html)
    assert "\\u202eright to left" in unescape(html)
    assert "{{ 7 * 7 }}" in html


def test_the_page_names_its_version_and_loads_nothing() -> None:
    html = render_sample_page(make_page()).decode("utf-8")
    assert f'<meta name="mintage-statement" content="{STATEMENT}">' in html
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert unescape(policy[1]).startswith("default-src 'none'; script-src 'sha256-")
    assert re.findall(r"(?:src|href)=\"(?!#)[^\"]*\"", html) == []


def test_the_same_rows_give_the_same_page() -> None:
    assert render_sample_page(make_page()) == render_sample_page(make_page())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "∅"),
        ("", ""),
        (b"\x00\xff", "00 ff"),
        ([1, None], "[1, ∅]"),
        ("a\tb", "a\\u0009b"),
        ("\U000e0001", "\\U000e0001"),
        (True, "True"),
    ],
)
def test_values_are_shown(value: object, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize("value", [NASTY[4], [NASTY[4]] * 1000, "\x00" * 10**6, b"x" * 10**7])
def test_values_are_cut(value: object) -> None:
    assert len(shown(value)) <= 300 * (MAX_SHOWN if isinstance(value, list) else 1)
