"""Hats: what the order of numbers tells a network, and that nothing is lost when it is worked out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from mintage.contracts import FitContext, SampleRequest
from mintage.testing.sources import memory_source
from mintage_generators.tabular.autoregressive.config import AutoregressiveConfig
from mintage_generators.tabular.autoregressive.forward import Forward
from mintage_generators.tabular.autoregressive.generator import AutoregressiveGenerator
from mintage_generators.tabular.autoregressive.hats import hats_of_groups, hats_of_inputs
from mintage_generators.tabular.autoregressive.layout import Layout, lay_out
from mintage_generators.tabular.autoregressive.network import Network
from mintage_generators.tabular.codec import FittedTable, fit_table


def _table(rows: int) -> pa.Table:
    rng = np.random.default_rng(5)
    place = rng.random(rows)
    return pa.table(
        {
            "name": pa.array(rng.choice(list("abcdefghijkl"), rows)),
            "few": rng.integers(0, 4, rows),
            "low": pa.array(place, mask=rng.random(rows) < 0.05),
            "wide": rng.integers(0, 400, rows),
            "high": place + 0.01 * rng.standard_normal(rows),
        }
    )


@pytest.fixture(scope="module")
def fitted() -> FittedTable:
    config = AutoregressiveConfig(bins=40)
    return fit_table(memory_source(_table(6_000)), config, np.random.default_rng(0), functions=True)


@pytest.fixture(scope="module")
def layout(fitted: FittedTable) -> Layout:
    return lay_out(fitted.codec)


def _by_name(fitted: FittedTable, layout: Layout) -> dict[str, np.ndarray | None]:
    names = [fitted.codec.columns[i].name for i in layout.inputs]
    return dict(zip(names, hats_of_inputs(fitted.codec, layout), strict=True))


def test_only_ordered_columns_of_many_tokens_have_hats(fitted: FittedTable, layout: Layout) -> None:
    hats = _by_name(fitted, layout)
    assert {name for name, hat in hats.items() if hat is not None} == {"low", "wide", "high"}


def test_hats_of_each_scale_sum_to_one_at_every_place(fitted: FittedTable, layout: Layout) -> None:
    hat = _by_name(fitted, layout)["high"]
    assert hat is not None
    assert hat.sum(axis=1) == pytest.approx(2 * 4, abs=1e-5)  # two lines, four scales


def test_null_stands_on_no_line(fitted: FittedTable, layout: Layout) -> None:
    hat = _by_name(fitted, layout)["low"]
    column = next(c for c in fitted.codec.columns if c.name == "low")
    assert hat is not None
    assert column.special_tokens.sum() == 1
    assert not hat[column.special_tokens].any()
    assert hat[~column.special_tokens].any(axis=1).all()


def test_hats_of_a_group_are_the_mean_of_its_tokens() -> None:
    hats = np.arange(14, dtype=np.float32).reshape(7, 2)
    groups = hats_of_groups(hats, 3, 3)
    assert groups.tolist() == [[2.0, 3.0], [8.0, 9.0], [12.0, 13.0]]


def test_drawing_with_baked_weights_gives_the_logits_of_training(fitted: FittedTable, layout: Layout) -> None:
    torch.manual_seed(0)
    network = Network(layout, hats_of_inputs(fitted.codec, layout), embedding=8, hidden=16)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape))
    tokens = torch.from_numpy(fitted.tokens[:50, list(layout.inputs)].astype(np.int64))
    every = torch.arange(len(layout.targets))
    none = torch.zeros((len(every), len(layout.inputs), 0))
    with torch.no_grad():
        expected = float(network.loss(tokens, none, every))
    forward = Forward(fitted.codec, layout, network.baked(), "float32", 1.0)
    state, nats = forward.start(len(tokens)), 0.0
    for number, slot in enumerate(layout.slots):
        position = layout.targets[slot.target]
        size = layout.groups[position]
        group = tokens[:, position] // size if size else None
        logits = forward.logits(state, number, group if slot.level else None)[:, : slot.size].clone()
        wanted = tokens[:, position] if group is None else tokens[:, position] % size if slot.level else group
        nats += float(torch.nn.functional.cross_entropy(logits, wanted))
        if not size or slot.level:
            forward.learn(state, position, tokens[:, position])
    assert nats == pytest.approx(expected, rel=1e-4)


def test_few_rows_are_enough_to_learn_that_one_number_follows_another() -> None:
    config = AutoregressiveConfig(bins=40, max_steps=150, hidden=64)
    model = AutoregressiveGenerator(config).fit(
        memory_source(_table(1_200).select(["low", "high"]).drop_null()), FitContext(seed=3, threads=1)
    )
    request = SampleRequest(seed=1, shard=0, batch=0, rows=2_000, first_key=0)
    rows = next(iter(model.sample(request))).batch
    apart = np.abs(rows.column("high").to_numpy() - rows.column("low").to_numpy())
    # The noise alone keeps them .008 apart; with tokens as mere names they are .083 apart.
    assert apart.mean() < 0.02
