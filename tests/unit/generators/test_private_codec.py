from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mintage.errors import ConditionError, SourceError, SpecError
from mintage.testing import memory_source
from mintage_generators.tabular.codec import ExactColumn, NumberColumn, read_codec, write_codec
from mintage_generators.tabular.codec.files import Arrays
from mintage_generators.tabular.codec.private import PrivateTable, fit_private_table
from mintage_generators.tabular.ledger import Ledger, PrivacyConfig

ROWS = 4000


def book(epsilon: float = 8.0, domains: Mapping[str, object] | None = None, seed: int = 0) -> Ledger:
    told = {"epsilon": epsilon, "delta": 1e-5, "noise": "seed", "domains": domains or {}}
    return Ledger(PrivacyConfig.model_validate(told), np.random.default_rng(seed))


def fit(table: pa.Table, ledger: Ledger, bins: int = 50) -> PrivateTable:
    rho = ledger.rho
    return fit_private_table(
        memory_source(table), ledger, rho=0.5 * rho, finest=0.1 * rho, bins=bins, fit_rows=10**6
    )


def test_rare_values_and_outliers_do_not_show() -> None:
    rng = np.random.default_rng(0)
    number = rng.normal(50, 10, ROWS)
    number[0] = 987654.321
    names = np.array(["one", "two", "three"])[rng.integers(0, 3, ROWS)].astype(object)
    names[:3] = "secret"
    fitted = fit(pa.table({"name": pa.array(names), "number": number}), book())
    name, found = fitted.codec.columns
    assert sorted(name.decode(np.arange(3), np.zeros(3)).to_pylist()) == ["one", "three", "two"]
    assert isinstance(found, NumberColumn)
    drawn = found.decode(
        np.repeat(np.arange(found.tokens), 50), np.tile(np.linspace(0, 0.99, 50), found.tokens)
    )
    assert pc.min(drawn).as_py() >= -64
    assert pc.max(drawn).as_py() <= 128


def test_nothing_of_the_rows_is_kept_as_it_is() -> None:
    rng = np.random.default_rng(0)
    table = pa.table({"number": rng.normal(size=ROWS), "whole": rng.integers(0, 10**6, ROWS)})
    fitted = fit(table, book())
    for i, column in enumerate(fitted.codec.columns):
        assert isinstance(column, NumberColumn)
        kept = set(column.atoms.tolist()) | set(column.edges.tolist())
        real = set(table.column(i).to_pylist())
        assert len(kept & real) <= 2
    assert fitted.codec.functions == ()
    assert fitted.rows != ROWS


def test_quantiles_follow_the_rows() -> None:
    rng = np.random.default_rng(0)
    number = np.concatenate([rng.normal(0, 1, 7 * ROWS), np.zeros(3 * ROWS)])
    column = fit(pa.table({"number": number}), book()).codec.columns[0]
    share = column.counts / column.counts.sum()
    draws = rng.random(40_000)
    made = column.decode(rng.choice(column.tokens, 40_000, p=share), draws).to_numpy()
    assert (made == 0).mean() == pytest.approx(0.3, abs=0.02)
    for q in (0.05, 0.2, 0.8, 0.95):
        assert np.quantile(made, q) == pytest.approx(np.quantile(number, q), abs=0.15)


def test_every_type_is_carried_and_stays_within_its_own(mixed: pa.Table) -> None:
    table = pa.concat_tables([mixed] * 5)
    fitted = fit(table, book(epsilon=200))
    rng = np.random.default_rng(0)
    for column in fitted.codec.columns:
        tokens = rng.integers(0, column.tokens, 500).astype(np.int32)
        made = column.decode(tokens, rng.random(500))
        made.validate(full=True)
        made.to_pylist()
        assert made.type == column.type
    hour = fitted.codec.columns[fitted.codec.schema.names.index("hour")]
    made = hour.decode(rng.integers(0, hour.tokens, 500).astype(np.int32), rng.random(500))
    assert pc.max(pc.minute(made.drop_null())).as_py() == 0
    document, arrays = write_codec(fitted.codec)
    assert read_codec(document, Arrays(arrays)).schema == fitted.codec.schema


def test_what_is_public_costs_nothing() -> None:
    rng = np.random.default_rng(0)
    table = pa.table({"sex": rng.choice(["f", "m"], ROWS), "age": rng.integers(18, 90, ROWS)})
    ledger = book(domains={"sex": {"values": ["f", "m", "x", None]}, "age": {"low": 0, "high": 120}})
    sex, age = fit(table, ledger).codec.columns
    assert isinstance(sex, ExactColumn)
    assert set(sex.values.to_pylist()) == {"f", "m", "x", None}
    booked = [entry.name for entry in ledger.entries]
    assert not [name for name in booked if "'sex'" in name or "powers" in name]
    assert pc.max(age.decode(np.array([age.tokens - 1]), np.array([0.99]))).as_py() <= 120


def test_the_codec_keeps_within_its_part() -> None:
    rng = np.random.default_rng(0)
    table = pa.table(
        {"a": rng.normal(size=ROWS), "b": rng.choice(["x", "y"], ROWS), "c": rng.random(ROWS) < 0.5}
    )
    ledger = book()
    rho = ledger.rho
    fit(table, ledger)
    assert 0 < ledger.spent_rho <= 0.5 * rho * (1 + 1e-9)
    assert sum(entry.delta for entry in ledger.entries) <= ledger.threshold_delta * (1 + 1e-9)


def test_the_order_of_rows_leaves_no_trace() -> None:
    names = np.repeat([f"v{i}" for i in range(20)], 300)
    one = fit(pa.table({"name": names}), book()).codec.columns[0]
    other = fit(pa.table({"name": names[::-1]}), book()).codec.columns[0]
    assert isinstance(one, ExactColumn)
    assert isinstance(other, ExactColumn)
    assert one.values.equals(other.values)
    assert (one.counts == other.counts).all()


def test_a_long_source_is_sampled_row_by_row() -> None:
    ledger = book()
    fitted = fit_private_table(
        memory_source(pa.table({"a": np.arange(20_000) % 4})), ledger, rho=ledger.rho, finest=0.1, bins=9,
        fit_rows=2000,
    )  # fmt: skip
    assert 1800 < len(fitted.tokens) < 2200
    assert fitted.rows == pytest.approx(2000)


@pytest.mark.parametrize(
    ("domains", "error", "match"),
    [
        ({"no": {"values": [1]}}, SpecError, "there is no column 'no'"),
        ({"name": {"low": 0, "high": 1}}, SpecError, "is text"),
        ({"number": {"low": "a", "high": "b"}}, ConditionError, "no value of column 'number'"),
        ({"number": {"low": "nan", "high": "inf"}}, SpecError, "not finite"),
        ({"number": {"low": 3, "high": 1}}, SpecError, "low 3 is above high 1"),
        ({"name": {"values": [1]}}, ConditionError, "no value of column 'name'"),
    ],
)
def test_domains_that_do_not_fit_are_refused(
    domains: dict[str, object], error: type[Exception], match: str
) -> None:
    table = pa.table({"name": ["a", "b"] * 500, "number": np.linspace(0, 1, 1000)})
    with pytest.raises(error, match=match):
        fit(table, book(domains=domains))


def test_columns_that_noise_drowns_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(SourceError, match="column 'id' has no value of so many rows"):
        fit(pa.table({"id": [f"{i}" for i in range(500)]}), book())
    with pytest.raises(SourceError, match="column 'number' has too few rows of one magnitude"):
        fit(pa.table({"number": rng.normal(size=20)}), book(epsilon=0.1))


def test_no_rows_are_refused() -> None:
    with pytest.raises(SourceError):
        fit(pa.table({"name": pa.array([], pa.string())}), book())
