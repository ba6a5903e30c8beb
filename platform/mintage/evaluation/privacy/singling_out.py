"""Singling out: does a predicate that is true of one synthetic row isolate one real row?

Definitions as in Anonymeter (M. Giomi et al., A unified framework for quantifying privacy risk in
synthetic data, PoPETs 2023), with two differences: the rate is over the predicates that were made, also
when they are fewer than asked for; and where train and holdout differ in size, both are attacked at the
smaller size: what is expected on a random part of the larger table is computed, not simulated. (In a
larger table other predicates isolate a row; to guess from a smaller table how many would, as Anonymeter
does, finds risks that are not there when the holdout is a tenth of the source.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation.privacy.intervals import judge_attack
from mintage.evaluation.privacy.predicates import Predicates, Ranks, count_matches, is_single, rank_columns
from mintage.evaluation.privacy.rows import identify
from mintage.evaluation.results import Attack
from mintage.evaluation.tables import Tables

_CONDITIONS = 3
_BATCH = 4000
_MOST_TRIED = 100_000
_FEWEST = 10

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """The distinct rows of the tables as ranks, int32 [columns, rows] each."""

    real: Ranks
    synthetic: Ranks
    holdout: Ranks | None
    numeric: npt.NDArray[np.bool_]
    """Which columns are ordered."""


def rank_tables(tables: Tables) -> Ranked:
    """The tables as ranks, each row once."""
    ranked = []
    for ranks in rank_columns(tables):
        _, first = np.unique(identify(ranks), return_index=True)
        ranked.append(np.ascontiguousarray(ranks[:, np.sort(first)]))
    return Ranked(
        real=ranked[0],
        synthetic=ranked[1],
        holdout=ranked[2] if len(ranked) > 2 else None,
        numeric=np.array([column.kind == "continuous" for column in tables.real.columns]),
    )


def single_out_by_one(tables: Ranked, *, attempts: int, seed: int) -> Attack | None:
    """Predicates on one column: values that one synthetic row has, and the extremes."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 3]))
    made = _rare_values(tables).distinct()
    made = made.take(rng.permutation(len(made)))
    return _judge("singling out, univariate", made, tables, attempts, conditions=1, rng=rng)


def single_out_by_many(tables: Ranked, *, attempts: int, seed: int) -> Attack | None:
    """Predicates on three columns (fewer when there are fewer) of a synthetic row."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 4]))
    conditions = min(_CONDITIONS, len(tables.numeric))
    made = _records(tables, conditions, 0, rng)
    tried = 0
    while tried < _MOST_TRIED:
        more = _records(tables, conditions, _BATCH, rng)
        made = _join(made, more.take(np.flatnonzero(is_single(more, tables.synthetic)))).distinct()
        tried += _BATCH
        if len(made) >= attempts:
            break
    return _judge("singling out, multivariate", made, tables, attempts, conditions=conditions, rng=rng)


def _judge(
    name: str, made: Predicates, tables: Ranked, attempts: int, *, conditions: int, rng: np.random.Generator
) -> Attack | None:
    singles = made.take(np.flatnonzero(is_single(made, tables.synthetic))[:attempts])
    count = len(singles)
    if count < _FEWEST:
        return None
    guesses = _guesses(tables, count, conditions, rng)
    sizes = [table.shape[1] for table in (tables.real, tables.holdout) if table is not None]
    size = min(sizes)
    control = None
    if tables.holdout is not None:
        control = (_successes(singles, tables.holdout, size), float(count))
    notes = [f"only {count} of {attempts} predicates could be made"] if count < attempts else []
    return judge_attack(
        name,
        (_successes(singles, tables.real, size), float(count)),
        control,
        (_successes(guesses, tables.real, size), float(count)),
        detail={"columns": float(conditions), "rows": float(size)},
        notes=notes,
    )


def _rare_values(tables: Ranked) -> Predicates:
    """Conditions on the values that occur once, and on the least and the greatest number."""
    parts = []
    for column, ranks in enumerate(tables.synthetic):
        values, counts = np.unique(ranks, return_counts=True)
        once = values[counts == 1]
        low, high = [once], [once]
        if tables.numeric[column] and values[-1] > 0:
            known = values[values > 0]
            low.append(np.array([1, known[-1]], np.int32))
            high.append(np.array([known[0], np.iinfo(np.int32).max], np.int32))
        lows, highs = np.concatenate(low)[:, None], np.concatenate(high)[:, None]
        parts.append(
            Predicates(
                columns=np.full(lows.shape, column), low=lows, high=highs, negated=np.zeros(lows.shape, bool)
            )
        )
    made = parts[0]
    for part in parts[1:]:
        made = _join(made, part)
    return made


def _records(tables: Ranked, conditions: int, count: int, rng: np.random.Generator) -> Predicates:
    """Conditions that a random synthetic row meets: equal categories, numbers as extreme as its own."""
    columns = _columns(tables, conditions, count, rng)
    rows = rng.integers(0, tables.synthetic.shape[1], count)
    values = tables.synthetic[columns, rows[:, None]]
    medians = np.array([_median(ranks) for ranks in tables.synthetic])[columns]
    numeric = tables.numeric[columns] & (values > 0)
    above = numeric & (values > medians)
    low = np.where(numeric & ~above, 1, values).astype(np.int32)
    high = np.where(above, np.iinfo(np.int32).max, values).astype(np.int32)
    return Predicates(columns=columns, low=low, high=high, negated=np.zeros(columns.shape, bool))


def _guesses(tables: Ranked, count: int, conditions: int, rng: np.random.Generator) -> Predicates:
    """Random conditions: a value that occurs, and one of = and !=, for numbers also <, <=, > and >=."""
    columns = _columns(tables, conditions, count, rng)
    values = np.empty(columns.shape, np.int32)
    for column, ranks in enumerate(tables.synthetic):
        here = columns == column
        values[here] = rng.choice(np.unique(ranks), int(here.sum()))
    ordered = tables.numeric[columns] & (values > 0)
    operator = np.where(ordered, rng.integers(0, 6, columns.shape), rng.integers(0, 2, columns.shape))
    greatest = np.iinfo(np.int32).max
    absent = (values == 0) & (operator == 1)  # "is not missing" is the interval of all ranks
    low = np.select([operator >= 4, operator >= 2, absent], [values + (operator == 4), 1, 1], values)
    high = np.select(
        [operator >= 4, operator >= 2, absent], [greatest, values - (operator == 2), greatest], values
    )
    return Predicates(
        columns=columns,
        low=low.astype(np.int32),
        high=high.astype(np.int32),
        negated=(operator == 1) & ~absent,
    )


def _columns(tables: Ranked, conditions: int, count: int, rng: np.random.Generator) -> Counts:
    """int64 [count, conditions]: different random columns, ascending."""
    order = rng.random((count, len(tables.numeric))).argsort(axis=1)
    return np.sort(order[:, :conditions], axis=1).astype(np.int64)


def _median(ranks: Ranks) -> float:
    known = ranks[ranks > 0]
    return float(np.median(known)) if len(known) else 0.0


def _join(one: Predicates, other: Predicates) -> Predicates:
    return Predicates(
        columns=np.concatenate([one.columns, other.columns]),
        low=np.concatenate([one.low, other.low]),
        high=np.concatenate([one.high, other.high]),
        negated=np.concatenate([one.negated, other.negated]),
    )


def _successes(predicates: Predicates, table: Ranks, size: int) -> float:
    return successes_at(count_matches(predicates, table), table.shape[1], size)


def successes_at(matches: Counts, rows: int, size: int) -> float:
    """How many predicates are expected to be true of exactly one row of a random part of `size` rows.

    `matches` says of how many rows each is true in the table of `rows`, which is at least `size`. The
    number of them in the part has a hypergeometric distribution.
    """
    if size == rows:
        return float((matches == 1).sum())
    levels, counts = np.unique(matches[matches > 0], return_counts=True)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, rows + 1)))])
    others, outside = rows - levels, rows - levels - size + 1  # rows without a match, of them not drawn
    possible = outside >= 0
    chances = np.log(levels) + logs[others] - logs[size - 1] - logs[np.where(possible, outside, 0)]
    chances -= logs[rows] - logs[size] - logs[rows - size]
    return float(np.where(possible, np.exp(chances), 0.0) @ counts)
