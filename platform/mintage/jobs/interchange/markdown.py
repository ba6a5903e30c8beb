"""Markdown in which text from outside stays text: no markup, no HTML, no second line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_\[\]|~])")
_FIRST = re.compile(r"^([-+#=]|[0-9]+(?=[.)](?: |$)))")
_MAX_TEXT = 10_000


def escape(text: str) -> str:
    r"""Text as Markdown that shows just that text, on one line.

    >>> print(escape("<b>*x*|y"))
    &lt;b&gt;\*x\*\|y
    """
    line = " ".join("".join(_visible(character) for character in text[:_MAX_TEXT]).split())
    line = _SPECIAL.sub(r"\\\1", line)
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # What would begin a list, a heading or a rule does so at the start only.
    return _FIRST.sub(_unfirst, line)


def bullets(items: Iterable[str]) -> str:
    """A list; what is in it is escaped."""
    return "\n".join(f"* {escape(item)}" for item in items)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; what is in its cells is escaped."""
    lines = [head, ["---"] * len(head)]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    text += ["| " + " | ".join(escape(cell) for cell in row) + " |" for row in rows]
    return "\n".join(text)


def _unfirst(match: re.Match[str]) -> str:
    begin = match[1]
    return f"{begin}\\" if begin[0].isdigit() else f"\\{begin}"


def _visible(character: str) -> str:
    return character if character.isprintable() else " "
