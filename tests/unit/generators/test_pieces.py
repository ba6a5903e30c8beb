from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mintage.testing import memory_source
from mintage_generators.tabular.codec import CodecConfig, FittedTable, PiecedColumn, Pieces, fit_table

ROWS = 3000
RNG = np.random.default_rng(4)
COLUMNS = {
    "number": pa.array(RNG.normal(size=ROWS)),
    "with an atom": pa.array(np.where(RNG.random(ROWS) < 0.7, 0, RNG.integers(1, 9000, ROWS))),
    "with nulls": pa.array(RNG.integers(0, 5000, ROWS), mask=RNG.random(ROWS) < 0.02),
    "few values": pa.array(RNG.integers(0, 6, ROWS)),
    "text": pa.array([f"v{i}" for i in RNG.geometric(0.05, ROWS)]),
    "flag": pa.array(RNG.random(ROWS) < 0.1),
}


def fitted(array: pa.Array) -> tuple[FittedTable, PiecedColumn]:
    source = memory_source(pa.table({"x": array}))
    fit = fit_table(source, CodecConfig(), np.random.default_rng(0), functions=False)
    return fit, Pieces.of(fit.codec, 10).columns[0]


@pytest.mark.parametrize("array", COLUMNS.values(), ids=list(COLUMNS))
def test_pieces_and_places_lead_back_to_the_tokens(array: pa.Array) -> None:
    fit, column = fitted(array)
    rows = Pieces.of(fit.codec, 10).encode(fit.rows, fit.tokens, np.random.default_rng(1))
    tokens, _ = column.decode(rows[:, 0].astype(np.int64), rows[:, 1].astype(float), np.random.default_rng(2))
    known = fit.tokens[:, 0] >= 0
    # Places are float32: a rank within a hair of its token's end may fall on the other side.
    assert np.mean(tokens[known] == fit.tokens[known, 0]) > 0.999
    assert np.abs(rows[:, 1]).max() <= 1


@pytest.mark.parametrize("array", COLUMNS.values(), ids=list(COLUMNS))
def test_no_piece_but_that_of_a_common_value_has_many_rows(array: pa.Array) -> None:
    _, column = fitted(array)
    assert column.shares.sum() == pytest.approx(1.0)
    assert column.shares[column.places].max(initial=0.0) < 0.21
    assert column.pieces <= 30


def test_null_and_common_values_are_pieces_of_their_own() -> None:
    _, atom = fitted(COLUMNS["with an atom"])
    assert atom.shares[~atom.places].max() == pytest.approx(0.7, abs=0.03)
    _, nulls = fitted(COLUMNS["with nulls"])
    assert not nulls.places[0]
    assert nulls.shares[0] == pytest.approx(0.02, abs=0.01)


def test_columns_of_few_values_are_listed_and_others_are_not() -> None:
    listed = {name: fitted(array)[1].listed for name, array in COLUMNS.items()}
    assert [name for name, own in listed.items() if own] == ["few values", "flag"]


@pytest.mark.parametrize("array", COLUMNS.values(), ids=list(COLUMNS))
def test_only_tokens_that_are_allowed_are_drawn_and_by_their_shares(array: pa.Array) -> None:
    _, column = fitted(array)
    counts = column.ranked.column.counts
    allowed = np.arange(len(counts)) % 2 == 1
    logits = np.repeat(np.log(column.shares)[None].astype(np.float32), 20_000, axis=0)
    tokens, draws = column.draw(logits, np.zeros(20_000), np.random.default_rng(0), allowed)
    assert allowed[tokens].all()
    assert ((draws >= 0) & (draws < 1)).all()
    shares = np.maximum(counts, 0.5) * allowed
    drawn = np.bincount(tokens, minlength=len(counts)) / len(tokens)
    assert np.abs(drawn - shares / shares.sum()).max() < 0.02


def test_places_beyond_the_ends_are_reflected() -> None:
    _, column = fitted(COLUMNS["number"])
    piece = np.full(2, int(np.flatnonzero(column.places)[3]))
    rng = np.random.default_rng(0)
    beyond = column.decode(piece, np.array([1.25, -1.5]), rng)
    inside = column.decode(piece, np.array([0.75, -0.5]), rng)
    assert np.array_equal(beyond[0], inside[0])
    assert beyond[1] == pytest.approx(inside[1])


def test_biases_bring_each_piece_back_to_its_share() -> None:
    fit, column = fitted(COLUMNS["with an atom"])
    pieces = Pieces.of(fit.codec, 10)
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2.0, size=(5000, column.pieces)) + rng.normal(size=column.pieces)
    shifted = np.exp(logits + pieces.biases(logits))
    drawn = (shifted / shifted.sum(axis=1, keepdims=True)).mean(axis=0)
    assert drawn == pytest.approx(column.shares, abs=0.01)
