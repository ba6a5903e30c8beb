"""The section on the training: the learning curve, and the numbers behind it."""

from __future__ import annotations

import numpy as np

from mintage.evaluation.report import cells
from mintage.evaluation.report.blocks import Plot, Section, Table, Text
from mintage.evaluation.report.charts import Series, lines
from mintage.evaluation.report.wording import count, number
from mintage.evaluation.results import LearningCurve, Training

_LEAD = (
    "The model saw real rows again and again; at each look at rows that were held out from it, its losses "
    "were noted. A held-out loss that rises while the other falls means that rows were learned by heart: the "
    "weights of the lowest one were kept."
)
_ENDS = {
    "early": "the held-out loss had stopped falling",
    "max_seconds": "the time allowed was used up",
    "max_steps": "the steps allowed were taken",
}
_ROWS = 25
"""Points that the table shows; report.json has all."""


def training_section(training: Training | None) -> tuple[Section, ...]:
    """Curve and table; nothing for a model that was not trained step by step."""
    if training is None:
        return ()
    ended = _ENDS.get(training.stopped, training.stopped)
    told = f"{count(training.steps)} steps, of which the best was {count(training.best_step)}; {ended}."
    curve = training.learning_curve
    blocks = (Text(text=told), _plot(curve, training.best_step), _table(curve, training.best_step))
    return (Section(id="training", title="How the model learned", lead=_LEAD, blocks=blocks),)


def _plot(curve: LearningCurve, best: int) -> Plot:
    first, last = curve.held_out_loss[0], curve.held_out_loss[-1]
    return Plot(
        title="Learning curve",
        alt=f"Loss by step. On held-out rows it goes from {number(first)} to {number(last)}, and is lowest, "
        f"{number(min(curve.held_out_loss))}, at step {count(best)}.",
        chart=lines(
            curve.step,
            [
                Series(name="Rows learned from", role="first", values=curve.training_loss),
                Series(name="Held-out rows", role="second", values=curve.held_out_loss),
            ],
            across_axis="Step",
            axis=f"Loss, {curve.unit}",
            mark=best,
            mark_text="kept",
        ),
    )


def _table(curve: LearningCurve, best: int) -> Table:
    chosen = set(np.linspace(0, len(curve.step) - 1, _ROWS).round().astype(int).tolist())
    chosen |= {place for place, step in enumerate(curve.step) if step == best}
    return Table(
        id="training-table",
        caption=f"Losses in {curve.unit}",
        head=("Step", "Rows learned from", "Held-out rows", "Remark"),
        rows=tuple(
            (
                cells.count(curve.step[place]),
                cells.number(curve.training_loss[place], 4),
                cells.number(curve.held_out_loss[place], 4),
                cells.word("kept" if curve.step[place] == best else ""),
            )
            for place in sorted(chosen)
        ),
        numeric=(True, True, True, False),
    )
