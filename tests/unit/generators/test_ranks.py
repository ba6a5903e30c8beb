from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mintage.testing import memory_source
from mintage_generators.tabular.codec import (
    UNKNOWN,
    CodecConfig,
    Column,
    FittedTable,
    NumberColumn,
    Ranks,
    fit_table,
)

RNG = np.random.default_rng(7)
ROWS = 2000

LATTICES = {
    "whole": pa.array(RNG.integers(-3000, 3000, ROWS)),
    "skewed": pa.array(np.floor(np.exp(RNG.normal(6, 1.5, ROWS))).astype(np.int64)),
    "cents": pa.array(np.round(RNG.normal(0, 50, ROWS), 2)),
    "with an atom": pa.array(np.where(RNG.random(ROWS) < 0.6, 0, RNG.integers(1, 9000, ROWS))),
    "with nulls": pa.array(RNG.integers(0, 5000, ROWS), mask=RNG.random(ROWS) < 0.2),
    "near 2**64": pa.array(2**64 - 1 - RNG.integers(0, 10**5, ROWS).astype(np.uint64)),
    "listed": pa.array(RNG.integers(0, 9, ROWS)),
}


def fitted(array: pa.Array) -> FittedTable:
    source = memory_source(pa.table({"x": array}))
    return fit_table(source, CodecConfig(), np.random.default_rng(0), functions=False)


def made(column: Column, tokens: np.ndarray, draws: np.ndarray) -> pa.Array:
    return column.decode(tokens, np.minimum(draws, np.nextafter(1.0, 0.0)))


def within(column: Column, array: pa.Array) -> np.ndarray:
    """Which cells are null, or between the smallest and the largest value that the column makes."""
    ends = np.flatnonzero(~column.special_tokens)[[0, -1]]
    low, high = column.decode(ends, np.zeros(2)).to_pylist()
    return np.array([value is None or low <= value <= high for value in array.to_pylist()])


@pytest.mark.parametrize("array", LATTICES.values(), ids=list(LATTICES))
def test_every_draw_of_a_place_makes_the_value_again(array: pa.Array) -> None:
    fit = fitted(array)
    column, tokens = fit.codec.columns[0], fit.tokens[:, 0]
    low, high = column.place(array, tokens)
    assert ((low >= 0) & (low <= high) & (high <= 1)).all()
    # What lies beyond the protected extremes or the smoothed knots of a bin has no draw that makes it.
    reached = (within(column, array) & (high > low)).nonzero()[0]
    assert len(reached) > 0.97 * ROWS
    for share in (0.01, 0.5, 0.99):
        again = made(column, tokens, low + share * (high - low))
        assert again.take(pa.array(reached)).equals(array.take(pa.array(reached)))


def test_a_place_ends_where_the_value_ends() -> None:
    array = LATTICES["skewed"]
    fit = fitted(array)
    column, tokens = fit.codec.columns[0], fit.tokens[:, 0]
    assert isinstance(column, NumberColumn)
    low, high = column.place(array, tokens)
    for beyond in (low - 1e-9, high + 1e-9):
        inside = ((beyond >= 0) & (beyond < 1) & (high > low)).nonzero()[0]
        other = made(column, tokens[inside], beyond[inside])
        assert len(inside) > ROWS / 2
        assert not np.equal(other, array.take(pa.array(inside))).any()


def test_a_value_without_a_lattice_is_found_at_one_draw() -> None:
    array = pa.array(np.random.default_rng(1).normal(size=ROWS))
    fit = fitted(array)
    column, tokens = fit.codec.columns[0], fit.tokens[:, 0]
    low, high = column.place(array, tokens)
    again = made(column, tokens, low).to_numpy()
    # Twenty rows a bin, each knot a mean of five: a bin's own ends are a little off.
    assert np.abs(again - array.to_numpy())[high < 1].max() < 1.0
    assert np.median(np.abs(again - array.to_numpy())) < 1e-12


@pytest.mark.parametrize("array", LATTICES.values(), ids=list(LATTICES))
def test_ranks_lead_back_to_their_tokens_and_values(array: pa.Array) -> None:
    fit = fitted(array)
    ranks = Ranks.of(fit.codec)
    encoded = ranks.encode(fit.rows, fit.tokens, np.random.default_rng(2))
    assert encoded.shape == (ROWS, 1)
    assert ((encoded > 0) & (encoded < 1)).all()
    tokens, draws = ranks.tokens_and_draws(encoded)
    assert np.array_equal(tokens[0], fit.tokens[:, 0])
    again = fit.codec.columns[0].decode(tokens[0], draws[0])
    same = np.array([a == b for a, b in zip(again.to_pylist(), array.to_pylist(), strict=True)])
    assert same.mean() > 0.97


@pytest.mark.parametrize("array", LATTICES.values(), ids=list(LATTICES))
def test_ranks_are_uniform_whatever_the_column_is_like(array: pa.Array) -> None:
    fit = fitted(array)
    encoded = Ranks.of(fit.codec).encode(fit.rows, fit.tokens, np.random.default_rng(2))
    deciles = np.histogram(encoded, np.linspace(0, 1, 11))[0] / ROWS
    assert np.abs(deciles - 0.1).max() < 0.03


def test_ranks_follow_the_order_of_the_values() -> None:
    array = LATTICES["whole"]
    fit = fitted(array)
    encoded = Ranks.of(fit.codec).encode(fit.rows, fit.tokens, np.random.default_rng(2))[:, 0]
    by_rank = array.to_numpy()[np.argsort(encoded)]
    # Within a bin, rows beyond its knots stand at its ends.
    assert np.corrcoef(np.sort(by_rank), by_rank)[0, 1] > 0.9999


def test_any_rank_gives_a_token_and_a_draw_that_decode() -> None:
    fit = fitted(LATTICES["with nulls"])
    ranks = Ranks.of(fit.codec)
    tokens, draws = ranks.tokens_and_draws(np.linspace(0, 1, 10_001)[:, None])
    column = fit.codec.columns[0]
    assert tokens[0].dtype == np.int32
    assert set(tokens[0]) == set(np.flatnonzero(column.counts))
    assert ((draws[0] >= 0) & (draws[0] < 1)).all()
    assert column.decode(tokens[0], draws[0]).null_count == pytest.approx(2000, rel=0.15)


def test_a_protected_cell_has_no_rank() -> None:
    values = np.random.default_rng(3).integers(0, 5000, ROWS)
    gaps = np.zeros(ROWS, np.bool_)
    gaps[[5, 50]] = True
    fit = fitted(pa.array(values, mask=gaps))
    encoded = Ranks.of(fit.codec).encode(fit.rows, fit.tokens, np.random.default_rng(2))[:, 0]
    assert np.flatnonzero(np.isnan(encoded)).tolist() == [5, 50]
    assert np.flatnonzero(fit.tokens[:, 0] == UNKNOWN).tolist() == [5, 50]


def test_text_and_flags_are_categorical_and_numbers_and_dates_are_ordered(mixed: pa.Table) -> None:
    fit = fit_table(memory_source(mixed), CodecConfig(), np.random.default_rng(0), functions=False)
    ranks = Ranks.of(fit.codec)
    names = [column.name for column in fit.codec.columns]
    categorical = {names[i] for i in ranks.categorical}
    assert categorical == {"name", "region", "level", "flag", "year", "nothing", "void"}
    assert {names[column.index] for column in ranks.ordered} == set(names) - categorical


def test_nulls_have_a_token_of_their_own_at_the_lower_end() -> None:
    fit = fitted(LATTICES["with nulls"])
    column = Ranks.of(fit.codec).ordered[0]
    assert column.column.special_tokens.tolist() == [True] + [False] * (column.column.tokens - 1)
    assert column.edges[1] == pytest.approx(0.2, abs=0.03)


def test_halves_between_two_steps_belong_to_the_even_one() -> None:
    # Means of ten rows of two neighbouring values: many knots in a row are a whole number and a half.
    array = pa.array(np.repeat(np.arange(400), 5))
    source = memory_source(pa.table({"x": array}))
    fit = fit_table(source, CodecConfig(min_support=10), np.random.default_rng(0), functions=False)
    column, tokens = fit.codec.columns[0], fit.tokens[:, 0]
    assert isinstance(column, NumberColumn)
    assert (np.diff(column.knots, axis=1)[column.knots[:, 1:] % 1 == 0.5] == 0).any()
    low, high = column.place(array, tokens)
    reached = (within(column, array) & (high > low)).nonzero()[0]
    for share in (0.001, 0.999):
        again = made(column, tokens, low + share * (high - low))
        assert again.take(pa.array(reached)).equals(array.take(pa.array(reached)))
