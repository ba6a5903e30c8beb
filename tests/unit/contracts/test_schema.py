"""Schemas of data sets: what they refuse, and that JSON carries all of them."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintage.contracts import ColumnSchema, DatasetSchema, ForeignKey, Semantics, TableSchema
from mintage.errors import SpecError
from mintage.testing import every_type

names = st.text(min_size=1, max_size=12)
column_types = st.sampled_from(every_type().schema.types)


@st.composite
def tables(draw: st.DrawFn, name: str, parent: TableSchema | None = None) -> TableSchema:
    columns = tuple(
        ColumnSchema(
            name=column,
            type=draw(column_types),
            semantics=draw(st.sampled_from(Semantics)),
            nullable=draw(st.booleans()),
        )
        for column in draw(st.lists(names, min_size=1, max_size=5, unique=True))
    )
    key = tuple(draw(st.lists(st.sampled_from([c.name for c in columns]), unique=True, max_size=2)))
    foreign: tuple[ForeignKey, ...] = ()
    if parent:
        reference = ForeignKey(
            columns=(columns[0].name,), table=parent.name, references=(parent.columns[0].name,)
        )
        foreign = (reference,)
    return TableSchema(name=name, columns=columns, primary_key=key, foreign_keys=foreign)


@st.composite
def schemas(draw: st.DrawFn) -> DatasetSchema:
    found: list[TableSchema] = []
    for name in draw(st.lists(names, min_size=1, max_size=3, unique=True)):
        found.append(draw(tables(name, found[-1] if found else None)))
    return DatasetSchema(tables=tuple(found), root=found[0].name)


@given(schemas())
def test_a_schema_survives_json(schema: DatasetSchema) -> None:
    assert DatasetSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


@given(schemas())
def test_a_table_is_described_by_its_own_arrow_schema(schema: DatasetSchema) -> None:
    for table in schema.tables:
        assert TableSchema.of(table.name, table.arrow()).arrow() == table.arrow()
        assert tuple(table.arrow().names) == table.names


def flat(*names: str) -> TableSchema:
    return TableSchema.of("people", pa.schema([(name, pa.int64()) for name in names]))


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(SpecError, match=r"'people' has columns of the same name: \['age'\]"):
        flat("age", "name", "age")


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({"primary_key": ("id",)}, id="primary"),
        pytest.param(
            {"foreign_keys": (ForeignKey(columns=("id",), table="other", references=("id",)),)}, id="foreign"
        ),
    ],
)
def test_a_key_on_an_unknown_column_is_refused_and_known_ones_are_named(keys: dict[str, tuple[str]]) -> None:
    with pytest.raises(SpecError, match="unknown column 'id'") as caught:
        TableSchema(name="people", columns=flat("age", "name").columns, **keys)  # type: ignore[arg-type]  # both kinds of key
    assert "age, name" in caught.value.hint


def test_an_unknown_column_or_table_is_refused_and_known_ones_are_named() -> None:
    schema = DatasetSchema.flat(flat("age", "name"))
    assert schema.root_table.column("age").type == pa.int64()
    with pytest.raises(SpecError, match="known columns: age, name"):
        schema.root_table.column("agee")
    with pytest.raises(SpecError, match="known tables: people"):
        schema.table("peple")


def test_a_schema_with_a_type_that_is_not_known_is_refused() -> None:
    value = json.loads(json.dumps(DatasetSchema.flat(flat("age")).to_json()).replace("int64", "int65"))
    with pytest.raises(SpecError, match="'int65'"):
        DatasetSchema.from_json(value)


@pytest.mark.parametrize(
    ("type_", "semantics"),
    [
        (pa.bool_(), Semantics.BOOLEAN), (pa.uint8(), Semantics.NUMERIC), (pa.float32(), Semantics.NUMERIC),
        (pa.decimal128(9, 2), Semantics.NUMERIC), (pa.date32(), Semantics.DATETIME),
        (pa.timestamp("us"), Semantics.DATETIME), (pa.duration("s"), Semantics.DATETIME),
        (pa.string(), Semantics.CATEGORY), (pa.dictionary(pa.int8(), pa.string()), Semantics.CATEGORY),
        (pa.binary(), Semantics.BINARY), (pa.list_(pa.int8()), Semantics.BINARY),
    ],
)  # fmt: skip
def test_a_type_suggests_its_meaning(type_: pa.DataType, semantics: Semantics) -> None:
    assert Semantics.of(type_) is semantics
    assert ColumnSchema.of(pa.field("x", type_, nullable=False)) == ColumnSchema(
        name="x", type=type_, semantics=semantics, nullable=False
    )
