"""The page on plugins shows code that runs: that of the example package, to the letter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mintage.testing import CONNECTOR_CHECKS, GENERATOR_CHECKS, OPERATOR_CHECKS

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(?:python|toml)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.strip().splitlines()[0][:50])
def test_a_block_of_the_page_is_in_the_example_package(block: str) -> None:
    folder = ROOT / "docs/examples/plugin"
    files = [*folder.rglob("*.py"), folder / "pyproject.toml"]
    assert any(block in path.read_text(encoding="utf-8") for path in files)


def test_the_page_shows_all_three_kinds_of_plugins() -> None:
    assert len(BLOCKS) >= 15


@pytest.mark.parametrize("checks", [GENERATOR_CHECKS, OPERATOR_CHECKS, CONNECTOR_CHECKS], ids=len)
def test_the_page_has_a_row_for_every_check(checks: tuple[object, ...]) -> None:
    names = [getattr(check, "__name__", "") for check in checks]
    assert [name for name in names if f"| `{name}` |" not in PAGE] == []
