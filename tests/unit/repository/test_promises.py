"""The public list of promises names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEST_ID = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
HEADING = re.compile(r"^## (P\d+) ", re.M)


@pytest.fixture(scope="module")
def sections(repository: Path) -> dict[str, str]:
    """The text below each promise's heading."""
    parts = HEADING.split((repository / "docs" / "promises.md").read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_there_are_twelve_promises(sections: dict[str, str]) -> None:
    assert list(sections) == [f"P{number}" for number in range(1, 13)]


def test_each_promise_names_tests(sections: dict[str, str]) -> None:
    assert [promise for promise, text in sections.items() if not TEST_ID.search(text)] == []


def test_every_test_that_is_named_exists(repository: Path, sections: dict[str, str]) -> None:
    named = [found for text in sections.values() for found in TEST_ID.findall(text)]
    gone = [
        f"{path}::{name}"
        for path, name in named
        if not (repository / path).exists()
        or f"def {name}(" not in (repository / path).read_text(encoding="utf-8")
    ]
    assert gone == []
