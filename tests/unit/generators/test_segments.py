"""A model for each segment: shares, conditions, what is shared, what is left out, and damaged files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from mintage.contracts import FitContext, Model, SampleRequest, Scalar
from mintage.errors import ConditionError, FitError, SourceError
from mintage.testing import memory_source
from mintage_generators.tabular.segments.generator import SegmentsGenerator
from tests.unit.generators.learning.lines import Kept

SIZES = {"north": 500, "south": 300, "east": 120, "west": 60, None: 20}


@pytest.fixture(scope="module")
def regions() -> pa.Table:
    """A thousand rows; what is sold, and for how much, depends on the region alone."""
    rng = np.random.default_rng(2)
    names = np.concatenate([np.full(size, str(name)) for name, size in SIZES.items()])
    first = {"north": 0, "south": 100, "east": 200, "west": 300, "None": 300}
    price = np.array([first[name] for name in names]) + rng.integers(0, 9, len(names))
    goods = np.where(names == "north", "ice", np.where(names == "south", "oil", "tea"))
    order = rng.permutation(len(names))
    known = pa.array([None if name == "None" else name for name in names[order].tolist()])
    return pa.table({"price": pa.array(price[order]), "region": known, "goods": pa.array(goods[order])})


def fit(table: pa.Table, *, checkpoints: Kept | None = None, **options: object) -> Model:
    config = SegmentsGenerator.Config.model_validate(
        {"column": "region", "min_rows": 100, "generator": {"kind": "tabular.marginals"}, **options}
    )
    context = FitContext(seed=1, checkpoints=checkpoints) if checkpoints else FitContext(seed=1)
    return SegmentsGenerator(config).fit(memory_source(table), context)


def draw(
    model: Model,
    rows: int = 20_000,
    *,
    fixed: Mapping[str, Scalar] | None = None,
    excluded: Mapping[str, tuple[Scalar, ...]] | None = None,
) -> pl.DataFrame:
    request = SampleRequest(
        seed=1, shard=0, batch=0, rows=rows, first_key=0, fixed=fixed or {}, excluded=excluded or {}
    )
    batches = [batch for _, batch in model.sample(request)]
    frame = pl.from_arrow(pa.Table.from_batches(batches))
    assert isinstance(frame, pl.DataFrame)
    return frame


@pytest.fixture(scope="module")
def model(regions: pa.Table) -> Model:
    return fit(regions)


def test_each_segment_keeps_its_share_and_its_own_values(model: Model) -> None:
    rows = draw(model)
    shares = dict(rows.group_by("region").agg(pl.len() / 20_000).iter_rows())
    for region, size in SIZES.items():
        assert shares[region] == pytest.approx(size / 1000, abs=0.015), region
    assert rows.filter(pl.col("region") == "north")["goods"].unique().to_list() == ["ice"]
    assert rows.filter(pl.col("region") == "south")["price"].is_between(100, 109).all()
    assert rows.filter(pl.col("region") == "east")["price"].is_between(200, 209).all()


def test_segments_are_mixed_and_not_one_after_the_other(model: Model) -> None:
    regions = draw(model, 1000)["region"].fill_null("none")
    assert (regions != regions.shift(1)).sum() > 300


def test_a_condition_on_the_column_draws_from_that_segment_alone(model: Model) -> None:
    rows = draw(model, 100, fixed={"region": "south"})
    assert rows["region"].unique().to_list() == ["south"]
    assert rows["price"].is_between(100, 109).all()


def test_a_condition_on_a_short_segment_goes_to_the_shared_model(model: Model) -> None:
    assert set(draw(model, 100, fixed={"region": "west"})["region"]) == {"west"}
    assert set(draw(model, 100, fixed={"region": None})["region"]) == {None}


def test_excluded_segments_are_not_drawn(model: Model) -> None:
    assert set(draw(model, 500, excluded={"region": ("north", None)})["region"]) == {"south", "east", "west"}


def test_a_condition_that_only_some_segments_can_meet_draws_from_those(model: Model) -> None:
    assert set(draw(model, 500, fixed={"goods": "tea"})["region"]) == {"east", "west", None}


@pytest.mark.parametrize(
    "fixed",
    [{"region": "nowhere"}, {"goods": "tin"}, {"region": "north", "goods": "tea"}, {"colour": 1}],
    ids=["no such segment", "no such value", "not in that segment", "no such column"],
)
def test_a_condition_that_no_segment_can_meet_is_refused(model: Model, fixed: dict[str, Any]) -> None:
    with pytest.raises(ConditionError):
        model.check(fixed, {})


def test_a_shared_rest_of_a_few_rows_is_left_out_and_counted(regions: pa.Table) -> None:
    frame = pl.from_arrow(regions)
    assert isinstance(frame, pl.DataFrame)
    few = pl.concat([frame.filter(pl.col("region") != "west"), frame.filter(pl.col("region") == "west")[:19]])
    model = fit(few.to_arrow())
    told: Any = model.fit_record["segments"]
    assert told["rows_left_out"] == 19
    assert set(draw(model, 500)["region"]) == {"north", "south", "east"}


def test_the_longest_segments_get_the_models_when_there_are_too_many(regions: pa.Table) -> None:
    model = fit(regions, max_segments=2)
    told: Any = model.fit_record["segments"]
    assert told["rows"] == [500, 300]
    assert told["rows_of_the_shared_model"] == 200


@pytest.mark.parametrize(
    ("options", "said"),
    [({"column": "place"}, "place"), ({"min_rows": 600}, "commonest has 500")],
    ids=["no such column", "no segment is long enough"],
)
def test_what_cannot_be_parted_is_refused(regions: pa.Table, options: dict[str, Any], said: str) -> None:
    with pytest.raises(SourceError, match=said):
        fit(regions, **options)


@pytest.mark.parametrize(
    "candidate",
    [{"kind": "tabular.nothing"}, {"kind": "tabular.marginals", "bins": -1}],
    ids=["unknown kind", "bad option"],
)
def test_a_generator_that_cannot_be_is_refused_with_the_options(candidate: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"tabular\."):
        SegmentsGenerator.Config.model_validate({"column": "region", "generator": candidate})


def test_an_error_of_a_segment_names_it(regions: pa.Table) -> None:
    with pytest.raises(SourceError, match="segment 1 of 'region': the source has 300 rows"):
        fit(regions, generator={"kind": "tabular.marginals", "min_support": 400})


def test_a_fit_that_was_stopped_goes_on_with_the_segments_that_are_left(regions: pa.Table) -> None:
    kept = Kept()
    whole = fit(regions, checkpoints=kept)
    assert len(kept.saved) == 4
    resumed = Kept(kept.saved[1])
    assert fit(regions, checkpoints=resumed).save() == whole.save()
    assert len(resumed.saved) == 2


def test_a_model_under_damaged_names_or_of_other_columns_is_refused(model: Model) -> None:
    files = model.save()
    swapped = {**files, "0000.model.json": files["0003.model.json"]}
    swapped["0000.model.safetensors"] = files["0003.model.safetensors"]
    for wrong in (swapped, {**files, "0004.model.json": b"{}"}, {k: files[k] for k in files if k[0] != "0"}):
        with pytest.raises(FitError):
            SegmentsGenerator.load(wrong)
