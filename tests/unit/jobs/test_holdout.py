from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from mintage.contracts import Source
from mintage.errors import SpecError
from mintage.jobs.holdout import split_source
from mintage.jobs.sources import open_source
from mintage.spec import EvaluationSpec, SourceSpec


def source_of(table: pa.Table) -> Source:
    return open_source(SourceSpec(kind="frame"), "people", table)


def evaluation(**keys: object) -> EvaluationSpec:
    return EvaluationSpec.model_validate(keys)


def people(rows: int = 20_000) -> pa.Table:
    draws = np.random.default_rng(3)
    return pa.table({"id": np.arange(rows) // 4, "age": draws.integers(0, 90, rows), "x": draws.random(rows)})


def rows_of(reader: object) -> list[tuple[object, ...]]:
    table = pa.Table.from_batches(reader.scan(), reader.schema)  # type: ignore[attr-defined]
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def test_both_sides_together_are_the_source_and_share_no_row() -> None:
    table = people()
    split = split_source(source_of(table), evaluation(holdout=0.1))
    assert split.holdout is not None
    kept, held = rows_of(split.training.readers["people"]), rows_of(split.holdout)
    assert sorted(kept + held) == sorted(zip(*(c.to_pylist() for c in table.columns), strict=True))
    assert not set(kept) & set(held)
    assert len(held) == pytest.approx(2000, abs=300)


def test_the_rows_of_one_subject_stay_together() -> None:
    split = split_source(source_of(people()), evaluation(holdout=0.2, key="id"))
    assert split.holdout is not None
    kept = {row[0] for row in rows_of(split.training.readers["people"])}
    held = {row[0] for row in rows_of(split.holdout)}
    assert kept
    assert held
    assert not kept & held


def test_equal_rows_stay_together() -> None:
    table = pa.table({"age": np.arange(5000) % 50})
    split = split_source(source_of(table), evaluation(holdout=0.3))
    assert split.holdout is not None
    assert not set(rows_of(split.training.readers["people"])) & set(rows_of(split.holdout))


def test_the_side_of_a_row_depends_on_nothing_but_the_row() -> None:
    table = people()
    order = np.random.default_rng(0).permutation(len(table))
    first, second = (
        split_source(source_of(t), evaluation(holdout=0.1)).holdout for t in (table, table.take(order))
    )
    assert first is not None
    assert second is not None
    assert sorted(rows_of(first)) == sorted(rows_of(second))


def test_columns_can_be_read_without_the_key() -> None:
    split = split_source(source_of(people()), evaluation(holdout=0.1, key="id"))
    assert split.holdout is not None
    batch = next(split.holdout.scan(["x"], batch_rows=1000))
    assert batch.schema.names == ["x"]
    assert 0 < batch.num_rows < 1000


def test_a_split_source_travels_to_another_process() -> None:
    split = split_source(source_of(people(100)), evaluation(holdout=0.5))
    copy = pickle.loads(pickle.dumps(split))
    assert rows_of(copy.holdout) == rows_of(split.holdout)


def test_without_a_holdout_everything_is_learned_from() -> None:
    source = source_of(people(10))
    split = split_source(source, evaluation())
    assert split.training is source
    assert split.holdout is None


def test_a_holdout_may_lie_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    pyarrow.csv.write_csv(people(30), path)
    source = source_of(people(100))
    split = split_source(source, evaluation(holdout={"uri": str(path)}))
    assert split.training is source
    assert split.holdout is not None
    assert len(rows_of(split.holdout)) == 30


def test_a_holdout_with_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    pyarrow.csv.write_csv(people(30).drop(["x"]), path)
    with pytest.raises(SpecError, match=r"only in the source \['x'\]"):
        split_source(source_of(people(100)), evaluation(holdout={"uri": str(path)}))


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(SpecError, match="'idd'"):
        split_source(source_of(people(10)), evaluation(holdout=0.1, key="idd"))


def test_a_share_of_several_tables_is_refused() -> None:
    tables = {"a": {"kind": "frame"}, "b": {"kind": "frame"}}
    spec = SourceSpec.model_validate({"tables": tables, "root": "a"})
    source = open_source(spec, "d", {"a": people(10), "b": people(10)})
    with pytest.raises(SpecError, match="several tables"):
        split_source(source, evaluation(holdout=0.1))
