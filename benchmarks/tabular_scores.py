"""The figures of a synthetic table, all by `mintage.evaluation`, and those of fresh real rows beside them.

* `c2st_train`: as published: XGBoost with default parameters (`random_state=0`), three stratified folds, as
  many rows on each side as there are, one-hot categories as SDMetrics' detection has them; the score is
  1 - (2 max(.5, AUC) - 1). `c2st_holdout` is the same against the holdout, `c2st_matched` against as many
  training rows as the holdout has: compare these two, because fewer rows are harder to tell apart.
* `trend`: SDMetrics' way (each table's own bins); `trend_fixed`: both tables by the real table's bins.
* `tstr`, `trtr`: one boosted model trained on synthetic and on real rows, tested on the holdout; AUC or RMSE.
* privacy is measured by the 50/50 protocol: the generator learns one half, the other is the holdout.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
from tabular_sets import BenchmarkSet

from mintage.contracts import Semantics
from mintage.evaluation.detection import measure_detection
from mintage.evaluation.fidelity import ShapeAndTrend, measure_shape_and_trend
from mintage.evaluation.options import Options
from mintage.evaluation.privacy import measure_privacy
from mintage.evaluation.results import Detection, NotComputed
from mintage.evaluation.tables import Tables, align
from mintage.evaluation.utility import measure_utility

Figures = dict[str, float | None]


def score(data: BenchmarkSet, synthetic: pl.DataFrame, *, seed: int, threads: int) -> Figures:
    """Detection, shape, trend, utility and copies of rows that were learned from `data.train`."""
    options = _options(data, seed, threads)
    tables = align(_as(data.train, data), _as(synthetic, data), _as(data.holdout, data), options)
    return {
        **_detection(tables, options),
        **_fidelity(measure_shape_and_trend(tables, options)),
        **_utility(data, synthetic, options),
    }


def score_holdout(data: BenchmarkSet, *, seed: int, threads: int) -> Figures:
    """What fresh real rows score: the ceiling. `trtr` stands with the contestants."""
    options = _options(data, seed, threads)
    fresh = _as(data.holdout, data)
    tables = align(_as(data.train, data), fresh, None, options)
    found = measure_detection(tables, options)
    ceiling = _fidelity(measure_shape_and_trend(tables, options))
    return {"c2st_train": found.c2st_xgb if isinstance(found, Detection) else None, **ceiling}


def score_privacy(halves: BenchmarkSet, synthetic: pl.DataFrame, *, seed: int, threads: int) -> Figures:
    """DCR share, copies and membership advantage of rows learned from one half, the other as holdout."""
    options = _options(halves, seed, threads)
    tables = align(_as(halves.train, halves), _as(synthetic, halves), _as(halves.holdout, halves), options)
    found = measure_privacy(tables, options)
    share = found.distances.dcr_share if found.distances else None
    membership = found.membership.advantage if found.membership else None
    return {
        "dcr_share": share.value if share else None,
        "membership_advantage": membership.value if membership else None,
        "membership_low": membership.low if membership else None,
        "membership_high": membership.high if membership else None,
        "copies": found.copies.exact_share,
        "copies_holdout": found.copies.exact_share_holdout,
    }


def _options(data: BenchmarkSet, seed: int, threads: int) -> Options:
    kinds = {
        name: Semantics.CATEGORY if kind == "category" else Semantics.NUMERIC
        for name, kind in data.kinds.items()
    }
    return Options(target=data.roles.target, kinds=kinds, seed=seed, threads=threads)


def _as(frame: pl.DataFrame, data: BenchmarkSet) -> pa.Table:
    """Rows with all numbers as floats: a contestant's 39.4 years are not to be rounded on the way."""
    types = {name: pl.String if kind == "category" else pl.Float64 for name, kind in data.kinds.items()}
    return frame.select(pl.col(name).cast(type_) for name, type_ in types.items()).to_arrow()


def _detection(tables: Tables, options: Options) -> Figures:
    found = measure_detection(tables, options)
    if isinstance(found, NotComputed):
        return {}
    return {
        "c2st_train": found.c2st_xgb,
        "c2st_holdout": found.c2st_xgb_holdout,
        "c2st_matched": found.c2st_xgb_matched,
        "c2st_logistic": found.c2st_logistic,
    }


def _fidelity(found: ShapeAndTrend) -> Figures:
    errors = {
        "trend": found.trend_error,
        "trend_fixed": found.trend_error_fixed_edges,
        "shape": found.shape_error,
    }
    return {name: None if error is None else 1 - error / 100 for name, error in errors.items()}


def _utility(data: BenchmarkSet, synthetic: pl.DataFrame, options: Options) -> Figures:
    tables = [pl.DataFrame(_as(frame, data)) for frame in (data.train, synthetic, data.holdout)]
    if data.roles.log_target:
        target = pl.col(data.roles.target).clip(0).log1p()
        tables = [frame.with_columns(target) for frame in tables]
    real, made, holdout = (frame.to_arrow() for frame in tables)
    found = measure_utility(align(real, made, holdout, options), options)
    return {} if isinstance(found, NotComputed) else {"tstr": found.tstr, "trtr": found.trtr}


def mean_and_spread(values: list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation (0 of one value)."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
