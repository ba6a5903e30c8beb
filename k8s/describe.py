"""Write docs/reference/helm.md: every value of the chart with its default and the comment above it.

`python k8s/describe.py` writes the page; `--check` only says whether it is as values.yaml would have it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
VALUES = HERE / "chart" / "mintage" / "values.yaml"
PAGE = HERE.parent / "docs" / "reference" / "helm.md"
LONG = 60

HEAD = """\
# Values of the Helm chart

What can be set in `k8s/chart/mintage`, with `--set head.memory=16Gi` or a file (`--values mine.yaml`).
Values are checked before anything is rendered: a key that is not listed here is refused. The page is
written by `make k8s` from the chart's values.yaml. [Kubernetes](../kubernetes.md) tells how to install it.
"""

_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z0-9_./-]+):(?P<rest>.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One key: its path, the comment above it, and its default (None for a key that holds others)."""

    path: tuple[str, ...]
    comment: str
    default: str | None


def main() -> int:
    """Write the page, or compare it; the exit code is 1 when it differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail when the page would change"
    )
    wanted = page(read_values(VALUES.read_text("utf-8")))
    if parser.parse_args().check:
        return int(not PAGE.exists() or PAGE.read_text("utf-8") != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


def read_values(text: str) -> list[Value]:
    """Every key in its order, with the comment above it."""
    defaults, found = yaml.safe_load(text), []
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        key = _KEY.match(line)
        if line.strip().startswith("#"):
            comment.append(line.strip().removeprefix("#").strip())
            continue
        if key is not None and not line.strip().startswith("- "):
            path = [*path[: len(key["indent"]) // 2], key["key"]]
            found.append(
                Value(path=tuple(path), comment=" ".join(comment), default=_default(defaults, tuple(path)))
            )
        comment = []
    return found


def page(values: list[Value]) -> str:
    """The page in Markdown: a section for each key at the top, a table of what is in it."""
    parts = [HEAD.rstrip()]
    for value in values:
        if len(value.path) == 1:
            parts += [f"## {value.path[0]}", _sentence(value)]
            below = [each for each in values if each.path[0] == value.path[0] and len(each.path) > 1]
            if below:
                parts.append("\n".join(["| key | default | meaning |", "|---|---|---|", *_rows(below)]))
    return "\n\n".join(parts) + "\n"


def _rows(values: list[Value]) -> Iterator[str]:
    for value in values:
        default = f"`{value.default}`" if value.default is not None else ""
        yield f"| `{'.'.join(value.path[1:])}` | {_cell(default)} | {_cell(value.comment)} |"


def _sentence(value: Value) -> str:
    return value.comment if value.default is None else f"{value.comment} Default: `{value.default}`."


def _default(defaults: object, path: tuple[str, ...]) -> str | None:
    for key in path:
        assert isinstance(defaults, dict)
        defaults = defaults[key]
    if isinstance(defaults, dict) and defaults:
        return None
    text = json.dumps(defaults)
    return text if len(text) <= LONG else f"{text[:LONG]}…"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
