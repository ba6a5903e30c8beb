"""Which rows are equal: the same values in all measured columns, missing equal to missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from mintage.evaluation.tables import Table

Ids = npt.NDArray[np.int64]


def identify_rows(tables: Sequence[Table]) -> list[Ids]:
    """A number for each row of each table, the same for equal rows and only for them."""
    columns = [[table.columns[i].values for table in tables] for i in range(len(tables[0].columns))]
    ids = identify(np.concatenate(parts) for parts in columns)
    return np.split(ids, np.cumsum([table.rows for table in tables])[:-1])


def identify(columns: Iterable[npt.NDArray[np.generic]]) -> Ids:
    """int64 [rows]: equal where all columns, arrays of one length, are equal; NaN equals NaN."""
    frame = pl.DataFrame({str(i): column for i, column in enumerate(columns)})
    groups = frame.with_row_index("row").group_by(frame.columns).agg("row").get_column("row")
    lengths = groups.list.len().to_numpy()
    ids = np.empty(frame.height, np.int64)
    ids[groups.explode().to_numpy()] = np.repeat(np.arange(len(groups)), lengths)
    return ids


def shared_rows(real: Table, holdout: Table) -> int:
    """How many rows of the holdout are also in the real table.

    Tables of a few categories share rows by nature; a holdout that was drawn from the training rows
    shares nearly all of them, and then every figure that compares with it is wrong.
    """
    ours, theirs = identify_rows([real, holdout])
    return int(np.isin(theirs, ours).sum())
