"""Rows as a person, or a program, reads them."""

from __future__ import annotations

import polars as pl
import pyarrow as pa


def to_json(table: pa.Table) -> list[dict[str, object]]:
    """The rows as mappings; what is not a number becomes null, as JSON has no NaN."""
    frame = _frame(table)
    return frame.with_columns(pl.selectors.float().fill_nan(None)).to_dicts()


def to_text(name: str, table: pa.Table) -> str:
    """The rows as a table of text, all columns, long values cut."""
    with pl.Config(
        tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, tbl_formatting="NOTHING", fmt_str_lengths=24
    ):
        return f"{name} ({table.num_rows} rows)\n{_frame(table)}"


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame
