"""The sections on classifiers: can one tell the rows apart, and can one learn from them."""

from __future__ import annotations

from collections.abc import Sequence

from mintage.evaluation.report import cells
from mintage.evaluation.report.blocks import Block, Cell, Plot, Section, Table, not_computed, notes
from mintage.evaluation.report.charts import Role, Series, bars, dots
from mintage.evaluation.report.wording import count, number, score, share
from mintage.evaluation.results import Detection, Feature, Interval, NotComputed, Utility

_DETECTION_LEAD = (
    "Can a classifier tell synthetic rows from real ones? An AUC of 0.5 is guessing, which is best; 1 is "
    "certainty. The score C2ST turns that round: 1 is best."
)
_SHORT = ("Boosted trees, from", "From")
_UTILITY_LEAD = (
    "What a model learns from synthetic rows, tested on real ones (TSTR), beside a model that learned from "
    "real rows (TRTR)."
)


def detection_section(detection: Detection | NotComputed) -> Section:
    """Whether boosted trees and a logistic regression tell real from synthetic."""
    if isinstance(detection, NotComputed):
        remedy = (
            "Ask for detection (metrics), with enough rows of both tables for a classifier to learn from."
        )
        blocks = not_computed(detection.not_computed, remedy)
        return Section(id="detection", title="Detection", lead=_DETECTION_LEAD, blocks=blocks)
    blocks = (*_told_apart(detection), *_features(detection), *notes(detection.notes))
    return Section(id="detection", title="Detection", lead=_DETECTION_LEAD, blocks=blocks)


def _told_apart(detection: Detection) -> Sequence[Block]:
    rows: list[tuple[str, float | None, Interval | None, int | None]] = [
        ("Boosted trees, from training rows", detection.c2st_xgb, detection.auc_xgb, detection.rows),
        (
            "Boosted trees, from as many training rows as holdout rows",
            detection.c2st_xgb_matched,
            detection.auc_xgb_matched,
            detection.rows_holdout,
        ),
        (
            "Boosted trees, from holdout rows",
            detection.c2st_xgb_holdout,
            detection.auc_xgb_holdout,
            detection.rows_holdout,
        ),
        ("Logistic regression, from training rows", detection.c2st_logistic, None, detection.rows),
    ]
    told = [row for row in rows if row[1] is not None]
    table = Table(
        id="detection-table",
        caption="Classifiers that tell synthetic rows …",
        head=(
            "Classifier",
            "C2ST (1 is best)",
            "AUC (0.5 is best)",
            "95 % low",
            "95 % high",
            "Rows of each side",
        ),
        rows=tuple(_classifier_row(*row) for row in told),
        numeric=(False, True, True, True, True, True),
    )
    known = [(label.replace(*_SHORT), auc) for label, _, auc, _ in told if auc is not None]
    return (
        (auc_plot("How well boosted trees tell synthetic rows from real ones", known), table)
        if known
        else (table,)
    )


def _classifier_row(
    label: str, c2st: float | None, auc: Interval | None, rows: int | None
) -> tuple[Cell, ...]:
    return (
        cells.word(label),
        cells.score(c2st),
        *(cells.score(value) for value in ((auc.value, auc.low, auc.high) if auc else (None, None, None))),
        cells.count(rows),
    )


def auc_plot(title: str, known: Sequence[tuple[str, Interval]]) -> Plot:
    """AUCs with their intervals, beside guessing."""
    told = "; ".join(
        f"{label}: {score(auc.value)} ({score(auc.low)} to {score(auc.high)})" for label, auc in known
    )
    return Plot(
        title=title,
        alt=f"AUC with 95 % intervals. {told}. Guessing is 0.5.",
        chart=dots(
            [label for label, _ in known],
            [
                Series(
                    name="AUC",
                    role="neutral",
                    values=[auc.value for _, auc in known],
                    intervals=[auc for _, auc in known],
                )
            ],
            axis="AUC with 95 % interval",
            mark=0.5,
            mark_text="guessing",
        ),
    )


def _features(detection: Detection) -> Sequence[Block]:
    if not detection.features:
        return ()
    first = detection.features[0]
    plot = Plot(
        title="What gives the difference away",
        alt=f"Importance of columns to the classifier; first is {first.name} with {share(first.importance)}.",
        chart=bars(
            [feature.name for feature in detection.features],
            [
                Series(
                    name="Importance",
                    role="neutral",
                    values=[feature.importance for feature in detection.features],
                )
            ],
            axis="Share of the total gain",
        ),
    )
    return (plot,)


def utility_section(utility: Utility | NotComputed) -> Section:
    """What a model trained on the synthetic rows is worth."""
    if isinstance(utility, NotComputed):
        remedy = "Name the column that a model should predict, with --target or `target` in the spec."
        blocks = not_computed(utility.not_computed, remedy)
        return Section(id="utility", title="Usefulness", lead=_UTILITY_LEAD, blocks=blocks)
    blocks = (_trained(utility), _trained_table(utility), *_importances(utility), *notes(utility.notes))
    return Section(id="utility", title="Usefulness", lead=_UTILITY_LEAD, blocks=blocks)


def _models(utility: Utility) -> list[tuple[str, float]]:
    models = (
        ("Trained on real rows (TRTR)", utility.trtr),
        ("Trained on synthetic rows (TSTR)", utility.tstr),
        ("Trained on both (hybrid)", utility.hybrid),
    )
    return [(label, value) for label, value in models if value is not None]


def _trained(utility: Utility) -> Plot:
    models = _models(utility)
    auc = utility.metric == "auc"
    told = "; ".join(f"{label}: {score(value) if auc else number(value)}" for label, value in models)
    roles: dict[str, Role] = {
        "Trained on real rows (TRTR)": "real",
        "Trained on synthetic rows (TSTR)": "synthetic",
    }
    return Plot(
        title=f"Predicting {utility.target}, tested on real rows",
        alt=f"{'AUC, higher is better' if auc else 'Root mean squared error, lower is better'}. {told}.",
        chart=bars(
            [label for label, _ in models],
            [
                Series(
                    name=label,
                    role=roles.get(label, "holdout"),
                    values=[value if other == label else None for other, _ in models],
                )
                for label, value in models
            ],
            axis="AUC; 0.5 is guessing, 1 is best" if auc else "Root mean squared error; 0 is best",
            base=0.5 if auc and all(value >= 0.5 for _, value in models) else 0.0,
        ),
        named=True,
    )


def _trained_table(utility: Utility) -> Table:
    form = cells.score if utility.metric == "auc" else cells.number
    rows = [(cells.word(label), form(value)) for label, value in _models(utility)]
    for label, explained in (("real", utility.trtr_r2), ("synthetic", utility.tstr_r2)):
        if explained is not None:
            rows.append(
                (cells.word(f"Variance explained, trained on {label} rows (R²)"), cells.score(explained))
            )
    if utility.importance_agreement is not None:
        agreement = "Agreement of the two models on what matters (Spearman, 1 is best)"
        rows.append((cells.word(agreement), cells.number(utility.importance_agreement)))
    task = {"binary": "two classes", "multiclass": "several classes", "regression": "a number"}[utility.task]
    return Table(
        id="utility-table",
        caption=f"Models that predict {utility.target} ({task}), tested on {_tested_on(utility)}",
        head=("Model", "AUC" if utility.metric == "auc" else "Root mean squared error"),
        rows=tuple(rows),
        numeric=(False, True),
    )


def _tested_on(utility: Utility) -> str:
    rows = "" if utility.rows_tested is None else f" ({count(utility.rows_tested)} rows)"
    trained = "" if utility.rows is None else f"; each trained on {count(utility.rows)} rows"
    return f"{utility.tested_on}{rows}{trained}"


def _importances(utility: Utility) -> Sequence[Block]:
    if not utility.importances_real:
        return ()
    synthetic = {feature.name: feature.importance for feature in utility.importances_synthetic}
    ranked: list[Feature] = sorted(utility.importances_real, key=lambda feature: -feature.importance)
    first = ranked[0]
    plot = Plot(
        title="What the two models look at",
        alt=f"Importances to the models trained on real and on synthetic rows; first is {first.name}: "
        f"{share(first.importance)} and {share(synthetic.get(first.name, 0.0))}.",
        chart=bars(
            [feature.name for feature in ranked],
            [
                Series(name="Trained on real", role="real", values=[one.importance for one in ranked]),
                Series(
                    name="Trained on synthetic",
                    role="synthetic",
                    values=[synthetic.get(one.name) for one in ranked],
                ),
            ],
            axis="Share of the total gain",
        ),
    )
    return (plot,)
