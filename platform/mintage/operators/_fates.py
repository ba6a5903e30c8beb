"""What becomes of rows when others are dropped: a row follows the rows that its foreign keys name.

Rows without fault can be dropped for two reasons. A row that refers to a rejected row is *orphaned*.
A root row beyond the limit is *surplus*, and so is what belongs to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from mintage.contracts import DatasetSchema, ForeignKey, TableSchema
from mintage.operators._frames import to_frame

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """Which rows of a batch are dropped; None stands for none at all."""

    rejected: Mask | None = None
    orphaned: Mask | None = None
    surplus: Mask | None = None

    @property
    def kept(self) -> Mask | None:
        """The rows that stay; None when all do."""
        dropped = _either(_either(self.rejected, self.orphaned), self.surplus)
        return None if dropped is None else ~dropped


def settle(
    schema: DatasetSchema,
    batches: Mapping[str, pa.RecordBatch],
    rejected: Mapping[str, Mask | None],
    limit: int | None,
) -> dict[str, Fates]:
    """The fates of all rows, table by table, parents first.

    `rejected` marks the rows that break a rule; at most `limit` root rows stay, the first ones.
    """
    fates: dict[str, Fates] = {}
    for table in schema.tables:
        if table.name in batches:
            fates[table.name] = _settle_table(
                table, batches, rejected[table.name], fates, limit if table.name == schema.root else None
            )
    return fates


def _settle_table(
    table: TableSchema,
    batches: Mapping[str, pa.RecordBatch],
    rejected: Mask | None,
    fates: Mapping[str, Fates],
    limit: int | None,
) -> Fates:
    batch = batches[table.name]
    gone, surplus = rejected, None
    for key in table.foreign_keys:
        parent = fates.get(key.table)
        if key.table != table.name and parent is not None and parent.kept is not None:
            places = _find_parents(batch, batches[key.table], key, parent.kept)
            gone = _either(gone, _inherit(_either(parent.rejected, parent.orphaned), places))
            surplus = _either(surplus, _inherit(parent.surplus, places))
    own = [key for key in table.foreign_keys if key.table == table.name]
    gone = _spread(gone, batch, own)
    if limit is not None:
        surplus = _either(surplus, _beyond(limit, batch.num_rows, _either(gone, surplus)))
    surplus = _spread(surplus, batch, own)
    if surplus is not None and gone is not None:
        surplus = surplus & ~gone
    orphaned = gone if gone is None or rejected is None else gone & ~rejected
    return Fates(rejected=rejected, orphaned=orphaned, surplus=surplus)


def _beyond(limit: int, rows: int, dropped: Mask | None) -> Mask | None:
    """The rows that would stay, after the first `limit` of them."""
    if rows <= limit:
        return None
    staying = np.ones(rows, dtype=np.bool_) if dropped is None else ~dropped
    beyond: Mask = staying & (np.cumsum(staying) > limit)
    return beyond if beyond.any() else None


def _spread(dropped: Mask | None, batch: pa.RecordBatch, keys: list[ForeignKey]) -> Mask | None:
    """Drop the rows that refer to dropped rows of their own table, however many rows lie between."""
    if dropped is None or not keys:
        return dropped
    parents = [_find_parents(batch, batch, key, ~dropped) for key in keys]
    count = -1
    while count != (count := int(dropped.sum())):
        for places in parents:
            dropped = _follow(dropped, places)
    return dropped


def _follow(dropped: Mask, places: Places) -> Mask:
    """Drop the rows below dropped rows; doubling the distance, so that long chains take few rounds."""
    nobody = len(dropped)
    reached = np.append(dropped, [False])
    above = np.append(np.where(places < 0, nobody, places), [nobody])
    for _ in range(nobody.bit_length() + 1):
        reached = reached | reached[above]
        above = above[above]
    return reached[:-1]


def _inherit(dropped: Mask | None, places: Places) -> Mask | None:
    """The rows whose parent is dropped."""
    if dropped is None:
        return None
    inherited: Mask = (places >= 0) & dropped[places]
    return inherited if inherited.any() else None


def _find_parents(child: pa.RecordBatch, parent: pa.RecordBatch, key: ForeignKey, kept: Mask) -> Places:
    """The row of `parent` that each row of `child` refers to, or -1 for none.

    A key with a null refers to nothing. Of several parents with the same key, one that stays wins.
    """
    names = [f"key{index}" for index in range(len(key.columns))]
    above = to_frame(parent.select(list(key.references)).rename_columns(names))
    below = to_frame(child.select(list(key.columns)).rename_columns(names))
    below = below.cast(above.schema, strict=False)
    rows = pl.Series("row", np.arange(parent.num_rows, dtype=np.int64))
    order = np.argsort(~kept, kind="stable")
    unique = above.with_columns(rows)[order].unique(subset=names, keep="first", maintain_order=True)
    found = below.join(unique, on=names, how="left", maintain_order="left")
    return found["row"].fill_null(-1).to_numpy()


def _either(first: Mask | None, second: Mask | None) -> Mask | None:
    if first is None or second is None:
        return second if first is None else first
    return first | second
