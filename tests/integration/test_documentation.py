"""The documentation's examples, run as a reader would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from mintage.spec import JobSpec

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r'^```(?P<language>\w+)(?: title="(?P<title>[\w.\-]+)")?\n(?P<text>.*?)^```$', re.M | re.S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: a file to be written when it has a title, and perhaps a program."""

    line: int
    language: str
    title: str | None
    text: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            line=text.count("\n", 0, match.start()) + 1,
            language=match["language"],
            title=match["title"],
            text=match["text"],
        )
        for match in FENCE.finditer(text)
    ]


def complete_specs() -> list[tuple[str, object]]:
    """Every YAML block in which a whole job stands, with its place."""
    found: list[tuple[str, object]] = []
    for page in PAGES:
        for block in blocks(page):
            value = yaml.safe_load(block.text) if block.language == "yaml" else None
            if isinstance(value, dict) and {"name", "rows", "sink"} <= set(value):
                found.append((f"{page.name}:{block.line}", value))
    return found


def run(command: list[str], folder: Path) -> str:
    """Run a command with this environment's programs; return stdout, or fail with all it said."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def play(page: Path, folder: Path) -> None:
    """Do what a page says, from top to bottom, in one folder.

    Blocks with a title become files. Python runs as a program; of a console block, the lines after a
    prompt run, and what is printed below them is for the reader.
    """
    for block in blocks(page):
        if block.title:
            (folder / block.title).write_text(block.text, encoding="utf-8")
        if block.language == "python":
            program = folder / (block.title or f"line_{block.line}.py")
            program.write_text(block.text, encoding="utf-8")
            run([sys.executable, program.name], folder)
        if block.language == "console":
            commands = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
            run(["bash", "-euo", "pipefail", "-c", "\n".join(commands)], folder)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "page", ["README.md", "docs/tutorial.md", "docs/provenance/audit.md", "docs/streaming.md"]
)
def test_examples_run_in_the_order_of_the_page(page: str, tmp_path: Path) -> None:
    assert [block for block in blocks(ROOT / page) if block.language == "python"]
    play(ROOT / page, tmp_path)


@pytest.mark.parametrize(("place", "value"), complete_specs(), ids=lambda value: str(value)[:40])
def test_every_job_in_the_documentation_is_a_valid_spec(place: str, value: object) -> None:
    JobSpec.model_validate(value)


def test_the_readme_shows_the_job_that_the_demo_runs() -> None:
    shown = next(block for block in blocks(ROOT / "README.md") if block.title == "flights.yaml")
    assert shown.text == (ROOT / "docs" / "examples" / "flights" / "flights.yaml").read_text(encoding="utf-8")


def test_links_between_files_lead_somewhere() -> None:
    link = re.compile(r"\]\((?!https?:|#|mailto:)([^)\s#]+)")
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in link.findall(re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S))
        if not (page.parent / target).exists()
    ]
    assert broken == []
