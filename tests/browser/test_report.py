"""The report as people meet it: in a browser, with a mouse, a keyboard, a screen reader, and on paper."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mintage.evaluation.results import GateResult, NotComputed, Report
from tests.browser.conftest import Open, Opened
from tests.unit.evaluation.report.sample_reports import (
    HOSTILE,
    bare_report,
    hostile_report,
    make_report,
    several_tables,
)

if TYPE_CHECKING:
    from playwright.sync_api import Download

pytestmark = pytest.mark.browser

REPORTS = {
    "whole": make_report(warnings=("12 holdout rows are in the real table too",)),
    "no holdout": make_report(holdout=False, gates=[]),
    "nothing": bare_report(),
    "hostile": hostile_report(),
    "several tables": several_tables(),
}

ACCESSIBLE = {
    "whole": make_report(6, warnings=("12 holdout rows are in the real table too",)),
    "nothing": bare_report(),
    "several tables": several_tables(6),
}
"""The same with fewer columns: each table and plot is of a kind that is checked once."""


def plots_of(opened: Opened) -> int:
    return opened.page.locator(".plot").count()


def see_all(opened: Opened) -> None:
    """Scroll through the page, plot by plot, and wait until each is drawn."""
    for position in range(plots_of(opened)):
        opened.page.locator(".plot").nth(position).scroll_into_view_if_needed()
        opened.page.wait_for_selector(f".plot[data-chart='{position}'] .main-svg", state="attached")


def rows_of(download: Download) -> list[list[str]]:
    text = Path(download.path()).read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def downloaded(opened: Opened, table: str) -> list[list[str]]:
    with opened.page.expect_download() as event:
        opened.page.click(f"button[data-table='{table}']")
    return rows_of(event.value)


def column(opened: Opened, table: str, position: int) -> list[str]:
    cells = opened.page.locator(f"#{table} tbody tr > :nth-child({position})")
    return cells.all_inner_texts()


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_opens_and_draws_everything_in_silence(open_report: Open, name: str) -> None:
    opened = open_report(REPORTS[name])
    see_all(opened)
    empty = opened.page.evaluate(
        "[...document.querySelectorAll('.plot')].filter(plot => "
        "!plot.querySelector('.trace, .heatmaplayer image')).length"
    )
    assert (opened.troubles, empty) == ([], 0)


def test_plots_wait_until_they_are_seen(open_report: Open) -> None:
    opened = open_report(make_report())
    assert opened.drawn() < plots_of(opened) / 2
    opened.see(".plot[data-chart='20']")
    opened.page.wait_for_selector(".plot[data-chart='20'] .main-svg", state="attached")
    assert opened.drawn() < plots_of(opened)


def test_200_columns_cost_only_what_is_seen(open_report: Open) -> None:
    opened = open_report(make_report(200))
    assert plots_of(opened) > 200
    assert opened.drawn() <= 10
    opened.see("#table-columns-filter")
    opened.page.wait_for_selector("#table-columns .plot .main-svg", state="attached")
    assert opened.drawn() <= 30
    opened.page.fill("#table-columns-filter", "MEASURE_12")
    shown = opened.page.locator("#table-columns .plot-figure:visible")
    assert shown.count() == 10
    assert "10 of 200" in opened.page.locator("#verdict ~ section .filter-count").first.inner_text()
    assert opened.troubles == []


def test_heat_maps_of_200_columns_hold_all_pairs_and_name_what_is_enlarged(open_report: Open) -> None:
    opened = open_report(make_report(200))
    opened.see("#table-maps .plot")
    place = opened.page.locator("#table-maps .plot").first
    opened.page.wait_for_selector("#table-maps .plot .heatmaplayer image", state="attached")
    filled = place.evaluate("plot => plot.data[0].z.flat().filter(value => value !== null).length")
    assert filled == 2 * 19_900
    assert place.evaluate("plot => plot.layout.xaxis.ticktext.length") < 100
    place.evaluate("plot => Plotly.relayout(plot, {'xaxis.range': [30.5, 40.5]})")
    opened.until("document.querySelector('#table-maps .plot').layout.xaxis.tickvals[0] === 31")
    labels = place.evaluate("plot => plot.layout.xaxis.ticktext")
    assert labels == [f"measure_{position:03}" for position in range(31, 41)]


def test_dark_mode_follows_the_system_and_the_button(open_report: Open) -> None:
    light = open_report(make_report(), color_scheme="light")
    dark = open_report(make_report(), color_scheme="dark")
    papers = [opened.colour("body", "backgroundColor") for opened in (light, dark)]
    assert papers == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]
    before = bar_colour(light)
    light.page.click("#theme")
    assert light.page.get_attribute("#theme", "aria-pressed") == "true"
    assert light.colour("body", "backgroundColor") == papers[1]
    assert bar_colour(light) == bar_colour(dark) != before
    light.page.click("#theme")
    assert bar_colour(light) == before


def bar_colour(opened: Opened) -> str:
    """Colour of the first bar once its plot is seen, and drawn as it should be."""
    opened.see(".plot")
    opened.until("document.querySelector('.plot').dataset.drawn === '1'")
    opened.page.wait_for_selector(".plot .bars path")
    return opened.colour(".plot .bars path", "fill")


def test_the_first_tab_leads_past_the_navigation(open_report: Open) -> None:
    page = open_report(make_report()).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "verdict"


def test_tables_are_sorted_by_keyboard_and_gaps_stand_last(open_report: Open) -> None:
    gates = [
        GateResult(figure=figure, value=value, max=1.0, status="pass", reason="")
        for figure, value in (("tstr", 10.0), ("trtr", None), ("c2st_xgb", 9.0), ("dcr_share", -2.5))
    ]
    opened = open_report(make_report(gates=gates))
    button = opened.page.locator("#gate-table thead th:nth-child(2) button")
    head = opened.page.locator("#gate-table thead th:nth-child(2)")
    button.focus()
    opened.page.keyboard.press("Enter")
    assert column(opened, "gate-table", 2) == ["−2.5", "9", "10", "not computed"]
    assert head.get_attribute("aria-sort") == "ascending"
    opened.page.keyboard.press("Space")
    assert column(opened, "gate-table", 2) == ["10", "9", "−2.5", "not computed"]
    assert head.get_attribute("aria-sort") == "descending"
    opened.page.click("#gate-table thead th:nth-child(1) button")
    assert column(opened, "gate-table", 1) == ["c2st_xgb", "dcr_share", "trtr", "tstr"]
    assert head.get_attribute("aria-sort") == "none"


def test_focus_is_visible(open_report: Open) -> None:
    opened = open_report(make_report())
    opened.page.locator("#gate-table button").first.focus()
    opened.page.keyboard.press("Shift+Tab")
    opened.page.keyboard.press("Tab")
    outline = opened.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_a_table_is_downloaded_in_full_precision(open_report: Open) -> None:
    report = make_report()
    assert not isinstance(report.fidelity, NotComputed)
    rows = downloaded(open_report(report), "table-column-table")
    assert rows[0][:4] == ["Column", "Kind", "Score", "Fresh rows"]
    assert len(rows) == 16
    worst = report.fidelity.columns[0]
    assert rows[1][:3] == [worst.name, worst.kind, str(worst.score)]


def test_a_download_holds_no_formulas(open_report: Open) -> None:
    names = [row[0] for row in downloaded(open_report(hostile_report()), "table-column-table")[1:]]
    assert [name for name in names if name.startswith(("=", "+", "-", "@"))] == []
    assert {"'=HYPERLINK('http://example.invalid')", "'@SUM(A1)", "'+1", "'-1"} <= set(names)
    assert [name for name in HOSTILE if name not in names and f"'{name}" not in names] == []


def test_negative_numbers_stay_numbers_in_a_download(open_report: Open) -> None:
    rows = downloaded(open_report(make_report()), "membership-table")
    assert rows[1] == ["Advantage of the best attack", "0.006", "-0.004", "0.016"]


def test_the_table_of_pairs_is_searched_and_downloaded_whole(open_report: Open) -> None:
    opened = open_report(make_report(200))
    assert len(column(opened, "table-pair-table", 1)) == 50
    opened.page.fill("#table-pair-table-search", "measure_150")
    found = opened.page.locator("#table-pair-table tbody tr")
    assert found.count() == 199
    assert all("measure_150" in text for text in found.all_inner_texts())
    assert len(downloaded(opened, "table-pair-table")) == 19_901
    opened.page.fill("#table-pair-table-search", "")
    assert len(column(opened, "table-pair-table", 1)) == 50


def test_each_plot_has_its_numbers_in_a_table(open_report: Open) -> None:
    opened = open_report(make_report())
    report = make_report()
    assert not isinstance(report.fidelity, NotComputed)
    summaries = opened.page.locator("details.plot-data > summary")
    opened.page.evaluate(
        "document.querySelectorAll('details.plot-data').forEach(one => { one.open = true; })"
    )
    opened.until(
        "[...document.querySelectorAll('details.plot-data')].every(one => one.querySelector('tbody tr td'))"
    )
    assert summaries.count() == plots_of(opened)
    first = opened.page.locator("details.plot-data").first
    histogram = report.fidelity.columns[0].histogram
    assert first.locator("tbody tr").count() >= len(histogram.real)
    with opened.page.expect_download() as event:
        first.locator("button.csv").click()
    assert float(rows_of(event.value)[1][-2]) == pytest.approx(histogram.real[0], rel=1e-3)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_is_on_paper_and_the_page_comes_back(open_report: Open, scheme: str) -> None:
    opened = open_report(make_report(), color_scheme=scheme)
    paper = opened.colour("body", "backgroundColor")
    opened.page.evaluate(
        "addEventListener('beforeprint', () => { window.printed = "
        "[...document.querySelectorAll('.plot')].filter(plot => plot.querySelector('.main-svg')).length; "
        "window.widest = Math.max("
        "...[...document.querySelectorAll('.plot .main-svg')].map(svg => svg.clientWidth)); })"
    )
    document = opened.page.pdf(format="A4", print_background=True)
    assert document.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", document)) >= 8
    assert opened.page.evaluate("window.printed") == plots_of(opened)
    assert opened.page.evaluate("window.widest") <= 700
    assert opened.colour("body", "backgroundColor") == paper
    assert opened.troubles == []


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("whole", "light"), ("whole", "dark"), ("nothing", "dark"), ("several tables", "light")],
)
def test_the_page_is_accessible(open_report: Open, name: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    opened = open_report(REPORTS[name], color_scheme=scheme)
    see_all(opened)
    opened.page.evaluate(
        "document.querySelectorAll('details.plot-data').forEach(one => { one.open = true; })"
    )
    found = Axe().run(opened.page).response["violations"]
    told = {
        f"{violation['id']} ({violation['impact']}): {violation['nodes'][0]['html'][:160]}"
        for violation in found
    }
    assert told == set()


def test_a_narrow_screen_scrolls_tables_and_not_the_page(open_report: Open) -> None:
    opened = open_report(make_report(), viewport={"width": 390, "height": 800})
    see_all(opened)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_scripts_everything_can_be_read(open_report: Open) -> None:
    report: Report = make_report()
    page = open_report(report, java_script_enabled=False).page
    text = page.inner_text("main").replace("\u00a0", " ")
    assert [sentence for sentence in report.verdict.sentences if sentence not in text] == []
    assert "need JavaScript" in text
