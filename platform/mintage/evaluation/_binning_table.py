"""The grid of one table as it is kept: columns, pairs, and the bytes of both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mintage.contracts import Semantics
from mintage.errors import ProvenanceError
from mintage.evaluation._binning_edges import Grid
from mintage.evaluation._binning_pairs import MOST_CELLS, MOST_PAIRS

Kind = Literal["continuous", "discrete"]

MAX_BINNING_BYTES = 64 * 2**20
"""Size of a grid as it is stored."""
COARSE_BINS = 10
"""Equal-width bins of a continuous column in pairs; outer ones are open."""
MOST_EDGES = 2**21
"""Edges of all columns of a table together."""
MOST_LEVEL_CHARACTERS = 1024
CONTINUOUS = (Semantics.NUMERIC, Semantics.DATETIME)
DISCRETE = (Semantics.CATEGORY, Semantics.BOOLEAN)

_MOST_COLUMNS = 2**17


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _StoredColumn(_Stored):
    name: str
    semantics: Literal["numeric", "datetime", "category", "boolean"]
    edges: list[float] | None = None
    low: float = 0.0
    high: float = 0.0
    centre: float = 0.0
    unit: Annotated[float, Field(gt=0)] = 1.0
    whole: bool = False
    levels: list[Annotated[str, Field(max_length=MOST_LEVEL_CHARACTERS)]] | None = None


class _StoredBinning(_Stored):
    format: Literal["mintage-binning/1"]
    table: str
    columns: Annotated[list[_StoredColumn], Field(min_length=1, max_length=_MOST_COLUMNS)]
    pairs: Annotated[list[tuple[int, int, int, int]], Field(max_length=MOST_PAIRS)]
    skipped: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnBins:
    """How one column is counted: on a grid (continuous) or by levels (discrete)."""

    name: str
    semantics: Semantics
    grid: Grid | None = None
    levels: tuple[str, ...] = ()
    """The most frequent first."""

    @property
    def kind(self) -> Kind:
        """`continuous` or `discrete`."""
        return "discrete" if self.grid is None else "continuous"

    @property
    def codes(self) -> int:
        """Counters of the column: missing, then its bins in order, or its levels and the others."""
        return len(self.levels) + 2 if self.grid is None else len(self.grid.edges) + 2

    @property
    def least_codes(self) -> int:
        """Codes of the column in pairs with the least room: missing, then coarse bins, or the others."""
        return 2 if self.grid is None else COARSE_BINS + 1

    @property
    def pair_codes(self) -> int:
        """Codes of the column in pairs with room for all: missing, then coarse bins, or levels and others."""
        return self.codes if self.grid is None else COARSE_BINS + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two columns, by position, that are counted together, and how many codes each has there."""

    left: int
    right: int
    left_codes: int
    right_codes: int

    @property
    def cells(self) -> int:
        """Counters of the pair; 0 for two continuous columns, of which products are summed."""
        return self.left_codes * self.right_codes


@dataclass(frozen=True, kw_only=True)
class Binning:
    """The grid of one table; equal tables, equal bytes."""

    table: str
    columns: tuple[ColumnBins, ...]
    pairs: tuple[Pair, ...]
    skipped: Mapping[str, str]
    """Columns that are not counted, and why."""

    @property
    def all_pairs(self) -> int:
        """How many pairs the columns have; no more than `pairs` of them are counted."""
        return len(self.columns) * (len(self.columns) - 1) // 2

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>` of `to_bytes()`."""
        return f"sha256:{hashlib.sha256(self.to_bytes()).hexdigest()}"

    @cached_property
    def column_offsets(self) -> npt.NDArray[np.int64]:
        """Where the counters of each column begin [columns + 1]; the last is how many there are."""
        return _offsets([column.codes for column in self.columns])

    @cached_property
    def pair_offsets(self) -> npt.NDArray[np.int64]:
        """Where the counters of each pair begin [pairs + 1]."""
        return _offsets([pair.cells for pair in self.pairs])

    def to_bytes(self) -> bytes:
        """JSON, in one spelling."""
        stored = _StoredBinning(
            format="mintage-binning/1",
            table=self.table,
            columns=[_stored_column(column) for column in self.columns],
            pairs=[(pair.left, pair.right, pair.left_codes, pair.right_codes) for pair in self.pairs],
            skipped=dict(sorted(self.skipped.items())),
        )
        return stored.model_dump_json().encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The grid that `to_bytes` wrote. Raises `ProvenanceError` for anything else."""
        if len(data) > MAX_BINNING_BYTES:
            raise ProvenanceError(
                f"a binning of {len(data)} bytes is larger than the {MAX_BINNING_BYTES} allowed"
            )
        try:
            stored = _StoredBinning.model_validate_json(data)
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            raise ProvenanceError(f"this is no binning: {first['msg']}", "restore it from a copy") from exc
        binning = cls(
            table=stored.table,
            columns=tuple(_column(column) for column in stored.columns),
            pairs=tuple(_pair(pair) for pair in stored.pairs),
            skipped=stored.skipped,
        )
        _check(binning)
        return binning


def _offsets(sizes: list[int]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _stored_column(column: ColumnBins) -> _StoredColumn:
    common = {"name": column.name, "semantics": column.semantics.value}
    if (grid := column.grid) is None:
        return _StoredColumn.model_validate({**common, "levels": list(column.levels)})
    plain = {name: getattr(grid, name) for name in ("low", "high", "centre", "unit", "whole")}
    return _StoredColumn.model_validate({**common, **plain, "edges": grid.edges.tolist()})


def _column(stored: _StoredColumn) -> ColumnBins:
    semantics = Semantics(stored.semantics)
    if (stored.edges is None) == (stored.levels is None) or (semantics in CONTINUOUS) != (
        stored.edges is not None
    ):
        raise ProvenanceError(f"a binning counts {stored.name!r} neither by edges nor by levels")
    if stored.edges is None:
        return ColumnBins(name=stored.name, semantics=semantics, levels=tuple(stored.levels or ()))
    grid = Grid(
        edges=np.array(stored.edges, np.float64),
        low=stored.low,
        high=stored.high,
        centre=stored.centre,
        unit=stored.unit,
        whole=stored.whole,
    )
    return ColumnBins(name=stored.name, semantics=semantics, grid=grid)


def _pair(stored: tuple[int, int, int, int]) -> Pair:
    return Pair(left=stored[0], right=stored[1], left_codes=stored[2], right_codes=stored[3])


def _check(binning: Binning) -> None:
    """Raise `ProvenanceError` for a grid that nothing can be counted on."""
    names = [column.name for column in binning.columns]
    problem = ""
    if len(set(names)) < len(names):
        problem = "it has a column twice"
    elif any(np.any(np.diff(c.grid.edges) <= 0) for c in binning.columns if c.grid is not None):
        problem = "its edges do not ascend"
    elif any(len(set(column.levels)) < len(column.levels) for column in binning.columns):
        problem = "it has a level twice"
    elif any(later <= earlier for earlier, later in pairwise([(p.left, p.right) for p in binning.pairs])):
        problem = "its pairs are not in order"
    elif not all(_is_pair(binning.columns, pair) for pair in binning.pairs):
        problem = "it has a pair of columns that are not there"
    elif binning.pair_offsets[-1] > 4 * MOST_CELLS or binning.column_offsets[-1] > 8 * MOST_EDGES:
        problem = "it has too many counters"
    if problem:
        raise ProvenanceError(f"a binning is wrong: {problem}", "restore it from a copy")


def _is_pair(columns: tuple[ColumnBins, ...], pair: Pair) -> bool:
    if not 0 <= pair.left < pair.right < len(columns):
        return False
    left, right = columns[pair.left], columns[pair.right]
    if left.kind == right.kind == "continuous":
        return pair.left_codes == pair.right_codes == 0
    return (
        left.least_codes <= pair.left_codes <= left.pair_codes
        and right.least_codes <= pair.right_codes <= right.pair_codes
    )
