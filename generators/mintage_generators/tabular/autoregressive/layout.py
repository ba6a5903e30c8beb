"""Which columns the network reads and draws, in which order, and with how many outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mintage_generators.tabular.codec import TableCodec

MAX_INPUT = 1024
"""Numbers that all embeddings of a row may take together, which bounds the first layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One softmax: all tokens of a column, or (`level` 0 and 1) its groups and a group's tokens."""

    target: int
    level: int
    size: int
    groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`inputs` are the columns that vary, `targets` those that are drawn, both as positions.

    `inputs` are column numbers in the canonical order of drawing; `targets` are positions in
    `inputs` of the columns that are no function of another. `sizes` are the inputs' token counts,
    `groups` the tokens of a group (0: not split). `after` gives each input the position of the column
    it is a function of, or its own.
    """

    inputs: tuple[int, ...]
    sizes: tuple[int, ...]
    groups: tuple[int, ...]
    targets: tuple[int, ...]
    after: tuple[int, ...]
    slots: tuple[Slot, ...]

    def width(self, wanted: int) -> int:
        """Numbers of one embedding."""
        return max(2, min(wanted, MAX_INPUT // max(1, len(self.inputs))))

    def shapes(self, embedding: int, hidden: int) -> dict[str, tuple[int, ...]]:
        """Names and shapes of a network's weights; none when nothing varies."""
        if not self.targets:
            return {}
        targets, slots = len(self.targets), len(self.slots)
        shapes: dict[str, tuple[int, ...]] = {
            "embedding": (sum(self.sizes), embedding),
            "first": (targets, len(self.inputs) * embedding, hidden),
            "first_bias": (targets, hidden),
            "second": (slots, hidden, hidden),
            "second_bias": (slots, hidden),
        }
        for number, slot in enumerate(self.slots):
            shapes[f"head.{number}"] = (hidden, slot.size)
            shapes[f"bias.{number}"] = (slot.groups, slot.size) if slot.level else (slot.size,)
        split = [slot for slot in self.slots if slot.level]
        return shapes | {f"shift.{number}": (slot.groups, hidden) for number, slot in enumerate(split)}

    def earlier(self) -> np.ndarray:
        """Which inputs each target reads in the canonical order: float32 (targets, inputs)."""
        known_at = np.asarray(self.after)
        return (known_at[None] < np.asarray(self.targets)[:, None]).astype(np.float32)


def lay_out(codec: TableCodec) -> Layout:
    """Sources of functions first, the widest before the others, then from few tokens to many.

    Ascending cardinality is what TabularARGN (Tiwald et al., 2025) found best; a source must precede
    its results because they follow from it.
    """
    columns = codec.columns
    results = {f.result for f in codec.functions}
    sources = {f.source for f in codec.functions} - results
    varying = [i for i, column in enumerate(columns) if column.tokens > 1]
    roots = sorted(
        (i for i in varying if i not in results),
        key=lambda i: (0, -columns[i].tokens, i) if i in sources else (1, columns[i].tokens, i),
    )
    inputs: list[int] = []
    source_of: dict[int, int] = {}
    for root in roots:
        found = [f.result for f in codec.functions if f.source == root and f.result not in source_of]
        source_of |= dict.fromkeys([root, *found], root)
        inputs += [root, *found]
    place = {column: position for position, column in enumerate(inputs)}
    targets = tuple(place[root] for root in roots)
    groups = tuple(columns[i].group for i in inputs)
    return Layout(
        inputs=tuple(inputs),
        sizes=tuple(columns[i].tokens for i in inputs),
        groups=groups,
        targets=targets,
        after=tuple(place[source_of[i]] for i in inputs),
        slots=_slots(targets, tuple(columns[i].tokens for i in inputs), groups),
    )


def _slots(targets: tuple[int, ...], sizes: tuple[int, ...], groups: tuple[int, ...]) -> tuple[Slot, ...]:
    slots = []
    for number, position in enumerate(targets):
        size, group = sizes[position], groups[position]
        count = int(np.ceil(size / group)) if group else 0
        slots.append(Slot(target=number, level=0, size=count or size, groups=count))
        if group:
            slots.append(Slot(target=number, level=1, size=group, groups=count))
    return tuple(slots)
