from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from mintage.contracts import FitContext, SampleRequest
from mintage.errors import ConditionError, FitError, SourceError
from mintage.provenance.privacy_claim import privacy_claim
from mintage.testing import memory_source
from mintage_generators.tabular.dp_marginals.config import DpMarginalsConfig
from mintage_generators.tabular.dp_marginals.estimation import Measurement, estimate
from mintage_generators.tabular.dp_marginals.generator import DpMarginalsGenerator, DpMarginalsModel
from mintage_generators.tabular.dp_marginals.junction_tree import JunctionTree
from mintage_generators.tabular.dp_marginals.pair_shares import pair_shares

SIZES = (2, 3, 4, 2, 3, 2)
SETS: dict[str, list[tuple[int, ...]]] = {
    "a loop and a lone column": [(0, 1), (1, 2), (2, 3), (0, 3), (4, 1)],
    "a chain": [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)],
    "nothing": [],
    "a triple": [(0, 2, 4), (4, 5)],
}
EVERY = pytest.mark.parametrize("sets", SETS.values(), ids=list(SETS))


def random_tree(sets: list[tuple[int, ...]]) -> tuple[JunctionTree, list[np.ndarray], np.ndarray]:
    """A tree, potentials, and the joint shares of all columns that they stand for."""
    rng = np.random.default_rng(1)
    tree = JunctionTree.of(SIZES, sets)
    potentials = [2 * rng.normal(size=tree.shape(i)) for i in range(len(tree.cliques))]
    joint = np.zeros(SIZES)
    for clique, table in zip(tree.cliques, potentials, strict=True):
        joint = joint + table.reshape([SIZES[c] if c in clique else 1 for c in range(len(SIZES))])
    return tree, potentials, np.exp(joint) / np.exp(joint).sum()


def over(joint: np.ndarray, columns: tuple[int, ...]) -> np.ndarray:
    return np.asarray(joint.sum(axis=tuple(c for c in range(joint.ndim) if c not in columns)))


@EVERY
def test_messages_give_every_marginal_of_the_joint(sets: list[tuple[int, ...]]) -> None:
    tree, potentials, joint = random_tree(sets)
    assert tree.valid()
    assert all(tree.home(columns) >= 0 for columns in sets)
    beliefs = tree.calibrate(potentials)
    for clique, belief in zip(tree.cliques, beliefs, strict=True):
        np.testing.assert_allclose(np.exp(belief), over(joint, clique), atol=1e-12)
    for column in range(len(SIZES)):
        shares = pair_shares(tree, beliefs, column)
        assert set(shares) == set(range(len(SIZES))) - {column}
        for other, share in shares.items():
            expected = over(joint, (column, other))
            np.testing.assert_allclose(share, expected if column < other else expected.T, atol=1e-12)


@EVERY
def test_draws_follow_the_joint_and_conditions_hold(sets: list[tuple[int, ...]]) -> None:
    tree, potentials, joint = random_tree(sets)
    allowed = {2: np.array([False, True, False, True]), 0: np.array([False, True])}
    for masks in ({}, allowed):
        expected = joint.copy()
        for column, mask in masks.items():
            expected *= mask.reshape([-1 if c == column else 1 for c in range(len(SIZES))])
        beliefs = tree.calibrate(tree.restrict(potentials, masks))
        uniform = np.random.default_rng(2).random((len(tree.cliques), 100_000))
        tokens = tree.draw(beliefs, uniform)
        drawn = np.bincount(np.ravel_multi_index(tuple(tokens), SIZES), minlength=joint.size) / 100_000
        assert not drawn[expected.ravel() == 0].any()
        assert np.abs(drawn - expected.ravel() / expected.sum()).sum() < 0.05


def test_the_ends_of_the_unit_interval_draw_what_can_be() -> None:
    tree = JunctionTree.of((3, 3), [(0, 1)])
    masks = {0: np.array([False, True, False]), 1: np.array([False, True, False])}
    beliefs = tree.calibrate(tree.restrict([np.zeros((3, 3))], masks))
    assert (tree.draw(beliefs, np.array([[0.0, np.nextafter(1.0, 0.0)]])) == 1).all()


def test_the_estimate_meets_measurements_that_agree() -> None:
    _, _, joint = random_tree(SETS["a chain"])
    measured = [
        Measurement(columns=pair, noisy=1000 * over(joint, pair), deviation=3.0) for pair in SETS["a chain"]
    ]
    fitted = estimate(JunctionTree.of(SIZES, SETS["a chain"]), measured, rows=1000, steps=600)
    for measurement in measured:
        told = np.exp(fitted.beliefs[fitted.tree.home(measurement.columns)])
        np.testing.assert_allclose(1000 * told, measurement.noisy, atol=2.0)


def test_of_measurements_that_disagree_the_quieter_counts_more() -> None:
    tree = JunctionTree.of((2,), [])
    loud = Measurement(columns=(0,), noisy=np.array([1000.0, 0.0]), deviation=30.0)
    quiet = Measurement(columns=(0,), noisy=np.array([500.0, 500.0]), deviation=10.0)
    fitted = estimate(tree, [loud, quiet], rows=1000, steps=500)
    assert 1000 * np.exp(fitted.beliefs[0][0]) == pytest.approx(550, abs=2)


def table(rows: int = 3000) -> pa.Table:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 4, rows)
    b = np.where(rng.random(rows) < 0.9, a, rng.integers(0, 4, rows))
    number = 100.0 * a + rng.normal(0, 10, rows)
    return pa.table({"a": np.array(list("wxyz"))[a], "b": b, "number": number, "one": np.ones(rows, np.int8)})


def fit(source: pa.Table, epsilon: float = 8.0, **options: object) -> DpMarginalsModel:
    privacy = {"epsilon": epsilon, "delta": 1e-5, "noise": "seed"}
    config = DpMarginalsConfig.model_validate({"privacy": privacy, "rounds": 1, **options})
    model = DpMarginalsGenerator(config).fit(memory_source(source), FitContext(seed=3))
    assert isinstance(model, DpMarginalsModel)
    return model


def drawn(model: DpMarginalsModel, rows: int = 4000, **conditions: object) -> pa.RecordBatch:
    request = SampleRequest(seed=1, shard=0, batch=0, rows=rows, first_key=0, **conditions)  # type: ignore[arg-type]
    (only,) = model.sample(request)
    return only.batch


@pytest.fixture(scope="module")
def model() -> DpMarginalsModel:
    return fit(table())


def test_pairs_are_learned(model: DpMarginalsModel) -> None:
    rows = drawn(model).to_pandas()
    place = rows.a.map({"w": 0, "x": 1, "y": 2, "z": 3})
    assert (place == rows.b).mean() == pytest.approx(0.925, abs=0.04)
    assert np.corrcoef(place, rows.number)[0, 1] > 0.9
    assert set(rows.one) == {1}


def test_conditions_on_any_columns_are_exact(model: DpMarginalsModel) -> None:
    rows = drawn(model, fixed={"b": 3}, excluded={"a": ("w", "y")}).to_pandas()
    assert set(rows.b) == {3}
    assert set(rows.a) <= {"x", "z"}
    assert (rows.a == "z").mean() > 0.9
    with pytest.raises(ConditionError):
        model.check({"a": "never seen"}, {})


def test_what_is_claimed_is_what_was_asked_for() -> None:
    config = DpMarginalsConfig.model_validate({"privacy": {"epsilon": 2.0, "delta": 1e-5}, "rounds": 1})
    model = DpMarginalsGenerator(config).fit(memory_source(table()), FitContext(seed=3))
    claim = privacy_claim(model.fit_record)
    assert claim["claim"] == "(2, 1e-05)-differential privacy of each row"
    ledger = model.fit_record["privacy"]
    assert isinstance(ledger, dict)
    assert 1.98 < ledger["epsilon_spent"] <= 2.0
    assert "3000" not in json.dumps(model.fit_record)
    again = DpMarginalsGenerator(config).fit(memory_source(table()), FitContext(seed=3))
    assert again.save() != model.save()


@pytest.mark.parametrize(
    "source",
    [pa.table({"one": [1] * 500}), pa.table({"a": ["x", "y"] * 400}), table(500)],
    ids=["constant", "one column", "few rows"],
)
def test_tables_at_the_edge_are_learned(source: pa.Table) -> None:
    assert drawn(fit(source, rounds=None), 50).num_rows == 50


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(SourceError, match="201 columns"):
        fit(pa.table({f"c{i}": [1, 2] for i in range(201)}))


def _infinite(files: dict[str, bytes]) -> dict[str, bytes]:
    from safetensors.numpy import load, save

    arrays = load(files["model.safetensors"])
    name = next(name for name in arrays if name.startswith("clique"))
    arrays[name] = np.full_like(arrays[name], np.inf)
    return files | {"model.safetensors": save(arrays)}


def _other(**changed: object) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    def change(files: dict[str, bytes]) -> dict[str, bytes]:
        document = json.loads(files["model.json"]) | changed
        return files | {"model.json": json.dumps(document).encode()}

    return change


@pytest.mark.parametrize(
    "tamper",
    [
        _infinite,
        _other(cliques=[]),
        _other(cliques=[[0, 1, 2]], parents=[0]),
        _other(cliques=[[0, 1], [2, 7]], parents=[-1, 0]),
        _other(cliques=[[0, 1], [1, 2], [0, 2]], parents=[-1, 0, 1]),
        _other(cliques=[[1, 0], [2]], parents=[-1, 0]),
    ],
    ids=["infinite", "no cliques", "no root", "no such column", "no tree", "unsorted"],
)
def test_altered_models_are_refused(
    model: DpMarginalsModel, tamper: Callable[[dict[str, bytes]], dict[str, bytes]]
) -> None:
    with pytest.raises(FitError, match="not a model that this generator saved"):
        DpMarginalsGenerator.load(tamper(model.save()))
