"""What users say of columns: left out, roles, rare categories; and what is refused."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest

from mintage.contracts import FitContext, SampleRequest
from mintage.errors import SourceError
from mintage.testing import memory_source
from mintage_generators.tabular.codec import CodecConfig, FittedTable, NumberColumn, fit_table
from mintage_generators.tabular.marginals.generator import MarginalsGenerator, MarginalsModel

RNG = np.random.default_rng(0)
SENTENCES = [f"the driver said that {i} parcels were left at door {i * 7}" for i in range(200)]
TABLE = pa.table(
    {
        "age": RNG.integers(20, 80, 200),
        "town": ["Delft"] * 100 + ["Leiden"] * 60 + [f"village {i}" for i in range(40)],
        "paid": RNG.random(200) < 0.5,
        "score": RNG.normal(size=200),
    }
)


def fitted(table: pa.Table, options: Mapping[str, object] | None = None) -> FittedTable:
    config = CodecConfig.model_validate(options or {})
    return fit_table(memory_source(table), config, np.random.default_rng(0), functions=True)


def rows(model: MarginalsModel, count: int = 2000) -> pa.RecordBatch:
    return next(model.sample(SampleRequest(seed=1, shard=0, batch=0, rows=count, first_key=0))).batch


def model_of(table: pa.Table, options: Mapping[str, object]) -> MarginalsModel:
    generator = MarginalsGenerator(MarginalsGenerator.Config.model_validate(options))
    model = generator.fit(memory_source(table), FitContext(seed=1))
    return MarginalsGenerator.load(model.save())


def test_an_excluded_column_is_in_no_schema_and_no_row() -> None:
    table = TABLE.append_column("comment", pa.array(SENTENCES)).append_column("doc", pa.array([b"x"] * 200))
    options = {"exclude": ["comment", "doc"]}
    assert rows(model_of(table, options)).schema.names == TABLE.column_names
    foreseen = MarginalsGenerator(MarginalsGenerator.Config.model_validate(options)).foresee(
        memory_source(table)
    )
    assert foreseen is not None
    assert list(foreseen.root_table.names) == TABLE.column_names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exclude": ["ag"]}, "exclude names the column 'ag'.*\n?.*age"),
        ({"columns": {"Town": {"as": "category"}}}, "columns names the column 'Town'"),
        ({"personal": {"keep": ["e"]}}, r"personal\.keep names the column 'e'"),
        ({"personal": {"columns": {"mail": "email_address"}}}, r"personal\.columns names the column 'mail'"),
        ({"columns": {"town": {"as": "numeric"}}}, "'town' is said to be numeric, but is of type string"),
        ({"columns": {"score": {"as": "key"}}}, "'score' is said to be a key, but is of type double"),
        ({"personal": {"columns": {"score": "url"}}}, "'score' is of type double, which holds no url"),
        (
            {"columns": {"town": {"as": "category"}}, "personal": {"columns": {"town": "city"}}},
            "'town' is said to be personal",
        ),
        ({"exclude": TABLE.column_names}, "all columns are excluded"),
    ],
)
def test_what_cannot_be_said_of_a_column_is_refused(options: Mapping[str, object], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        fitted(TABLE, options)


def test_a_wrong_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(SourceError) as caught:
        fitted(TABLE, {"exclude": ["twon"]})
    assert "town" in str(caught.value)


def test_free_text_is_refused_with_what_to_do() -> None:
    with pytest.raises(SourceError, match="'comment' holds free text") as caught:
        fitted(pa.table({"comment": SENTENCES}))
    assert "exclude: [comment]" in str(caught.value)


def test_sentences_that_rows_share_can_be_categories() -> None:
    table = pa.table({"comment": SENTENCES + ["nothing was said by anyone here"] * 20})
    codec = fitted(table, {"columns": {"comment": {"as": "category"}}}).codec
    assert codec.columns[0].tokens == 1


def test_numbers_of_few_values_can_be_a_quantity_or_categories() -> None:
    table = pa.table({"n": np.repeat(np.arange(40), 25)})
    assert isinstance(fitted(table, {"columns": {"n": {"as": "numeric"}}}).codec.columns[0], NumberColumn)
    wide = pa.table({"n": np.concatenate([np.repeat(np.arange(40), 5), np.arange(1000, 1900)])})
    assert isinstance(fitted(wide).codec.columns[0], NumberColumn)
    assert fitted(wide, {"columns": {"n": {"as": "category"}}}).codec.columns[0].tokens == 40


@pytest.mark.parametrize("options", [{"rare": "other"}, {"columns": {"town": {"rare": "other"}}}])
def test_rare_categories_can_be_one_category(options: Mapping[str, object]) -> None:
    town = rows(model_of(TABLE, options)).column("town").to_pylist()
    assert set(town) == {"Delft", "Leiden", "(other)"}
    assert town.count("(other)") / len(town) == pytest.approx(0.2, abs=0.03)


def test_rare_categories_are_dropped_otherwise() -> None:
    assert set(rows(model_of(TABLE, {})).column("town").to_pylist()) == {"Delft", "Leiden"}


def test_too_few_rare_cells_are_no_category() -> None:
    table = pa.table({"town": ["Delft"] * 50 + ["a", "b", "c"]})
    assert set(rows(model_of(table, {"rare": "other"})).column("town").to_pylist()) == {"Delft"}


def test_a_text_of_unique_values_without_pattern_is_refused_with_three_ways_out() -> None:
    with pytest.raises(SourceError, match="no value that at least 5") as caught:
        fitted(pa.table({"x": ["é" * i for i in range(60)]}))
    assert all(way in str(caught.value) for way in ("as: key", "personal.columns", "exclude: [x]"))


def test_all_null_constant_and_infinite_columns_come_through() -> None:
    table = pa.table(
        {
            "nothing": pa.nulls(200, pa.string()),
            "same": ["x"] * 200,
            "odd": np.where(np.arange(200) % 4 == 0, np.inf, np.where(np.arange(200) % 4 == 1, -np.inf, 1.5)),
        }
    )
    batch = rows(model_of(table, {}))
    assert batch.column("nothing").null_count == 2000
    assert set(batch.column("same").to_pylist()) == {"x"}
    assert set(batch.column("odd").to_pylist()) == {np.inf, -np.inf, 1.5}
