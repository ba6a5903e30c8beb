"""The page about serving: its configurations are valid, its program asks a real server."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mintage.spec import read_serving_spec
from tests.unit.serving.sites import Site


@pytest.fixture(scope="module")
def blocks(repository: Path) -> list[tuple[str, str]]:
    """Language and text of each fenced block."""
    page = (repository / "docs" / "serving.md").read_text(encoding="utf-8")
    return re.findall(r"^```(\w+)[^\n]*\n(.*?)^```$", page, re.M | re.S)


def test_configurations_are_valid(blocks: list[tuple[str, str]]) -> None:
    values = [yaml.safe_load(text) for language, text in blocks if language == "yaml"]
    assert len(values) == 2
    for value in values:
        read_serving_spec(value.get("serve", {}).get("args", value))


def test_program_asks_for_rows(blocks: list[tuple[str, str]], site: Site, tmp_path: Path) -> None:
    [program] = [text for language, text in blocks if language == "python"]
    (tmp_path / "ask.py").write_text(program, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "ask.py"), f"http://127.0.0.1:{site.port}", "people"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "mintage.synthetic: 'true'" in done.stdout
