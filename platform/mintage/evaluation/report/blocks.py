"""What a page is made of: sections of tables, plots, facts and paragraphs.

The modules beside this one turn results into blocks, and the template turns blocks into HTML. A block
holds plain text; nothing here knows of markup, and nothing is escaped before the template does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Tone = Literal["", "good", "poor", "bad"]
Value = float | int | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a table: the text to show, and the value to sort by and to write to CSV."""

    text: str
    value: Value
    tone: Tone = ""
    named: bool = False
    """Whether the text is a name or a value from the data, and not ours."""

    @property
    def numeric(self) -> bool:
        """Whether the value is a number, set flush right."""
        return isinstance(self.value, int | float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with a caption; the first column names the row."""

    id: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: tuple[bool, ...] = ()
    """Which columns hold numbers; from the cells when it is left out."""
    hint: str = ""
    source: str = ""
    """Key of `pairs` in the page's data, when the CSV has more rows than the table shows."""

    kind: Literal["table"] = "table"

    @property
    def right(self) -> tuple[bool, ...]:
        """Which columns are set flush right."""
        if self.numeric:
            return self.numeric
        return tuple(
            any(row[position].numeric for row in self.rows)
            and all(row[position].numeric or row[position].value is None for row in self.rows)
            for position in range(len(self.head))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A plot: what it shows in words, and its data as the page's script draws it."""

    title: str
    alt: str
    """What the plot shows, for those who do not see it."""
    chart: dict[str, object]
    size: Literal["small", "wide", "matrix", "large-matrix"] = "wide"
    detail: str = ""
    named: bool = False
    height: int = 0
    """Pixels; 0 leaves it to the style sheet."""
    kind: Literal["plot"] = "plot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """Plots side by side, with a box that filters them by name when they are many."""

    id: str
    plots: tuple[Plot, ...]
    filter_label: str = ""
    kind: Literal["gallery"] = "gallery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Terms and what is said of them: text, and whether it comes from the data."""

    items: tuple[tuple[str, str, bool], ...]
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A paragraph."""

    text: str
    tone: Literal["", "note", "warning", "missing"] = ""
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading below the section's own."""

    text: str
    named: bool = False
    kind: Literal["heading"] = "heading"


Block = Table | Plot | Gallery | Facts | Text | Heading


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the page, with an anchor."""

    id: str
    title: str
    lead: str = ""
    blocks: tuple[Block, ...] = field(default=())


def notes(lines: Sequence[str]) -> tuple[Block, ...]:
    """Remarks below a section."""
    return tuple(Text(text=f"{line[:1].upper()}{line[1:]}", tone="note") for line in lines)


def not_computed(reason: str, remedy: str) -> tuple[Block, ...]:
    """Why a section is empty, and what fills it."""
    return (Text(text=f"Not computed: {reason}", tone="missing"), Text(text=remedy, tone="note"))
