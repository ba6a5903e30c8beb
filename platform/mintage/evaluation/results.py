"""What an evaluation says: the models behind `report.json`, one for each of its sections.

Shares and scores are in [0, 1] unless their name ends in `_error`, which is a percentage (100 x (1 - score)).
A section that could not be computed says why instead: `{"not_computed": "..."}`. A single figure that
could not be computed is null, and `notes` of its section says why.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class Result(BaseModel):
    """A frozen part of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NotComputed(Result):
    """A section that could not be computed, and why."""

    not_computed: str


class Interval(Result):
    """An estimate with its 95 % confidence interval."""

    value: float
    low: float
    high: float


# --- fidelity ------------------------------------------------------------------------------------


class Histogram(Result):
    """How a column is spread; shares of the non-missing rows, aligned bin by bin."""

    edges: list[float] | None = None
    """For a continuous column: n + 1 edges of n bins."""
    labels: list[str] | None = None
    """For a discrete column: n levels, the most frequent real ones first; the rest is `other`."""
    real: list[float]
    synthetic: list[float]
    other: tuple[float, float] | None = None
    """Share of the levels that `labels` leaves out: real, synthetic."""


class ColumnFidelity(Result):
    """One column: real (train) against synthetic, and against the holdout as the ceiling."""

    name: str
    kind: Literal["continuous", "discrete"]
    statistic: Literal["ks", "tvd"]
    score: float
    """1 - KS or 1 - total variation distance."""
    holdout_score: float | None = None
    missing_real: float
    missing_synthetic: float
    mean: tuple[float, float] | None = None
    """Real, synthetic; of continuous columns."""
    deviation: tuple[float, float] | None = None
    """Standard deviations: real, synthetic."""
    tails: tuple[float, float] | None = None
    """Shares of synthetic rows below the real 1 % and above the real 99 % quantile (ideal: .01 each)."""
    out_of_range: float | None = None
    """Share of synthetic values outside the real range (continuous), or of unknown levels (discrete)."""
    rare_real: float | None = None
    """Share of real rows whose level is held by fewer than 1 % of the rows (discrete)."""
    rare_synthetic: float | None = None
    """Share of synthetic rows with one of those levels."""
    drift: float | None = None
    """Greatest KS or TVD between a stretch of shards and all of them; None without shards."""
    histogram: Histogram


class PairFidelity(Result):
    """Two columns together."""

    left: str
    right: str
    kind: Literal["continuous", "discrete", "mixed"]
    score: float | None
    """SDMetrics' definition, each table cut by its own edges; None when it was not computed."""
    score_fixed_edges: float
    """The same with the real table's edges for both."""
    holdout_score_fixed_edges: float | None = None
    association_real: float | None = None
    """Pearson's r (continuous), Cramér's V (discrete), correlation ratio (mixed)."""
    association_synthetic: float | None = None


class Accuracy(Result):
    """1 - mean total variation distance on real deciles and the ten most frequent levels."""

    univariate: float
    bivariate: float | None = None
    trivariate: float | None = None


class Ceiling(Result):
    """What fresh real rows (the holdout) score against the same real table."""

    shape_error: float
    trend_error: float | None = None
    trend_error_fixed_edges: float | None = None
    accuracy: Accuracy | None = None
    weighted_nmi: float | None = None


class MissingPattern(Result):
    """A set of columns that are missing together, with its share of the rows."""

    columns: list[str]
    real: float
    synthetic: float


class Missingness(Result):
    """Which columns are missing together."""

    tvd: float
    """Total variation distance between the distributions of patterns."""
    patterns: list[MissingPattern]
    """The most frequent ones, at most 20."""


class Fidelity(Result):
    """How close the synthetic table is to the real one, column by column and pair by pair."""

    basis: str
    """Which rows were measured: `all rows`, or the counts folded while minting."""
    rows_real: int
    rows_synthetic: int
    shape_error: float
    trend_error: float | None
    trend_error_fixed_edges: float | None
    trend_error_associated: float | None = None
    """Over pairs with a real |r| above .5 or Cramér's V above .3 only: SDMetrics 0.32's default."""
    error_bound: float
    """Bound on the error of a shape or trend score (not percent) that folding adds; 0 when exact."""
    ceiling: Ceiling | None = None
    accuracy: Accuracy | None = None
    weighted_nmi: float | None = None
    """1 - weighted difference of normalised mutual information over pairs."""
    columns: list[ColumnFidelity]
    """The worst first."""
    pairs: list[PairFidelity]
    """The worst first, at most 20,000; the errors above are over `pair_count` pairs."""
    pair_count: int
    missingness: Missingness | None = None
    distinct_share_real: float | None = None
    """Distinct rows / rows, at the smaller of the two sizes."""
    distinct_share_synthetic: float | None = None
    top_row_share_real: float | None = None
    """Share of the most frequent row: a mode collapse shows here."""
    top_row_share_synthetic: float | None = None
    notes: list[str] = []


# --- detection and utility -----------------------------------------------------------------------


class Feature(Result):
    """A column and how much it says."""

    name: str
    importance: float
    """Share of the total gain; all columns add up to 1."""


class Detection(Result):
    """Can a classifier tell real from synthetic? Scores: 1 - (2 max(.5, AUC) - 1), 1 is best."""

    rows: int
    """Rows of each side."""
    c2st_xgb: float | None
    """Boosted trees, three folds, against the training rows."""
    c2st_xgb_holdout: float | None
    """The same against the holdout; lower than `c2st_xgb_matched` means overfitting."""
    c2st_xgb_matched: float | None = None
    """Against train with as many rows as the holdout test: what to compare `c2st_xgb_holdout` with."""
    rows_holdout: int | None = None
    """Rows of each side of these two."""
    c2st_logistic: float | None
    auc_xgb: Interval | None = None
    auc_xgb_holdout: Interval | None = None
    auc_xgb_matched: Interval | None = None
    features: list[Feature] = []
    """What gives the difference away, most important first."""
    notes: list[str] = []


class Utility(Result):
    """Train on synthetic, test on real (TSTR), beside train on real, test on real (TRTR)."""

    target: str
    task: Literal["binary", "multiclass", "regression"]
    metric: Literal["auc", "rmse"]
    tested_on: str
    """`holdout`, or what stood in for it."""
    rows: int | None = None
    """Rows that each model was trained on (the hybrid: on twice as many)."""
    rows_tested: int | None = None
    tstr: float | None
    trtr: float | None
    tstr_r2: float | None = None
    """Share of the variance explained, beside the RMSE of a regression."""
    trtr_r2: float | None = None
    hybrid: float | None = None
    """Trained on real and synthetic rows together."""
    importance_agreement: float | None = None
    """Spearman's rank correlation of the feature importances of the two models."""
    importances_real: list[Feature] = []
    importances_synthetic: list[Feature] = []
    notes: list[str] = []


# --- privacy -------------------------------------------------------------------------------------


class Copies(Result):
    """Synthetic rows that repeat real ones, beside the holdout's own rate against train."""

    exact: int
    exact_share: float
    exact_share_holdout: float | None = None
    near: int | None = None
    """Of the synthetic rows whose distances were measured: those no further from a training row than 1 % of
    the holdout's are; None without a holdout."""
    near_share: float | None = None
    near_share_holdout: float | None = None


class Distances(Result):
    """Distance to the closest real record, on full references; a smoke test, not evidence of privacy."""

    queries: int
    reference: int
    dcr_share: Interval | None
    """Share of synthetic rows closer to train than to the holdout, as of equally many rows; ideal .5."""
    dcr_median_train: float
    """From a synthetic row to the nearest training row."""
    dcr_median_holdout: float | None = None
    """From a holdout row to the nearest training row: what fresh rows measure."""
    nndr_median_train: float
    """Nearest over second nearest distance, from synthetic rows to training rows."""
    nndr_median_holdout: float | None = None
    """The same from holdout rows."""


class Attack(Result):
    """An attack with its control: success on training rows, on holdout rows, and by guessing."""

    name: str
    attempts: int
    success: Interval
    """Success rate against training rows."""
    control: Interval | None
    """Success rate of the same attack against rows that no model saw."""
    baseline: Interval | None = None
    """Success rate of guessing without the synthetic data."""
    risk: Interval | None
    """(success - control) / (1 - control), in [0, 1] (Anonymeter)."""
    detail: dict[str, float] = {}
    notes: list[str] = []


class Membership(Result):
    """Can one tell who was in the training data?"""

    members: int
    non_members: int
    advantage: Interval
    """Greatest of the attacks' max(TPR - FPR), cross-validated so that chance gives about 0."""
    auc: Interval
    tpr_at_fpr_1: float | None = None
    """True positive rate at 1 % false positives."""
    attacks: dict[str, Interval] = {}
    """AUC of each attack."""


class LedgerEntry(Result):
    """One step that looked at real rows."""

    step: str
    mechanism: str
    rows: int | None = None
    epsilon: float | None = None
    """Privacy spent; None when the step makes no claim."""


class Privacy(Result):
    """What the synthetic rows reveal of the real ones."""

    copies: Copies
    distances: Distances | None = None
    membership: Membership | None = None
    singling_out: Attack | None = None
    singling_out_multivariate: Attack | None = None
    linkability: Attack | None = None
    inference: list[Attack] = []
    """Attribute inference, a secret column each; the riskiest first."""
    ledger: list[LedgerEntry] = []
    claim: str = "none"
    """`none`, or the differential privacy that the ledger adds up to."""
    notes: list[str] = []


# --- fairness ------------------------------------------------------------------------------------


class Group(Result):
    """One value of a protected column (or of a pair of them)."""

    group: str
    share_real: float
    share_synthetic: float
    outcome_real: float | None = None
    """Share of the favourable outcome, or mean of a numeric target."""
    outcome_synthetic: float | None = None
    true_positive_rate_real: float | None = None
    """Of the model trained on real rows, on the holdout."""
    true_positive_rate_synthetic: float | None = None
    """Of the model trained on synthetic rows, on the holdout."""
    false_positive_rate_real: float | None = None
    false_positive_rate_synthetic: float | None = None


class ProtectedColumn(Result):
    """A protected column, or two crossed."""

    columns: list[str]
    representation_error: float
    """100 x total variation distance of the groups' shares."""
    parity_gap_real: float | None = None
    """Greatest difference of the outcome between groups."""
    parity_gap_synthetic: float | None = None
    equalised_odds_gap_real: float | None = None
    """Greatest difference of TPR or FPR between groups."""
    equalised_odds_gap_synthetic: float | None = None
    groups: list[Group]


class Fairness(Result):
    """Groups, their shares and outcomes."""

    target: str | None
    favourable: str | None = None
    protected: list[ProtectedColumn]
    balance: dict[str, tuple[float, float, float]] = {}
    """What `balance` asked for: value -> share real, asked, synthetic."""
    notes: list[str] = []


# --- collapse ------------------------------------------------------------------------------------


class ColumnCollapse(Result):
    """What is left of a column's spread and support; 1 is all of it."""

    name: str
    variance_retention: float | None = None
    """Synthetic variance / real variance (continuous), or ratio of entropies (discrete)."""
    tail_retention: float | None = None
    """Synthetic mass beyond the real 1 % and 99 % quantiles, or of the real levels below 1 %, / the real
    mass there."""
    support_coverage: float
    """Share of the real mass whose percentile bin (continuous) or level (discrete) occurs at all."""
    support_expected: float | None = None
    """What as many fresh real rows would cover, on average: the ceiling of `support_coverage`."""


class CollapseCeiling(Result):
    """The same figures for the holdout: what fresh real rows keep."""

    variance_retention: float | None
    tail_retention: float | None
    support_coverage: float
    distinct_share_ratio: float | None = None


class Collapse(Result):
    """Signs of model collapse, and how far the data is from real data."""

    variance_retention: float | None
    """Median over columns."""
    tail_retention: float | None
    support_coverage: float
    support_expected: float | None = None
    """Median over columns of what as many fresh real rows would cover."""
    distinct_share_ratio: float | None = None
    """Share of distinct rows, synthetic / real, at the smaller of the two sizes."""
    ceiling: CollapseCeiling | None = None
    generation: int | None = None
    """0 is real; None when lineage does not say."""
    real_fraction: float | None = None
    columns: list[ColumnCollapse]
    """The worst first."""
    notes: list[str] = []


# --- gates and the whole -------------------------------------------------------------------------


class GateResult(Result):
    """A threshold and what was measured."""

    figure: str
    value: float | None
    """None when the figure was not computed, which is not passed."""
    min: float | None = None
    max: float | None = None
    action: Literal["fail", "warn"] = "fail"
    """What a figure outside of the bounds was to do to the job."""
    status: Literal["pass", "warn", "fail"]
    reason: str


class TableFacts(Result):
    """A table as it was evaluated."""

    name: str
    rows: int
    columns: int


class ColumnFacts(Result):
    """How a column was understood."""

    name: str
    semantics: str
    kind: Literal["continuous", "discrete", "skipped"]
    reason: str = ""
    """Why it was skipped."""


class Verdict(Result):
    """The report in plain words."""

    status: Literal["pass", "warn", "fail", "ungated"]
    sentences: list[str]


class LearningCurve(Result):
    """What a network lost while it learned, at each look at the held-out rows."""

    unit: str
    """Of both losses, such as "nats per row"."""
    step: list[int]
    training_loss: list[float]
    held_out_loss: list[float]


class Training(Result):
    """How the model's network was trained, as its fit record tells."""

    steps: int
    best_step: int
    """After which the weights were kept."""
    stopped: str
    """Why it ended: "early", "max_seconds", "max_steps", or what the generator calls it."""
    learning_curve: LearningCurve


class Report(Result):
    """Everything: `report.json`."""

    format: Literal["mintage-report/1"] = "mintage-report/1"
    subject: str
    """Name of the data set, or of the two tables."""
    provenance: dict[str, str] = {}
    """run_id, root, model, generator, source and so on, as far as they are known."""
    real: TableFacts | None
    """The real (training) table; None when nothing was learned from."""
    synthetic: TableFacts
    holdout: TableFacts | None = None
    columns: list[ColumnFacts]
    warnings: list[str] = []
    """What a reader must know before any figure, such as a holdout that shares rows with train."""
    verdict: Verdict
    fidelity: Fidelity | NotComputed
    detection: Detection | NotComputed
    utility: Utility | NotComputed
    privacy: Privacy | NotComputed
    fairness: Fairness | NotComputed
    collapse: Collapse | NotComputed
    gates: list[GateResult] = []
    other_tables: dict[str, Fidelity | NotComputed] = {}
    """Fidelity of the tables that are not the root."""
    training: Training | None = None
    """None when the model was not trained step by step, or its fit does not tell."""
    seconds: dict[str, float] = {}
    """Wall time of each section; left out of what is signed."""
