"""Learning every column of a table in the way that its role asks for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from mintage.errors import SourceError
from mintage_generators.tabular.codec.column import plain
from mintage_generators.tabular.codec.config import CodecConfig
from mintage_generators.tabular.codec.fakes import FakeColumn
from mintage_generators.tabular.codec.fakes_fit import fit_fakes
from mintage_generators.tabular.codec.fit import FittedColumn, fit_column, fitted
from mintage_generators.tabular.codec.keys import fit_key
from mintage_generators.tabular.codec.roles import Columns, key_type
from mintage_generators.tabular.codec.subjects import Subject


def fit_columns(
    columns: Columns, rows: pa.Table, config: CodecConfig, rng: np.random.Generator
) -> tuple[list[FittedColumn], tuple[Subject, ...]]:
    """The learned columns of `rows` in order, and whose identifiers the personal ones are."""
    personal = {i: plain(rows.column(i)) for i in columns.personal}
    fakes: dict[int, FakeColumn] = {}
    subjects: tuple[Subject, ...] = ()
    if personal:
        fakes, subjects = fit_fakes(
            columns.table.names,
            personal,
            columns.personal,
            locale=config.personal.locale,
            min_support=config.min_support,
            rng=rng,
        )
    found = []
    for i, name in enumerate(columns.table.names):
        role, data = columns.roles[i], rows.column(i)
        if i in fakes:
            found.append(fitted(fakes[i], personal[i]))
        elif role == "key":
            found.append(_fit_key(name, plain(data), config, rng))
        else:
            found.append(fit_column(name, data, config, None if role == "learned" else role))
    return found, subjects


def _fit_key(name: str, array: pa.Array, config: CodecConfig, rng: np.random.Generator) -> FittedColumn:
    column = fit_key(name, array, key_type(array.type), config.min_support, rng)
    if column is not None:
        return fitted(column, array)
    if name not in config.columns:
        return fit_column(name, pa.chunked_array([array]), config)
    raise SourceError(
        f"column {name!r} is said to be a key, but its values have no pattern to make new ones by",
        f"leave it out (exclude: [{name}]), or give keys of letters and digits at fixed places",
    )
