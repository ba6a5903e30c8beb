from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from safetensors.numpy import load, save

from mintage.contracts import FitContext, SampleRequest, Scalar
from mintage.errors import ConditionError, FitError, SourceError
from mintage.testing import memory_source
from mintage_generators.tabular.codec import CodecConfig, FittedTable, fit_table
from mintage_generators.tabular.diffusion.config import DiffusionConfig
from mintage_generators.tabular.diffusion.continuum import Continuum, ranks_of
from mintage_generators.tabular.diffusion.generator import DiffusionGenerator, DiffusionModel
from mintage_generators.tabular.diffusion.layout import lay_out
from mintage_generators.tabular.diffusion.network import Network
from mintage_generators.tabular.diffusion.rows import ScoredRows

SHORT = DiffusionConfig.model_validate(
    {"max_steps": 10, "batch_rows": 64, "width": 16, "depth": 1, "flow_steps": 2}
)


def fit(table: pa.Table, config: DiffusionConfig = SHORT) -> DiffusionModel:
    return DiffusionGenerator(config).fit(memory_source(table), FitContext(seed=3))


def fitted(table: pa.Table) -> FittedTable:
    return fit_table(memory_source(table), CodecConfig(), np.random.default_rng(0), functions=True)


def drawn(
    model: DiffusionModel,
    rows: int,
    fixed: Mapping[str, Scalar] | None = None,
    excluded: Mapping[str, tuple[Scalar, ...]] | None = None,
) -> pa.RecordBatch:
    request = SampleRequest(
        seed=1, shard=0, batch=0, rows=rows, first_key=0, fixed=fixed or {}, excluded=excluded or {}
    )
    (only,) = model.sample(request)
    return only.batch


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Numbers that follow another closely, with a point mass and nulls, beside a category."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    kind = x + 0.3 * rng.normal(size=4000) > 0
    slip = rng.random(4000) < 0.02
    y = x * np.where(kind, 1.0, -1.0) + 0.1 * rng.normal(size=4000)
    spent = np.where(rng.random(4000) < 0.3, 0.0, np.exp(y))
    return pa.table(
        {
            "kind": pa.array(np.where(kind, "up", "down")),
            "level": pa.array(np.where(kind ^ slip, np.where(x > 1, "top", "high"), "low")),
            "x": x,
            "y": y,
            "spent": pa.array(spent, mask=rng.random(4000) < 0.1),
        }
    )


@pytest.fixture(scope="module")
def model(table: pa.Table) -> DiffusionModel:
    return fit(
        table,
        DiffusionConfig.model_validate({"max_steps": 200, "batch_rows": 256, "width": 48, "depth": 2,
                                        "learning_rate": 5e-3, "flow_steps": 6}),
    )  # fmt: skip


@pytest.fixture(scope="module")
def rows(model: DiffusionModel) -> pa.RecordBatch:
    return drawn(model, 6000)


def column(rows: pa.RecordBatch, name: str) -> np.ndarray:
    return np.asarray(rows[name].drop_null().to_numpy(zero_copy_only=False))


def test_numbers_hang_together_given_the_category(rows: pa.RecordBatch) -> None:
    up = column(rows, "kind") == "up"
    x, y = column(rows, "x"), column(rows, "y")
    assert np.corrcoef(x[up], y[up])[0, 1] > 0.9
    assert np.corrcoef(x[~up], y[~up])[0, 1] < -0.9


def test_margins_are_those_of_the_source(table: pa.Table, rows: pa.RecordBatch) -> None:
    assert rows["spent"].null_count / 6000 == pytest.approx(0.1, abs=0.03)
    assert (column(rows, "spent") == 0).mean() == pytest.approx(0.3, abs=0.04)
    for name in ("x", "y"):
        real = np.quantile(table[name].to_numpy(), [0.05, 0.25, 0.5, 0.75, 0.95])
        assert np.quantile(column(rows, name), [0.05, 0.25, 0.5, 0.75, 0.95]) == pytest.approx(real, abs=0.15)


def test_a_number_that_is_fixed_moves_the_others(model: DiffusionModel) -> None:
    high = drawn(model, 500, fixed={"x": 1.5, "kind": "up"})
    assert set(high["x"].to_pylist()) == {1.5}
    assert column(high, "y").mean() == pytest.approx(1.5, abs=0.3)
    assert drawn(model, 500, fixed={"x": 1.5})["kind"].to_pylist().count("up") > 400


def test_a_token_that_is_fixed_decides_those_that_are_drawn_before_it_otherwise(
    model: DiffusionModel,
) -> None:
    rows = drawn(model, 500, fixed={"level": "top"})
    assert rows["kind"].to_pylist().count("up") > 450
    assert column(rows, "x").mean() > 1.0
    assert drawn(model, 500, excluded={"level": ("low",)})["kind"].to_pylist().count("up") > 450


def test_an_excluded_point_mass_and_null_never_come_out(model: DiffusionModel) -> None:
    spent = drawn(model, 2000, excluded={"spent": (0.0, None)})["spent"]
    assert spent.null_count == 0
    assert pc.min(spent).as_py() > 0


def test_an_excluded_value_of_a_lattice_gives_way_to_its_neighbours() -> None:
    numbers = np.tile(np.arange(40), 50)
    model = fit(pa.table({"n": numbers}))
    left = set(drawn(model, 4000, excluded={"n": (0, 7, 8, 39)})["n"].to_pylist())
    assert left == set(range(40)) - {0, 7, 8, 39}
    with pytest.raises(ConditionError):
        model.check({}, {"n": tuple(range(40))})


def test_more_rows_than_are_drawn_at_a_time_do_not_repeat(rows: pa.RecordBatch) -> None:
    assert len(np.unique(column(rows, "x"))) > 5900


def test_functions_are_kept_and_two_sources_agree() -> None:
    rng = np.random.default_rng(1)
    region = rng.integers(0, 3, 3000)
    town, shop = region * 4 + rng.integers(0, 4, 3000), region * 5 + rng.integers(0, 5, 3000)
    shop_names = np.array([f"s{i:02}" for i in range(15)])[shop]
    table = pa.table({"town": [f"t{i:02}" for i in town], "shop": shop_names, "region": region * 10})
    rows = drawn(fit(table), 2000).to_pydict()
    assert all(int(t[1:]) // 4 * 10 == r for t, r in zip(rows["town"], rows["region"], strict=True))
    assert all(int(s[1:]) // 5 * 10 == r for s, r in zip(rows["shop"], rows["region"], strict=True))


def test_columns_in_two_levels_keep_functions_and_conditions() -> None:
    level = np.tile(np.arange(600), 10)
    table = pa.table({"level": [f"v{i}" for i in level], "group": level % 4})
    model = fit(table)
    rows = drawn(model, 3000, fixed={"group": 3}).to_pydict()
    assert {int(value[1:]) % 4 for value in rows["level"]} == {3}
    assert len(set(rows["level"])) > 100
    assert set(drawn(model, 50, fixed={"level": "v77"})["level"].to_pylist()) == {"v77"}
    assert "v77" not in drawn(model, 3000, excluded={"level": ("v77",)})["level"].to_pylist()


@pytest.mark.parametrize(
    "columns",
    [{"one": [1] * 60}, {"text": ["a", "b"] * 30}, {"number": np.arange(60) / 7}],
    ids=["nothing varies", "no numbers", "no tokens"],
)
def test_tables_of_one_kind_of_column(columns: dict[str, object]) -> None:
    rows = drawn(fit(pa.table(columns)), 30)
    assert rows.num_rows == 30
    assert rows.column(0).null_count == 0


def test_scores_lead_back_to_the_values(mixed: pa.Table) -> None:
    codec = fitted(mixed)
    layout = lay_out(codec.codec)
    assert {number.column.name for number in layout.numbers} >= {"float", "single", "huge", "price", "hour"}
    rng = np.random.default_rng(2)
    for number in layout.numbers:
        tokens = codec.tokens[:, number.index]
        kinds, scores = number.encode(codec.rows.column(number.index), tokens, rng)
        torch_scores = torch.from_numpy(np.nan_to_num(scores)).double()
        ranks = torch.special.ndtr(torch_scores).numpy()
        back, _ = number.decode(kinds, ranks, None)
        assert (back == tokens).all()


def test_ranks_that_are_not_allowed_go_to_the_nearest_token() -> None:
    codec = fitted(pa.table({"n": np.tile(np.arange(40), 50)})).codec
    number = Continuum.of(0, codec.columns[0])
    allowed = np.zeros(40, np.bool_)
    allowed[[10, 30]] = True
    ranks = (np.arange(40) + 0.5) / 40
    tokens, _ = number.decode(np.zeros(40, np.int64), ranks, allowed)
    assert tokens.tolist() == [10] * 21 + [30] * 19


def test_the_network_has_the_shapes_that_a_model_is_checked_by(mixed: pa.Table) -> None:
    wide = pa.array([f"v{i % 400}" for i in range(4000)])
    layout = lay_out(fitted(pa.concat_tables([mixed] * 4).append_column("wide", wide)).codec)
    assert any(slot.level for slot in layout.slots)
    network = Network(layout, width=24, depth=2)
    found = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert found == layout.shapes(24, 2)


@pytest.mark.parametrize("damage", ["width", "steps", "weights"])
def test_a_damaged_model_is_refused(model: DiffusionModel, damage: str) -> None:
    files = model.save()
    document, arrays = json.loads(files["model.json"]), load(files["model.safetensors"])
    if damage == "width":
        document["width"] = 2**40
    elif damage == "steps":
        document["flow_steps"] = 10**9
    else:
        arrays["network.velocity"] = np.full_like(arrays["network.velocity"], np.nan)
    with pytest.raises(FitError, match="not a model that this generator saved"):
        DiffusionGenerator.load(
            {"model.json": json.dumps(document).encode(), "model.safetensors": save(arrays)}
        )


def test_it_refuses_what_it_cannot_learn() -> None:
    with pytest.raises(SourceError, match="there is none"):
        DiffusionGenerator(SHORT).fit(None, FitContext(seed=1))
    wide = pa.table({f"c{i}": [0, 1] * 10 for i in range(501)})
    with pytest.raises(SourceError, match="at most 500"):
        fit(wide)


def test_a_source_longer_than_memory_is_learned_from_a_file(table: pa.Table) -> None:
    options = SHORT.model_dump() | {"fit_rows": 500}
    long = fit(table, DiffusionConfig.model_validate(options))
    part = fit(table, DiffusionConfig.model_validate(options | {"train_rows": 500}))
    assert long.fit_record["rows_learned_from"] == part.fit_record["rows_learned_from"] == 500
    assert long.save() != part.save()
    assert drawn(long, 20).num_rows == 20


def test_tokens_alone_give_the_same_slots_and_scores_within_the_token(mixed: pa.Table) -> None:
    known = fitted(mixed)
    layout = lay_out(known.codec)
    rows = ScoredRows(layout, known.tokens[:, layout.columns], seed=1)
    again, exact = rows[:100], layout.encode(known, np.random.default_rng(0))
    assert np.array_equal(again, rows[:100], equal_nan=True)
    slots = len(layout.slots)
    assert np.array_equal(again[:, :slots], exact[:100, :slots])
    drawn_ranks, exact_ranks = ranks_of(again[:, slots:]), ranks_of(exact[:100, slots:])
    assert np.allclose(drawn_ranks, exact_ranks, atol=0.05, equal_nan=True)
    assert not np.allclose(drawn_ranks, exact_ranks, atol=1e-4, equal_nan=True)


def test_columns_that_are_left_out_do_not_make_a_table_too_wide() -> None:
    table = pa.table({f"c{i}": np.arange(40) % 3 for i in range(503)})
    config = SHORT.model_copy(update={"exclude": tuple(f"c{i}" for i in range(4, 503))})
    assert drawn(fit(table, config), 5).schema.names == ["c0", "c1", "c2", "c3"]
    with pytest.raises(SourceError, match="502 columns"):
        fit(table, SHORT.model_copy(update={"exclude": ("c0",)}))
