"""The figures that have short names: what they mean, which values are good, where a report has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from mintage.evaluation.figure_paths import read_number
from mintage.evaluation.options import Metric
from mintage.evaluation.results import (
    Collapse,
    Detection,
    Fairness,
    Fidelity,
    Privacy,
    Result,
    Utility,
)

SECTIONS: Mapping[Metric, type[Result]] = {
    "fidelity": Fidelity,
    "detection": Detection,
    "utility": Utility,
    "privacy": Privacy,
    "fairness": Fairness,
    "collapse": Collapse,
}
"""The model of each section of a report."""

_PERCENT = "0 to 100"
_SHARE = "0 to 1"
_COUNT = "0 or more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number of a report, and how to read it."""

    section: Metric
    path: str
    """Where it stands in its section; `*` takes the greatest of a list, `~` says that it is computed."""
    best: Literal["low", "high", "near 0.5", "near 1"]
    """Which values are good."""
    values: str
    """What values are possible."""
    meaning: str
    compute: Callable[[Result], float | None] | None = None
    """Computes it from the section, where no single place holds it."""

    def read(self, section: Result) -> float | None:
        """The figure in a section that was computed; None when the figure was not."""
        if self.compute is not None:
            return self.compute(section)
        return read_number(section, self.path.split("."))


SectionT = TypeVar("SectionT", bound=Result)


def _of(
    kind: type[SectionT], compute: Callable[[SectionT], float | None]
) -> Callable[[Result], float | None]:
    """`compute` for any section, which must be of that kind."""

    def read(section: Result) -> float | None:
        if not isinstance(section, kind):
            raise TypeError(f"a {kind.__name__} is needed, not a {type(section).__name__}")
        return compute(section)

    return read


def _utility_loss(utility: Utility) -> float | None:
    """What training on synthetic rows costs, whichever metric the task has."""
    if utility.tstr is None or utility.trtr is None:
        return None
    if utility.metric == "auc":
        return utility.trtr - utility.tstr
    if utility.trtr == 0:
        # A model without any error cannot be compared in relative terms, but with its equal it can.
        return 0.0 if utility.tstr == 0 else None
    return utility.tstr / utility.trtr - 1


def _exact_excess(privacy: Privacy) -> float | None:
    copies = privacy.copies
    return _difference(copies.exact_share, copies.exact_share_holdout)


def _near_excess(privacy: Privacy) -> float | None:
    copies = privacy.copies
    return _difference(copies.near_share, copies.near_share_holdout)


def _difference(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left - right


FIGURES: Mapping[str, Figure] = {
    "shape_error": Figure(
        section="fidelity",
        path="shape_error",
        best="low",
        values=_PERCENT,
        meaning="mean distance between real and synthetic columns, one at a time, in percent",
    ),
    "trend_error": Figure(
        section="fidelity",
        path="trend_error",
        best="low",
        values=_PERCENT,
        meaning="mean distance between pairs of columns by SDMetrics' definition, in percent",
    ),
    "trend_error_fixed_edges": Figure(
        section="fidelity",
        path="trend_error_fixed_edges",
        best="low",
        values=_PERCENT,
        meaning="the same with both tables cut at the real table's edges, in percent",
    ),
    "weighted_nmi": Figure(
        section="fidelity",
        path="weighted_nmi",
        best="high",
        values=_SHARE,
        meaning="how well the strength of dependence between columns is kept",
    ),
    "accuracy": Figure(
        section="fidelity",
        path="accuracy.univariate",
        best="high",
        values=_SHARE,
        meaning="1 - mean total variation distance of single columns on real deciles and frequent levels",
    ),
    "accuracy_bivariate": Figure(
        section="fidelity",
        path="accuracy.bivariate",
        best="high",
        values=_SHARE,
        meaning="the same of pairs of columns",
    ),
    "accuracy_trivariate": Figure(
        section="fidelity",
        path="accuracy.trivariate",
        best="high",
        values=_SHARE,
        meaning="the same of three columns at a time",
    ),
    "missingness_tvd": Figure(
        section="fidelity",
        path="missingness.tvd",
        best="low",
        values=_SHARE,
        meaning="distance between the patterns of values that are missing together",
    ),
    "c2st_xgb": Figure(
        section="detection",
        path="c2st_xgb",
        best="high",
        values=_SHARE,
        meaning="how little boosted trees can tell synthetic rows from training rows",
    ),
    "c2st_xgb_holdout": Figure(
        section="detection",
        path="c2st_xgb_holdout",
        best="high",
        values=_SHARE,
        meaning="the same against real rows that no model saw",
    ),
    "c2st_xgb_matched": Figure(
        section="detection",
        path="c2st_xgb_matched",
        best="high",
        values=_SHARE,
        meaning="`c2st_xgb` on as many rows as the holdout has; above `c2st_xgb_holdout` is overfitting",
    ),
    "c2st_logistic": Figure(
        section="detection",
        path="c2st_logistic",
        best="high",
        values=_SHARE,
        meaning="how little a logistic regression can tell them from training rows",
    ),
    "tstr": Figure(
        section="utility",
        path="tstr",
        best="high",
        values="AUC: 0 to 1; RMSE: 0 or more",
        meaning="train on synthetic, test on real; an RMSE is best when it is low",
    ),
    "trtr": Figure(
        section="utility",
        path="trtr",
        best="high",
        values="AUC: 0 to 1; RMSE: 0 or more",
        meaning="train on real, test on real: the yardstick of `tstr`",
    ),
    "utility_loss": Figure(
        section="utility",
        path="~",
        best="low",
        values="below 0 when synthetic rows train better",
        meaning="what training on synthetic rows costs. AUC: `trtr - tstr`; RMSE: `tstr / trtr - 1`",
        compute=_of(Utility, _utility_loss),
    ),
    "exact_copies": Figure(
        section="privacy",
        path="copies.exact",
        best="low",
        values=_COUNT,
        meaning="synthetic rows that repeat a training row; frequent rows are repeated by chance",
    ),
    "exact_share": Figure(
        section="privacy",
        path="copies.exact_share",
        best="low",
        values=_SHARE,
        meaning="share of the synthetic rows that repeat a training row",
    ),
    "exact_share_excess": Figure(
        section="privacy",
        path="~",
        best="low",
        values="-1 to 1",
        meaning="the same, less the share of the holdout's rows that do",
        compute=_of(Privacy, _exact_excess),
    ),
    "near_share": Figure(
        section="privacy",
        path="copies.near_share",
        best="low",
        values=_SHARE,
        meaning="share of the synthetic rows that are closer to a training row than 1 % of the holdout's are",
    ),
    "near_share_excess": Figure(
        section="privacy",
        path="~",
        best="low",
        values="-1 to 1",
        meaning="the same, less the share of the holdout's rows that are",
        compute=_of(Privacy, _near_excess),
    ),
    "dcr_share": Figure(
        section="privacy",
        path="distances.dcr_share.value",
        best="near 0.5",
        values=_SHARE,
        meaning="share of the synthetic rows that are closer to the training rows than to the holdout",
    ),
    "membership_advantage": Figure(
        section="privacy",
        path="membership.advantage.value",
        best="low",
        values="-1 to 1",
        meaning="how much better than chance the best attack tells who was in the training data",
    ),
    "membership_auc": Figure(
        section="privacy",
        path="membership.auc.value",
        best="near 0.5",
        values=_SHARE,
        meaning="AUC of that attack",
    ),
    "singling_out_risk": Figure(
        section="privacy",
        path="singling_out.risk.value",
        best="low",
        values=_SHARE,
        meaning="risk that one value of a synthetic row singles out a person, over the control's",
    ),
    "singling_out_multivariate_risk": Figure(
        section="privacy",
        path="singling_out_multivariate.risk.value",
        best="low",
        values=_SHARE,
        meaning="risk that several values together do",
    ),
    "linkability_risk": Figure(
        section="privacy",
        path="linkability.risk.value",
        best="low",
        values=_SHARE,
        meaning="risk that synthetic rows link two halves of a person's record",
    ),
    "inference_risk": Figure(
        section="privacy",
        path="inference.*.risk.value",
        best="low",
        values=_SHARE,
        meaning="risk that a secret is inferred from the other columns; of the riskiest secret",
    ),
    "representation_error": Figure(
        section="fairness",
        path="protected.*.representation_error",
        best="low",
        values=_PERCENT,
        meaning="distance between the groups' shares, in percent; of the worst protected column",
    ),
    "parity_gap": Figure(
        section="fairness",
        path="protected.*.parity_gap_synthetic",
        best="low",
        values="0 to 1, or in units of a numeric target",
        meaning="greatest difference of the outcome between groups of synthetic rows; of the worst column",
    ),
    "equalised_odds_gap": Figure(
        section="fairness",
        path="protected.*.equalised_odds_gap_synthetic",
        best="low",
        values=_SHARE,
        meaning="greatest difference of error rates between groups, of a model trained on synthetic rows; "
        "of the worst column",
    ),
    "variance_retention": Figure(
        section="collapse",
        path="variance_retention",
        best="near 1",
        values=_COUNT,
        meaning="what is left of the columns' variance or entropy; median over the columns",
    ),
    "tail_retention": Figure(
        section="collapse",
        path="tail_retention",
        best="near 1",
        values=_COUNT,
        meaning="what is left of the columns' tails and rare levels; median over the columns",
    ),
    "support_coverage": Figure(
        section="collapse",
        path="support_coverage",
        best="high",
        values=_SHARE,
        meaning="share of the real values' ranges and levels that occur, by mass",
    ),
    "distinct_share_ratio": Figure(
        section="collapse",
        path="distinct_share_ratio",
        best="near 1",
        values=_COUNT,
        meaning="share of distinct rows, synthetic over real; low when few rows are repeated often",
    ),
    "generation": Figure(
        section="collapse",
        path="generation",
        best="low",
        values=_COUNT,
        meaning="how many models lie between the rows and real data, as far as lineage says; 0 is real",
    ),
    "real_fraction": Figure(
        section="collapse",
        path="real_fraction",
        best="high",
        values=_SHARE,
        meaning="share of real rows in what was learned from, as far as lineage says",
    ),
}
"""The figures with short names, in the order of a report's sections."""


def figures_table() -> str:
    """All figures with short names as a Markdown table, for the documentation."""
    rows = [
        f"| `{name}` | {figure.section} | {figure.best} | {figure.values} | {figure.meaning} |"
        for name, figure in FIGURES.items()
    ]
    return (
        "\n".join(["| figure | section | best | values | meaning |", "|---|---|---|---|---|", *rows]) + "\n"
    )
