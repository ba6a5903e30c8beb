"""A real Chromium, and pages that remember what they said, asked for, and tried."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mintage.evaluation.report import render_html
from mintage.evaluation.results import Report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, Request

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)

CONTEXT = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
"""What a page is opened with; without motion, scrolling takes no time."""


@dataclass  # without slots: Playwright remembers its handlers in the object
class Opened:
    """A report in a browser, and everything that it should not have done."""

    page: Page
    troubles: list[str] = field(default_factory=list)
    """Console messages, errors, dialogs, and requests to anything but the file itself."""

    def refuse(self, dialog: Dialog) -> None:
        """A report asks nothing."""
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def note(self, request: Request) -> None:
        """A report asks for nothing but itself."""
        if not request.is_navigation_request():
            self.troubles.append(f"request: {request.url[:200]}")

    def until(self, condition: str) -> None:
        """Wait for a condition; the page's own policy forbids Playwright's way, which evaluates strings."""
        for _ in range(600):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(100)
        pytest.fail(f"in a minute this did not become true: {condition}")

    def drawn(self) -> int:
        """How many plots hold something that was drawn."""
        return int(self.page.evaluate("document.querySelectorAll('.plot .main-svg:first-child').length"))

    def see(self, selector: str) -> None:
        """Scroll to an element at once."""
        place = self.page.locator(selector).first
        place.evaluate("place => place.scrollIntoView({behavior: 'instant', block: 'center'})")

    def colour(self, selector: str, what: str) -> str:
        """A computed colour of an element."""
        script = "(place, what) => getComputedStyle(place)[what]"
        return str(self.page.locator(selector).first.evaluate(script, what))


Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.fail("Chromium is missing; `make test-browser` installs it")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield started
        started.close()


OpenHtml = Callable[..., Opened]


@pytest.fixture
def open_html(browser: Browser, tmp_path: Path) -> Iterator[OpenHtml]:
    """Opens a page from a file, in a context of its own; options are Playwright's."""
    contexts = []

    def opened(html: bytes, **options: object) -> Opened:
        path = tmp_path / "page.html"
        path.write_bytes(html)
        context = browser.new_context(**{**CONTEXT, **options})  # type: ignore[arg-type]  # Playwright checks them
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        found = Opened(page)
        page.on("console", lambda message: found.troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: found.troubles.append(f"error: {error}"))
        page.on("dialog", found.refuse)
        page.on("request", found.note)
        page.goto(path.as_uri())
        return found

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def open_report(open_html: OpenHtml) -> Open:
    """Opens a report as `open_html` does a page."""

    def opened(report: Report, **options: object) -> Opened:
        return open_html(render_html(report), **options)

    return opened
