"""Rows that do not fit into memory: sampled, encoded into a file, shuffled without being loaded."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mintage.contracts import Source
from mintage.errors import SourceError
from mintage.testing import memory_source
from mintage_generators.tabular.codec import CodecConfig, FittedTable, fit_table
from mintage_generators.tabular.codec.encoded import EncodedRows, training_rows
from mintage_generators.tabular.learning import batches
from mintage_generators.tabular.learning.batches import Batches, held_out_rows, read_rows
from mintage_generators.tabular.learning.randomness import Randomness

ROWS = 5000


@pytest.fixture(scope="module")
def source() -> Source:
    rng = np.random.default_rng(0)
    letters = pa.array(list("xyz")).take(pa.array(rng.integers(0, 3, ROWS)))
    return memory_source(pa.table({"a": rng.integers(0, 50, ROWS), "b": rng.normal(size=ROWS), "c": letters}))


@pytest.fixture(scope="module")
def fitted(source: Source) -> FittedTable:
    """A codec learned from a thousand of the rows."""
    return fit_table(source, CodecConfig(fit_rows=1000), np.random.default_rng(1), functions=False)


def rng() -> np.random.Generator:
    return np.random.default_rng(2)


def test_all_rows_are_encoded_though_the_codec_saw_a_sample(source: Source, fitted: FittedTable) -> None:
    every = fit_table(source, CodecConfig(), np.random.default_rng(1), functions=False)
    with training_rows(source, fitted, [2, 0], most=None, max_disk_bytes=10**6, rng=rng()) as rows:
        assert isinstance(rows, EncodedRows)
        assert rows.shape == (ROWS, 2)
        assert rows.dtype.name == "int16"
        letters = fitted.codec.columns[2].decode(rows[0:ROWS][:, 0].astype(np.int32), np.zeros(0))
        assert letters.equals(every.rows.column("c").combine_chunks())
        assert np.array_equal(rows[4990:6000], rows[0:ROWS][4990:])
        assert rows[10:10].shape == (0, 2)


def test_a_sample_of_the_rows_is_uniform_and_in_order(source: Source, fitted: FittedTable) -> None:
    numbered = memory_source(
        pa.table({"a": np.arange(ROWS) // 100, "b": np.zeros(ROWS), "c": pa.array(["x"] * ROWS)})
    )
    codec = fit_table(numbered, CodecConfig(fit_rows=1000), np.random.default_rng(1), functions=False)
    with training_rows(numbered, codec, [0], most=3000, max_disk_bytes=10**6, rng=rng()) as rows:
        drawn = rows[0:3000][:, 0]
    assert (np.diff(drawn) >= 0).all()
    counts = np.bincount(drawn, minlength=50)
    assert len(counts) == 50
    assert counts.min() > 35
    assert counts.max() < 85


def test_rows_that_the_codec_was_learned_from_need_no_file(source: Source, fitted: FittedTable) -> None:
    with training_rows(source, fitted, [0, 1], most=1000, max_disk_bytes=0, rng=rng()) as rows:
        assert isinstance(rows, np.ndarray)
        assert np.array_equal(rows, fitted.tokens[:, :2])
    with training_rows(source, fitted, [0, 1], most=300, max_disk_bytes=0, rng=rng()) as rows:
        assert rows.shape == (300, 2)


def test_more_disk_than_allowed_is_refused_with_both_numbers(source: Source, fitted: FittedTable) -> None:
    with (
        pytest.raises(SourceError, match="need 20000 bytes of disk; max_disk_bytes allows 19999") as caught,
        training_rows(source, fitted, [0, 1], most=None, max_disk_bytes=19_999, rng=rng()),
    ):
        pass
    assert "train_rows" in caught.value.hint


@pytest.mark.parametrize(("first", "word"), [(4000, "more"), (6000, "fewer")])
def test_a_source_that_changed_between_the_passes_is_refused(
    source: Source, fitted: FittedTable, first: int, word: str
) -> None:
    other = FittedTable(
        codec=fitted.codec, rows=fitted.rows, tokens=fitted.tokens, record={"rows_seen": first}
    )
    with (
        pytest.raises(SourceError, match=f"{word} when it was read again"),
        training_rows(source, other, [0], most=None, max_disk_bytes=10**6, rng=rng()),
    ):
        pass


def test_nothing_of_the_file_is_left_or_ever_seen(
    source: Source, fitted: FittedTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with training_rows(source, fitted, [0], most=None, max_disk_bytes=10**6, rng=rng()):
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cells", [batches.POOL_CELLS, 4096], ids=["one pool", "several pools"])
def test_an_epoch_deals_each_row_once_and_no_held_out_one(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "POOL_CELLS", cells)
    rows, randomness = np.arange(10_000)[:, None].repeat(2, axis=1), Randomness(1)
    held = held_out_rows(rows, 0.1, 500, randomness)
    dealt = Batches(rows, held, 64, randomness, rank=0, world=1)
    first = [batch[:, 0].numpy() for _, batch in zip(range(140), dealt.after(0, "cpu"), strict=False)]
    seen = Counter(np.concatenate(first).tolist())
    assert max(seen.values()) == 1
    assert len(seen) == 140 * 64
    assert not set(seen) & set(held.tolist())
    assert np.array_equal(read_rows(rows, held)[:, 0], held)


@pytest.mark.parametrize("cells", [batches.POOL_CELLS, 4096], ids=["one pool", "several pools"])
def test_batches_after_a_step_are_those_that_follow_it(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "POOL_CELLS", cells)
    rows, randomness = np.arange(6000)[:, None], Randomness(1)
    dealt = Batches(rows, np.arange(5), 64, randomness, rank=0, world=1)
    whole = [batch[:, 0].tolist() for _, batch in zip(range(220), dealt.after(0, "cpu"), strict=False)]
    rest = [batch[:, 0].tolist() for _, batch in zip(range(70), dealt.after(150, "cpu"), strict=False)]
    assert rest == whole[150:]


def test_processes_share_each_batch() -> None:
    rows, randomness = np.arange(3000)[:, None], Randomness(1)
    parts = [
        next(Batches(rows, np.arange(5), 90, randomness, rank=rank, world=2).after(0, "cpu"))[:, 0].tolist()
        for rank in range(2)
    ]
    alone = next(Batches(rows, np.arange(5), 90, randomness, rank=0, world=1).after(0, "cpu"))[:, 0].tolist()
    assert [len(part) for part in parts] == [45, 45]
    assert sorted(parts[0] + parts[1]) == sorted(alone)
