"""`tabular.vae` and `tabular.gan` beyond what the conformance suite asks of every generator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest
import torch

from mintage.contracts import FitContext, Generator, Model, SampleRequest, Scalar
from mintage.errors import ConditionError, FitError
from mintage.testing import memory_source
from mintage_generators.tabular.codec import Conditions, Pieces, pack, unpack
from mintage_generators.tabular.gan.generator import GanDocument, GanGenerator, GanModel
from mintage_generators.tabular.gan.network import Judge, RowMaker
from mintage_generators.tabular.gan.wishes import WishedRows, Wishes
from mintage_generators.tabular.vae.generator import VaeDocument, VaeGenerator, VaeModel
from mintage_generators.tabular.vae.network import VaeNetwork

ROWS = 1500


def related() -> pa.Table:
    """A name, its first letter, and a number that is about ten times the name's place in the alphabet."""
    rng = np.random.default_rng(0)
    kind = rng.choice(3, ROWS, p=[0.6, 0.3, 0.1])
    return pa.table(
        {
            "name": pa.array(np.array(["ada", "bob", "cyd"])[kind]),
            "letter": pa.array(np.array(["a", "b", "c"])[kind]),
            "number": kind * 10 + rng.normal(size=ROWS),
        }
    )


def fit(generator: type[Generator], **options: int | float) -> Model:
    config = generator.Config.model_validate({"max_steps": 400, "batch_rows": 100, "hidden": 32, **options})
    return generator(config).fit(memory_source(related()), FitContext(seed=1))


@pytest.fixture(scope="module")
def vae() -> VaeModel:
    model = fit(VaeGenerator, latent=8, learning_rate=0.01)
    assert isinstance(model, VaeModel)
    return model


@pytest.fixture(scope="module")
def gan() -> GanModel:
    model = fit(GanGenerator, noise=8, learning_rate=0.002)
    assert isinstance(model, GanModel)
    return model


def drawn(model: Model, fixed: Mapping[str, Scalar] | None = None, rows: int = ROWS) -> pa.Table:
    request = SampleRequest(seed=3, shard=0, batch=0, rows=rows, first_key=0, fixed=fixed or {})
    return pa.Table.from_batches([part.batch for part in model.sample(request)])


def agreement(table: pa.Table) -> float:
    """Share of the rows whose letter begins their name."""
    return float(
        np.mean([n[0] == x for n, x in zip(*table.select([0, 1]).to_pydict().values(), strict=True)])
    )


def test_a_trained_vae_keeps_names_and_letters_together(vae: VaeModel) -> None:
    # Independent columns would agree in .46 of the rows.
    assert agreement(drawn(vae)) > 0.85


def test_a_vae_under_conditions_chooses_what_goes_with_them(vae: VaeModel) -> None:
    given = drawn(vae, {"letter": "b"}, 500)
    assert set(given["letter"].to_pylist()) == {"b"}
    assert agreement(given) > 0.85
    assert np.median(given["number"].to_numpy()) == pytest.approx(10, abs=2)


def test_a_trained_gan_keeps_names_and_letters_together(gan: GanModel) -> None:
    assert agreement(drawn(gan)) > 0.75


def test_a_gan_makes_what_it_is_wished_for(gan: GanModel) -> None:
    given = drawn(gan, {"letter": "b"}, 500)
    assert set(given["letter"].to_pylist()) == {"b"}
    assert agreement(given) > 0.6


@pytest.mark.parametrize(
    ("fixed", "what"),
    [({"name": "ada", "letter": "a"}, "one column at a time"), ({"number": 1.0}, "'number' is none")],
    ids=["two columns", "a column of many values"],
)
def test_a_gan_refuses_conditions_that_it_cannot_keep(
    gan: GanModel, fixed: Mapping[str, Scalar], what: str
) -> None:
    with pytest.raises(ConditionError, match=what) as error:
        gan.check(fixed, {})
    assert "tabular.copula" in str(error.value)


@pytest.mark.parametrize(
    ("model", "generator", "document"),
    [("vae", VaeGenerator, VaeDocument), ("gan", GanGenerator, GanDocument)],
    ids=["vae", "gan"],
)
def test_an_altered_model_is_refused(
    request: pytest.FixtureRequest,
    model: str,
    generator: type[Generator],
    document: type[VaeDocument] | type[GanDocument],
) -> None:
    described, arrays = unpack(request.getfixturevalue(model).save(), document)
    name = next(name for name in sorted(arrays.by_name) if name.startswith("network.") and "bias" in name)
    for wrong in (np.full_like(arrays.by_name[name], np.nan), arrays.by_name[name][1:]):
        with pytest.raises(FitError, match="not a model"):
            generator.load(pack(described, {**arrays.by_name, name: wrong}))


def test_drawing_without_torch_computes_what_the_trained_decoder_does(vae: VaeModel) -> None:
    network = VaeNetwork(vae.decoder.pieces.sizes, vae.document.hidden, vae.document.latent)
    weights = {name: torch.from_numpy(value) for name, value in vae.decoder.weights.items()}
    network.load_state_dict(weights, strict=False)
    vectors = np.random.default_rng(0).standard_normal((20, vae.document.latent), np.float32)
    with torch.no_grad():
        expected = network.decoder(torch.from_numpy(vectors)).numpy()
    assert vae.decoder._output(vectors) == pytest.approx(expected, abs=1e-4)


def test_drawing_without_torch_computes_what_the_trained_maker_does(gan: GanModel) -> None:
    pieces, document = gan.maker.pieces, gan.document
    network = RowMaker(pieces.sizes, Wishes(pieces).width, document.noise, document.hidden)
    weights = {name: torch.from_numpy(value) for name, value in gan.maker.weights.items()}
    network.load_state_dict(weights, strict=False)
    inputs = np.random.default_rng(0).standard_normal((20, document.noise + Wishes(pieces).width), np.float32)
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(inputs)).numpy()
    assert gan.maker._output(inputs) == pytest.approx(expected, abs=1e-4)


def test_rows_found_for_a_wish_have_what_was_wished(gan: GanModel) -> None:
    wishes = Wishes(gan.maker.pieces)
    rng = np.random.default_rng(0)
    rows = np.stack([rng.integers(0, column.pieces, 200) for column in gan.maker.pieces.columns], axis=1)
    chosen, wanted = wishes.draw(500, rng, evenly=True)
    found = WishedRows(wishes, rows).find(chosen, wanted, rng)
    places = np.array([place for place, _ in wishes.columns])
    assert np.array_equal(rows[found, places[chosen]], wanted)
    assert np.array_equal(wishes.vectors(chosen, wanted).sum(axis=1), np.ones(500))


def test_wishes_in_training_raise_what_is_rare(gan: GanModel) -> None:
    wishes, rng = Wishes(gan.maker.pieces), np.random.default_rng(0)
    rare = []
    for evenly in (False, True):
        chosen, wanted = wishes.draw(4000, rng, evenly=evenly)
        rare.append(np.mean(wanted[chosen == 0] == 2))
    assert rare[0] == pytest.approx(0.1, abs=0.03)
    assert rare[1] > 0.2


def test_the_judge_sees_rows_in_packs() -> None:
    judge = Judge(width=3, pack=5, hidden=8).eval()
    rows = torch.randn(20, 3)
    with torch.no_grad():
        assert judge(rows).shape == (4, 1)
        changed = rows.clone()
        changed[7] += 1
        assert ((judge(changed) != judge(rows))[:, 0]).tolist() == [False, True, False, False]


def test_a_vae_without_conditions_draws_from_its_prior(vae: VaeModel) -> None:
    nothing = Conditions(allowed={}, written={})
    vectors = vae.decoder._vectors(5000, nothing, np.random.default_rng(0))
    assert vectors.shape == (5000, vae.document.latent)
    assert float(vectors.std()) == pytest.approx(1.0, abs=0.03)
    assert isinstance(vae.decoder.pieces, Pieces)
