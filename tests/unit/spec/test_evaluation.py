from __future__ import annotations

from typing import Any, get_args

import pytest

from mintage.errors import SpecError
from mintage.evaluation.options import DEFAULT_ROWS, METRICS
from mintage.spec import JobSpec, read_spec
from mintage.spec.evaluation import ALL_METRICS, DEFAULT_EVALUATED_ROWS, MetricName


def make(**keys: Any) -> JobSpec:  # noqa: ANN401
    given = {"name": "demo", "rows": 10, "source": {"uri": "a.csv"}, "sink": {"uri": "out"}}
    return JobSpec.model_validate({**given, **keys})


def test_the_spec_and_the_evaluation_know_the_same_metrics_and_defaults() -> None:
    assert get_args(MetricName) == ALL_METRICS == METRICS
    assert DEFAULT_EVALUATED_ROWS == DEFAULT_ROWS
    assert make().evaluation.metrics == METRICS


def test_a_bare_number_is_the_share_that_is_set_aside() -> None:
    assert (
        make(evaluation={"holdout": 0.1}).evaluation
        == make(evaluation={"holdout": {"share": 0.1}}).evaluation
    )


def test_one_name_stands_for_a_list_of_one() -> None:
    assert make(evaluation={"key": "id", "protected": "sex"}).evaluation.key == ("id",)
    assert make(evaluation={"protected": ["sex", "race"]}).evaluation.protected == ("sex", "race")


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        pytest.param({"evaluation": {"holdout": 0}}, "evaluation.holdout.share", id="no share"),
        pytest.param({"evaluation": {"holdout": 0.6}}, "evaluation.holdout.share", id="most of it"),
        pytest.param({"evaluation": {"holdout": True}}, "evaluation.holdout", id="true is no share"),
        pytest.param({"evaluation": {"holdout": {}}}, "evaluation.holdout", id="neither"),
        pytest.param(
            {"evaluation": {"holdout": {"share": 0.1, "uri": "t.csv"}}}, "evaluation.holdout", id="both"
        ),
        pytest.param({"evaluation": {"metrics": ["fidelty"]}}, "evaluation.metrics", id="unknown metric"),
        pytest.param({"evaluation": {"rows": 99}}, "evaluation.rows", id="too few rows"),
        pytest.param({"gates": {"trend_error": {}}}, "gates.trend_error", id="no bound"),
        pytest.param({"gates": {"trend_error": {"min": 2, "max": 1}}}, "gates.trend_error.min", id="crossed"),
        pytest.param({"gates": {"trend_error": {"max": float("nan")}}}, "gates.trend_error.max", id="nan"),
        pytest.param({"gates": {"trend_error": {"max": 1, "action": "stop"}}}, "gates", id="unknown action"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(keys: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        make(**keys)
    assert path in caught.value.message


def test_only_what_sets_rows_aside_changes_the_run() -> None:
    plain = make().content()
    assert make(evaluation={"target": "x", "rows": 500}, gates={"tstr": {"min": 0.8}}).content() == plain
    assert make(evaluation={"holdout": {"uri": "test.csv"}}).content() == plain
    assert make(evaluation={"holdout": 0.1}).content() != plain
    assert (
        make(evaluation={"holdout": 0.1, "key": "id"}).content()
        != make(evaluation={"holdout": 0.1}).content()
    )


def test_a_spec_with_gates_survives_yaml() -> None:
    spec = make(
        evaluation={"holdout": 0.1, "key": ["id"]}, gates={"trend_error": {"max": 2, "action": "warn"}}
    )
    assert read_spec(spec.to_yaml()) == spec
