"""What fit records tell of a training, and how a report shows it."""

from __future__ import annotations

import pytest

from mintage.evaluation.report.page import make_page
from mintage.evaluation.training import read_training
from tests.unit.evaluation.report.sample_reports import make_report

CURVE = {"unit": "nats", "step": [1, 2], "training_loss": [3.0, 2.0], "held_out_loss": [3.5, 2.5]}
RECORD = {"rows_seen": 9, "steps": 2, "best_step": 2, "stopped": "early", "learning_curve": CURVE}


def test_a_fit_record_with_a_curve_is_read() -> None:
    training, why = read_training(RECORD)
    assert why == ""
    assert training is not None
    assert training.learning_curve.held_out_loss == [3.5, 2.5]


EMPTY = {"unit": "nats", "step": [], "training_loss": [], "held_out_loss": []}


@pytest.mark.parametrize(
    "record",
    [{}, {"steps": 3}, {**RECORD, "learning_curve": EMPTY}],
    ids=["empty", "no curve", "no point"],
)
def test_a_fit_record_without_a_curve_is_no_matter(record: dict[str, object]) -> None:
    assert read_training(record) == (None, "")


@pytest.mark.parametrize(
    "curve",
    [
        [1, 2],
        {**CURVE, "step": [1]},
        {**CURVE, "step": "1, 2"},
        {**CURVE, "extra": 1},
        {**CURVE, "step": [0] * 20_000, "training_loss": [0.0] * 20_000, "held_out_loss": [0.0] * 20_000},
    ],
    ids=["a list", "lists of two lengths", "text", "another key", "too long"],
)
def test_a_curve_in_another_form_is_left_out_with_a_warning(curve: object) -> None:
    training, why = read_training({**RECORD, "learning_curve": curve})
    assert training is None
    assert "cannot be shown" in why


def test_the_page_shows_the_curve_and_its_numbers() -> None:
    page = make_page(make_report(3))
    section = next(section for section in page.sections if section.id == "training")
    told, plot, table = section.blocks
    assert told.kind == "text"
    assert "3,000 steps" in told.text
    assert "the held-out loss had stopped falling" in told.text
    assert plot.kind == "plot"
    assert "lowest" in plot.alt
    assert plot.chart["kind"] == "lines"
    assert len(plot.chart["across"]) == 60  # type: ignore[arg-type]  # a list of numbers
    assert table.kind == "table"
    assert [row[0].value for row in table.rows if row[3].text == "kept"] == [plot.chart["mark"]]
    assert len(table.rows) <= 26


def test_a_model_that_was_not_trained_has_no_such_section() -> None:
    page = make_page(make_report(3).model_copy(update={"training": None}))
    assert "training" not in {section.id for section in page.sections}
