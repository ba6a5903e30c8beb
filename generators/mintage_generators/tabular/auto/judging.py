"""The judge: how well a trial's rows pass for fresh real ones, and whether they are too near to old ones.

All figures are those of `mintage.evaluation`: boosted trees that tell synthetic rows from real ones (C2ST),
against held-out rows and against as many of those learned from, the trend error, and the share of rows
that are closer to a row learned from than to a held-out one (DCR).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
from pydantic import JsonValue

from mintage.contracts import Model, SampleRequest
from mintage.errors import GenerationError
from mintage.evaluation.detection import measure_detection
from mintage.evaluation.fidelity import measure_shape_and_trend
from mintage.evaluation.options import Options
from mintage.evaluation.privacy.distances import measure_distances
from mintage.evaluation.privacy.space import Space
from mintage.evaluation.results import Detection, Interval
from mintage.evaluation.tables import Tables, align
from mintage_generators.tabular.auto.trial_rows import TrialRows

CLOSEST = 0.55
"""DCR share above which, by its whole interval, rows count as too near to those learned from."""
WIDEST_GAP = 0.05
"""How much harder rows may be to tell from rows learned than from held-out ones (AUC)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Figures of one trial."""

    auc: Interval
    """Of trees that tell its rows from held-out ones: .5 is best."""
    auc_learned: Interval
    """The same against as many rows that it learned from."""
    dcr_share: Interval
    trend_error: float | None
    """With fixed edges, against the rows learned from; in percent. For information."""
    nats: float | None
    """Held-out nats per row by its own account; None when it has none."""

    @property
    def gap(self) -> float:
        """AUC against held-out rows less AUC against rows learned: above 0 is overfitting."""
        return self.auc.value - self.auc_learned.value

    @property
    def too_near(self) -> bool:
        """Whether the rows are nearer to those learned from than chance explains."""
        apart = self.auc.low > self.auc_learned.high
        return self.dcr_share.low > CLOSEST or (apart and self.gap > WIDEST_GAP)

    def to_json(self) -> dict[str, JsonValue]:
        """The figures for the fit record, rounded to what their rows can tell."""
        return {
            "auc_held_out": _three(self.auc),
            "auc_learned": _three(self.auc_learned),
            "overfitting_gap": round(self.gap, 4),
            "dcr_share": _three(self.dcr_share),
            "trend_error": None if self.trend_error is None else round(self.trend_error, 3),
            "held_out_nats_per_row": self.nats,
            "too_near": self.too_near,
        }

    def describe(self) -> str:
        """The figures in a line."""
        nats = "" if self.nats is None else f", {self.nats:.3f} nats a row"
        return (
            f"AUC against held-out rows {self.auc.value:.3f} [{self.auc.low:.3f}, {self.auc.high:.3f}], "
            f"against rows learned {self.auc_learned.value:.3f}, DCR share {self.dcr_share.value:.3f}{nats}"
        )


def _three(interval: Interval) -> list[JsonValue]:
    return [round(part, 4) for part in (interval.value, interval.low, interval.high)]


def judge(model: Model, rows: TrialRows, *, seed: int, threads: int) -> Judgement:
    """Draw as many rows as are held out, and measure them.

    Raises `SpecError` when no column can be measured, `GenerationError` when the model makes too few rows.
    """
    options = Options(seed=seed, threads=threads, kinds=rows.kinds)
    synthetic = _draw(model, rows.held_out.num_rows, seed)
    columns = _judged(model)
    learned, made, held_out = (table.select(columns) for table in (rows.learned, synthetic, rows.held_out))
    tables = align(learned, made, held_out, options)
    detection = _detect(tables, options)
    assert detection.auc_xgb is not None
    assert detection.auc_xgb_holdout is not None
    return Judgement(
        auc=detection.auc_xgb_holdout,
        auc_learned=detection.auc_xgb,
        dcr_share=_closeness(tables, options),
        trend_error=measure_shape_and_trend(tables, options).trend_error_fixed_edges,
        nats=_own_nats(model.fit_record),
    )


def _judged(model: Model) -> list[str]:
    """The columns that the model learned: keys and fakes of personal data are made up, and look it."""
    made_up = model.fit_record.get("made_up")
    groups = made_up.values() if isinstance(made_up, Mapping) else ()
    left_out = {name for group in groups if isinstance(group, Mapping) for name in group}
    return [name for name in model.schema.root_table.names if name not in left_out]


def _draw(model: Model, rows: int, seed: int) -> pa.Table:
    batches = model.sample(SampleRequest(seed=seed, shard=0, batch=0, rows=rows, first_key=0))
    made = [batch for table, batch in batches if table == model.schema.root]
    table = pa.Table.from_batches(made) if made else pa.table({})
    if table.num_rows != rows:
        raise GenerationError(f"the model made {table.num_rows} rows instead of {rows}", "report this")
    return table


def _detect(tables: Tables, options: Options) -> Detection:
    """With equally many rows on all sides, so that the AUCs can be compared."""
    learned = tables.real.sample(tables.synthetic.rows, options.seed)
    detection = measure_detection(replace(tables, real=learned), options)
    if not isinstance(detection, Detection):
        raise GenerationError(f"the trial cannot be judged: {detection.not_computed}", "give more rows")
    return detection


def _closeness(tables: Tables, options: Options) -> Interval:
    assert tables.holdout is not None
    space = Space.of(tables)
    synthetic, learned, held_out = (
        space.points(table, mismatch=2.0) for table in (tables.synthetic, tables.real, tables.holdout)
    )
    # No holdout rows are asked in their turn: what fresh rows measure is not needed here.
    found = measure_distances(
        synthetic, learned, held_out, rows=1, seed=options.seed, threads=options.threads
    ).distances
    assert found.dcr_share is not None
    return found.dcr_share


def _own_nats(record: Mapping[str, object]) -> float | None:
    """The best held-out loss that a fit record tells, in nats per row."""
    curve = record.get("learning_curve")
    told = curve.get("held_out_loss") if isinstance(curve, Mapping) else None
    values = [float(v) for v in told if isinstance(v, int | float)] if isinstance(told, list) else []
    return min(values, default=None)
