"""Which columns are drawn as tokens, which flow as numbers, and the shapes of the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mintage_generators.tabular.codec import ExactColumn, FittedTable, Ranks, TableCodec
from mintage_generators.tabular.diffusion.continuum import Continuum

LISTED = 32
"""Listed numbers up to which a column is drawn as tokens: its density would be a row of spikes."""

WAVES = 8
"""Sines, and cosines, of different length by which a number is read: nets are blind to small differences."""

TIMES = 16
"""Sines, and cosines, by which the time of the flow is read."""

TOKEN_DEPTH = 2
"""Blocks of the network that draws tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One softmax: a column's tokens; its groups (`level` 0) and a group's tokens (1); a number's kinds.

    `column` is its index in the codec. `group` is the number of tokens in a group, 0 where the column
    is not split; `offset` is where the slot's outputs start among those of all slots.
    """

    column: int
    level: int
    size: int
    group: int
    offset: int

    def values(self, tokens: np.ndarray) -> np.ndarray:
        """The slot's output for each of the column's tokens; -1 stays -1."""
        if not self.group:
            return tokens
        return np.where(tokens < 0, -1, tokens % self.group if self.level else tokens // self.group)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`slots` in the order of drawing, a column's two side by side; `numbers` in the order of the table."""

    slots: tuple[Slot, ...]
    numbers: tuple[Continuum, ...]

    @property
    def outputs(self) -> int:
        """Of all slots together."""
        return sum(slot.size for slot in self.slots)

    @property
    def kinds(self) -> tuple[int, ...]:
        """For each number the slot of its kinds, or -1."""
        place = {slot.column: number for number, slot in enumerate(self.slots)}
        return tuple(place.get(number.index, -1) for number in self.numbers)

    def shapes(self, width: int, depth: int) -> dict[str, tuple[int, ...]]:
        """Names and shapes of a network's weights."""
        shapes: dict[str, tuple[int, ...]] = {}
        numbers, token = len(self.numbers), token_width(width)
        read = numbers * (2 + 2 * WAVES)
        if self.slots:
            shapes |= _trunk("tokens", self.outputs, read, token, TOKEN_DEPTH)
            shapes |= {"head": (self.outputs, token), "bias": (self.outputs,)}
            for n, slot in enumerate(self.slots):
                if slot.level:
                    shapes[f"inside.{n}"] = (self.slots[n - 1].size, slot.size)
        if self.numbers:
            shapes["waves"] = (numbers, WAVES)
            shapes |= _trunk("flow", self.outputs, read + numbers + 2 * TIMES, width, depth)
            shapes |= {"velocity": (numbers, width), "velocity_bias": (numbers,)}
        return shapes

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns of the codec that are learned, ascending."""
        return tuple(sorted({slot.column for slot in self.slots} | {n.index for n in self.numbers}))

    @property
    def width(self) -> int:
        """Cells of a row to learn from."""
        return len(self.slots) + len(self.numbers)

    def encode(self, fitted: FittedTable, rng: np.random.Generator) -> np.ndarray:
        """Rows to learn from, float32, shape (rows, slots + numbers).

        A slot's output (-1: unknown), or a number's score (NaN where there is none).
        """
        columns = {i: fitted.tokens[:, i] for i in self.columns}
        return self._filled(len(fitted.tokens), columns, rng, fitted.rows)

    def scored(self, columns: Mapping[int, np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """The same of tokens alone, by column; the place of a number within its token is drawn."""
        return self._filled(len(next(iter(columns.values()))), columns, rng, None)

    def _filled(
        self, count: int, columns: Mapping[int, np.ndarray], rng: np.random.Generator, table: pa.Table | None
    ) -> np.ndarray:
        rows = np.empty((count, self.width), np.float32)
        for n, slot in enumerate(self.slots):
            rows[:, n] = slot.values(columns[slot.column])
        for j, (number, own) in enumerate(zip(self.numbers, self.kinds, strict=True)):
            array = None if table is None else table.column(number.index)
            kinds, rows[:, len(self.slots) + j] = number.encode(array, columns[number.index], rng)
            if own >= 0:
                rows[:, own] = kinds
        return rows


def token_width(width: int) -> int:
    """Units of the network that draws tokens, beside a flow of `width` units."""
    return max(8, width * 2 // 3)


def lay_out(codec: TableCodec) -> Layout:
    """Sources of functions first, the widest before the others, then from few tokens to many.

    A source must precede its results, which follow from it. Ordered columns of more than `LISTED` listed
    values flow, unless others are functions of them: then each of their values counts by itself.
    """
    results = {f.result for f in codec.functions}
    sources = {f.source for f in codec.functions} - results
    numbers, sizes = [], {}
    ordered = {number.index for number in Ranks.of(codec).ordered}
    for i, column in enumerate(codec.columns):
        if i in results or column.tokens < 2:
            continue
        listed = isinstance(column, ExactColumn) and column.tokens <= LISTED
        if i not in ordered or i in sources or listed:
            sizes[i] = column.tokens
            continue
        number = Continuum.of(i, column)
        numbers.append(number)
        if number.kinds > 1:
            sizes[i] = number.kinds
    order = sorted(sizes, key=lambda i: (0, -sizes[i], i) if i in sources else (1, sizes[i], i))
    groups = {i: codec.columns[i].group if sizes[i] == codec.columns[i].tokens else 0 for i in order}
    return Layout(slots=_slots(order, sizes, groups), numbers=tuple(numbers))


def _slots(order: list[int], sizes: dict[int, int], groups: dict[int, int]) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    offset = 0
    for column in order:
        group = groups[column]
        cut = [-(-sizes[column] // group), group] if group else [sizes[column]]
        for level, size in enumerate(cut):
            slots.append(Slot(column=column, level=level, size=size, group=group, offset=offset))
            offset += size
    return tuple(slots)


def _trunk(name: str, outputs: int, inputs: int, width: int, depth: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        f"{name}.embedding": (outputs, width),
        f"{name}.first": (width, inputs),
        f"{name}.first_bias": (width,),
    }
    for kind in ("inner", "outer"):
        shapes |= {f"{name}.{kind}": (depth, width, width), f"{name}.{kind}_bias": (depth, width)}
    for n in ("scale", "shift"):
        shapes[f"{name}.{n}"] = (depth + 1, width)
    return shapes
