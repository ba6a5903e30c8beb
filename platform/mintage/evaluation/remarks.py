"""What must be said of several columns, said once."""

from __future__ import annotations

from dataclasses import dataclass, field

NAMED = 5
"""Columns that a remark names; of further ones it tells the number."""


@dataclass(frozen=True, slots=True)
class Remarks:
    """Which columns a remark is about, remark by remark.

    >>> remarks = Remarks()
    >>> remarks.add("constant in the real table", "year")
    >>> remarks.add("constant in the real table", "country")
    >>> remarks.lines()
    ['constant in the real table: year, country']
    """

    by_remark: dict[str, list[str]] = field(default_factory=dict)

    def add(self, remark: str, column: str) -> None:
        """Say it of this column, too."""
        self.by_remark.setdefault(remark, []).append(column)

    def lines(self) -> list[str]:
        """One line for each remark, in the order in which they came up."""
        made = []
        for remark, columns in self.by_remark.items():
            more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
            made.append(f"{remark}: {', '.join(columns[:NAMED])}{more}")
        return made
