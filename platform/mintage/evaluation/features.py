"""Tables as matrices: the features that classifiers see, and the column that each feature came from.

    design = plan_features((tables.real, tables.synthetic))
    design.matrix(tables.synthetic)         float32, sparse, one row per row of the table
    design.by_column(gains)                 one share per column

Numbers stay numbers (less the first table's median), with a feature beside them that says where they are
missing; a category becomes one feature per level (one-hot), missing being a level of its own. Where that
would be too many features, the columns with the most levels become ranks instead: 0 is the most frequent
level. A row holds one or two entries per column, whatever the number of levels, and boosted trees that
are trained on such a sparse matrix are the same as on a dense one, in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from mintage.evaluation.results import Feature
from mintage.evaluation.tables import Column, Table

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Positions = npt.NDArray[np.int64]

ONE_HOT_WIDTH = 4096
"""Features that all categories together may become."""
_LARGEST = np.float64(3e38)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How one column becomes features."""

    column: str
    form: Literal["number", "levels", "rank"]
    start: int
    """Position of its first feature."""
    width: int
    """Number of its features."""
    indicator: bool
    """Whether its last feature says where it is missing (`number` and `rank`)."""
    centre: float = 0.0
    """What is taken off a number, so that large ones (dates) keep their differences in float32."""
    slots: Positions = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """Of each level and, at the end, of missing: its feature (`levels`) or rank (`rank`)."""

    @property
    def held(self) -> int:
        """Entries of a row in the sparse matrix."""
        return 1 if self.form == "levels" else self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The features of aligned tables."""

    encodings: tuple[Encoding, ...]
    width: int
    ranked: tuple[str, ...]
    """Columns with too many levels for a feature each."""

    def matrix(self, table: Table) -> csr_array:
        """The table's features: a sparse float32 (rows, width); what it does not hold is 0.

        Numbers are held even when they are 0, and as NaN where they are missing. Those beyond what float32
        can hold are cut to its range.
        """
        from scipy.sparse import csr_array

        held = sum(encoding.held for encoding in self.encodings)
        features = np.empty((table.rows, held), dtype=np.int32)
        values = np.ones((table.rows, held), dtype=np.float32)
        at = 0
        for encoding in self.encodings:
            part = slice(at, at + encoding.held)
            _fill(features[:, part], values[:, part], encoding, table.column(encoding.column))
            at += encoding.held
        ends = np.arange(table.rows + 1, dtype=np.int64) * held
        return csr_array((values.ravel(), features.ravel(), ends), shape=(table.rows, self.width))

    @property
    def indicators(self) -> npt.NDArray[np.bool_]:
        """Which features say where a number or rank is missing."""
        marked = np.zeros(self.width, dtype=np.bool_)
        for encoding in self.encodings:
            if encoding.indicator:
                marked[encoding.start + encoding.width - 1] = True
        return marked

    def by_column(self, gains: npt.NDArray[np.float64]) -> list[Feature]:
        """Each column's share of the gains (one per feature), the greatest first; none when all are 0."""
        total = float(gains.sum())
        if total <= 0:
            return []
        features = [
            Feature(
                name=encoding.column,
                importance=float(gains[encoding.start : encoding.start + encoding.width].sum()) / total,
            )
            for encoding in self.encodings
        ]
        return sorted(features, key=lambda feature: -feature.importance)


def plan_features(
    tables: Sequence[Table], leave_out: Collection[str] = (), *, one_hot: int = ONE_HOT_WIDTH
) -> Design:
    """Choose the features of the columns, but for those to leave out, from all the aligned tables.

    Levels that occur in none of the tables get no feature; categories get at most `one_hot` of them.
    """
    columns = [column for column in tables[0].columns if column.name not in leave_out]
    counts = {column.name: _counts(column, tables) for column in columns if column.kind == "discrete"}
    ranked = _too_wide(counts, one_hot)
    encodings: list[Encoding] = []
    start = 0
    for column in columns:
        encoding = _encoding(column, tables, counts.get(column.name), start, ranked=column.name in ranked)
        encodings.append(encoding)
        start += encoding.width
    return Design(
        encodings=tuple(encodings),
        width=start,
        ranked=tuple(column.name for column in columns if column.name in ranked),
    )


def _counts(column: Column, tables: Sequence[Table]) -> Positions:
    """Rows of each level in all tables together, and of missing at the end."""
    levels = len(column.levels)
    counts: Positions = np.zeros(levels + 1, dtype=np.int64)
    for table in tables:
        codes = table.column(column.name).values.astype(np.int64)
        counts += np.bincount(codes % (levels + 1), minlength=levels + 1)
    return counts


def _too_wide(counts: dict[str, Positions], limit: int) -> set[str]:
    """The columns that find no place within the limit when those with few levels come first."""
    widths = sorted((int(np.count_nonzero(count)), name) for name, count in counts.items())
    totals = np.cumsum([width for width, _ in widths])
    return {name for (_, name), total in zip(widths, totals, strict=True) if total > limit}


def _encoding(
    column: Column, tables: Sequence[Table], counts: Positions | None, start: int, *, ranked: bool
) -> Encoding:
    if counts is None:
        values = tables[0].column(column.name).values
        present = values[~np.isnan(values)]
        indicator = any(bool(table.column(column.name).missing.any()) for table in tables)
        return Encoding(
            column=column.name,
            form="number",
            start=start,
            width=1 + indicator,
            indicator=indicator,
            centre=float(np.median(present)) if present.size else 0.0,
        )
    if ranked:
        order = np.argsort(-counts[:-1], kind="stable")
        slots = np.empty(len(order), dtype=np.int64)
        slots[order] = np.arange(len(order))
        indicator = bool(counts[-1])
        return Encoding(
            column=column.name,
            form="rank",
            start=start,
            width=1 + indicator,
            indicator=indicator,
            slots=slots,
        )
    slots = np.cumsum(counts > 0) - 1
    return Encoding(
        column=column.name,
        form="levels",
        start=start,
        width=int(np.count_nonzero(counts)),
        indicator=False,
        slots=slots,
    )


def _fill(
    features: npt.NDArray[np.int32], values: npt.NDArray[np.float32], encoding: Encoding, column: Column
) -> None:
    if encoding.form == "levels":
        features[:, 0] = encoding.start + encoding.slots[column.values.astype(np.int64)]
        return
    missing = column.missing
    if encoding.form == "number":
        numbers = np.clip(column.values - encoding.centre, -_LARGEST, _LARGEST)
    else:
        numbers = np.where(missing, np.nan, encoding.slots[column.values.astype(np.int64)])
    features[:] = encoding.start + np.arange(encoding.held)
    values[:, 0] = numbers
    if encoding.indicator:
        values[:, 1] = missing
