"""The option `fairness`: equal rates of the outcome in all groups, and little else changed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from mintage.contracts import FitContext, Model, SampleRequest
from mintage.errors import FitError, SpecError
from mintage.testing import memory_source
from mintage_generators.tabular.autoregressive.config import AutoregressiveConfig
from mintage_generators.tabular.autoregressive.generator import AutoregressiveGenerator

FAIR = {"outcome": "hired", "protected": "group"}


def people() -> pa.Table:
    """Three groups that are hired at very different rates, by a score that differs between them too."""
    rng = np.random.default_rng(0)
    group = rng.choice(3, 3000, p=[0.6, 0.3, 0.1])
    score = rng.normal(group, 1.0).round(1)
    hired = rng.random(3000) < 1 / (1 + np.exp(1.5 - score))
    return pa.table(
        {
            "group": pa.array([f"g{n}" for n in group]),
            "score": score,
            "hired": pa.array(hired),
            "code": pa.array([f"c{n}" for n in group]),
        }
    )


def fit(**options: object) -> Model:
    config = AutoregressiveConfig.model_validate(
        {"max_steps": 200, "hidden": 32, "batch_rows": 128, **options}
    )
    model = AutoregressiveGenerator(config).fit(memory_source(people()), FitContext(seed=2))
    return AutoregressiveGenerator.load(model.save())


def sampled(model: Model) -> pl.DataFrame:
    request = SampleRequest(seed=5, shard=0, batch=0, rows=20_000, first_key=0)
    return pl.concat([pl.DataFrame(pl.from_arrow(batch.batch)) for batch in model.sample(request)])


def rates(rows: pl.DataFrame) -> np.ndarray:
    """The share hired of each group."""
    return rows.group_by("group").agg(pl.col("hired").mean()).sort("group")["hired"].to_numpy()


@pytest.fixture(scope="module")
def fair() -> pl.DataFrame:
    return sampled(fit(fairness=FAIR))


def test_all_groups_have_the_overall_rate(fair: pl.DataFrame) -> None:
    real = pl.DataFrame(pl.from_arrow(people()))
    assert np.ptp(rates(real)) > 0.3
    # The smallest group has 2,000 of the rows: a standard error of 1 %.
    assert np.ptp(rates(fair)) < 0.03
    assert abs(rates(fair) - real["hired"].mean()).max() < 0.03


def test_the_score_still_tells_who_is_hired_within_a_group(fair: pl.DataFrame) -> None:
    for _, rows in fair.group_by("group"):
        means = rows.group_by("hired").agg(pl.col("score").mean()).sort("hired")["score"]
        assert means[1] - means[0] > 0.15


def test_the_groups_and_scores_stay_as_they_were_learned(fair: pl.DataFrame) -> None:
    real = pl.DataFrame(pl.from_arrow(people()))
    for rows in (fair, real):
        assert rows["group"].value_counts(normalize=True)["proportion"].max() == pytest.approx(0.6, abs=0.03)
    assert fair["score"].mean() == pytest.approx(float(real["score"].mean()), abs=0.15)  # type: ignore[arg-type]
    assert (fair["group"].str.tail(1) == fair["code"].str.tail(1)).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"outcome": "hyred", "protected": "group"}, "hyred"),
        ({"outcome": "hired", "protected": "score"}, "score"),
        ({"outcome": "hired", "protected": "hired"}, "at once"),
        ({"outcome": "code", "protected": "hired"}, "function"),
    ],
    ids=["unknown outcome", "many values", "one column twice", "determined outcome"],
)
def test_columns_that_cannot_be_fair_are_named_before_training(options: dict[str, str], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        fit(fairness=options)


def test_altered_factors_of_a_saved_model_are_found() -> None:
    config = AutoregressiveConfig.model_validate({"max_steps": 5, "hidden": 16, "fairness": FAIR})
    model = AutoregressiveGenerator(config).fit(memory_source(people()), FitContext(seed=2))
    files = model.save()
    files["model.json"] = files["model.json"].replace(b'"parity":[2,0]', b'"parity":[2,1]')
    with pytest.raises(FitError, match="parity"):
        AutoregressiveGenerator.load(files)
