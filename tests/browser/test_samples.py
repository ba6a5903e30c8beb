"""The page with rows to review, as people meet it."""

from __future__ import annotations

import pytest

from mintage.evaluation.samples import render_sample_page
from tests.browser.conftest import OpenHtml
from tests.unit.evaluation.samples.sample_pages import make_page

pytestmark = pytest.mark.browser

PAGES = {
    "one table": render_sample_page(make_page()),
    "many columns": render_sample_page(make_page(columns=100)),
    "several tables": render_sample_page(make_page(several=True)),
    "hostile": render_sample_page(make_page(hostile=True)),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_in_silence(open_html: OpenHtml, name: str) -> None:
    opened = open_html(PAGES[name])
    assert opened.page.locator("#odd-0 tbody tr").count() > 0
    assert opened.page.locator("#random-0 tbody tr").count() == 20
    assert opened.troubles == []


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("one table", "light"), ("one table", "dark"), ("several tables", "dark"), ("hostile", "light")],
)
def test_the_page_is_accessible(open_html: OpenHtml, name: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    opened = open_html(PAGES[name], color_scheme=scheme)
    found = Axe().run(opened.page).response["violations"]
    told = {f"{violation['id']}: {violation['nodes'][0]['html'][:160]}" for violation in found}
    assert told == set()


def test_dark_mode_follows_the_system_and_the_button(open_html: OpenHtml) -> None:
    light = open_html(PAGES["one table"], color_scheme="light")
    dark = open_html(PAGES["one table"], color_scheme="dark")
    papers = [opened.colour("body", "backgroundColor") for opened in (light, dark)]
    assert papers == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]
    light.page.click("#theme")
    assert light.page.get_attribute("#theme", "aria-pressed") == "true"
    assert light.colour("body", "backgroundColor") == papers[1]


def test_the_page_is_used_by_keyboard(open_html: OpenHtml) -> None:
    page = open_html(PAGES["many columns"], viewport={"width": 900, "height": 700}).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "top"
    scroll = page.locator(".scroll:has(#odd-0)")
    scroll.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    assert scroll.evaluate("place => place.scrollLeft") > 0


@pytest.mark.parametrize("name", PAGES)
def test_a_narrow_screen_scrolls_tables_and_not_the_page(open_html: OpenHtml, name: str) -> None:
    page = open_html(PAGES[name], viewport={"width": 390, "height": 800}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_everything_is_on_paper(open_html: OpenHtml) -> None:
    opened = open_html(PAGES["many columns"], color_scheme="dark")
    assert opened.page.pdf(format="A4", print_background=True).startswith(b"%PDF")
    opened.page.emulate_media(media="print")
    wide = opened.page.locator(".scroll:has(#random-0)").evaluate(
        "place => [place.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide[0] <= wide[1]
    assert opened.troubles == []


def test_without_scripts_everything_can_be_read(open_html: OpenHtml) -> None:
    page = open_html(PAGES["one table"], java_script_enabled=False).page
    assert "odd does not mean wrong" in page.inner_text("main")
