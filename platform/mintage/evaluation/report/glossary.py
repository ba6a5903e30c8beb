"""The glossary: what each figure means, and which way is good."""

from __future__ import annotations

from mintage.evaluation.figures import FIGURES
from mintage.evaluation.report import cells
from mintage.evaluation.report.blocks import Section, Table

_TERMS = {
    "real": "The rows that the generator learned from (train).",
    "synthetic": "The rows that are evaluated.",
    "holdout": "Real rows that nothing learned from: what they score, fresh real rows would score.",
    "KS": "Kolmogorov-Smirnov distance: the greatest difference between cumulative distributions, 0 to 1.",
    "TVD": "Total variation distance: half the sum of the differences between two sets of shares, 0 to 1.",
    "AUC": "Area under the ROC curve: how often a classifier ranks a row of one kind above one of the other; "
    "0.5 is guessing.",
    "C2ST": "Classifier two-sample test: 1 − (2 max(0.5, AUC) − 1); 1 is best, 0 means always told apart.",
    "TSTR, TRTR": "Train on synthetic, test on real; train on real, test on real.",
    "risk": "(success − control) / (1 − control): what an attack gains from the rows that were learned from.",
    "95 % interval": "Repeated often, an interval made this way holds the true value 95 times in 100.",
}
_BEST = {"low": "lower", "high": "higher", "near 0.5": "near 0.5", "near 1": "near 1"}


def glossary_section() -> Section:
    """Terms, then every figure that a gate may name."""
    terms = Table(
        id="glossary-terms",
        caption="Terms",
        head=("Term", "Meaning"),
        rows=tuple((cells.word(term), cells.word(meaning)) for term, meaning in _TERMS.items()),
        numeric=(False, False),
    )
    figures = Table(
        id="glossary-figures",
        caption="Figures that gates may name",
        head=("Figure", "Better when", "Values", "Meaning"),
        rows=tuple(
            (
                cells.word(name),
                cells.word(_BEST[figure.best]),
                cells.word(figure.values),
                cells.word(figure.meaning),
            )
            for name, figure in FIGURES.items()
        ),
        numeric=(False, False, False, False),
    )
    return Section(
        id="glossary",
        title="Glossary",
        lead="What the figures mean, and which way is good.",
        blocks=(terms, figures),
    )
