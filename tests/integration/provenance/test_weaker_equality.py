"""What is found of a shard that does not come out again to the byte, and what is said without its part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mintage
from mintage.cli.regenerating import to_text
from mintage.contracts import Determinism
from mintage.engine.closeness import Tolerance

Job = Callable[..., dict[str, Any]]


@pytest.fixture
def sick(faulty_job: Job, faulty_site: Path) -> mintage.Result:
    """A data set that was minted on a sick machine, which has been repaired since; nothing was audited."""
    result = mintage.run(faulty_job("sick.machine", audit={"shards": 0}))
    (faulty_site / "sick").write_text("nobody")
    return result


def test_a_flipped_bit_is_close_and_less_than_was_claimed(sick: mintage.Result) -> None:
    done = mintage.regenerate(sick.store.uri, 2)
    assert (done.equality, done.ok, done.claimed) == (Determinism.CLOSE, False, Determinism.BYTES)
    parents, children = done.found.tables
    assert (parents.equality, children.equality) == (Determinism.CLOSE, Determinism.BYTES)
    assert set(parents.differs) >= {"sha256", "content"}
    told = {column["name"]: column for column in parents.columns}
    assert (told["amount"]["different"], told["amount"]["beyond_tolerance"]) == (1, 0)
    assert told["amount"]["cells"] == 100
    assert 0 < float(str(told["amount"]["largest_relative"])) < 1e-12
    assert (told["id"]["different"], told["word"]["different"]) == (0, 0)
    assert "amount: 1 of 100 cells differ, 0 by more than the tolerance" in to_text(done)


def test_without_any_tolerance_it_is_statistical(sick: mintage.Result) -> None:
    done = mintage.regenerate(sick.store.uri, 2, tolerance=Tolerance(relative=0, ulps=0))
    assert done.equality is Determinism.STATISTICAL


def test_without_the_committed_part_nothing_weaker_can_be_said(sick: mintage.Result) -> None:
    [part] = Path(sick.store.uri).glob("data/parents/part-000002-*")
    part.unlink()
    done = mintage.regenerate(sick.store.uri, 2, restore=True)
    assert (done.equality, done.ok) == (Determinism.NONE, False)
    assert "rows were not compared" in done.found.tables[0].note
    assert "is not restored: what was minted again has other bytes" in done.notes[0]
    assert not part.exists()


@pytest.mark.parametrize(
    ("kind", "ok"), [("faulty.never", True), ("faulty.clock", False)], ids=["claims nothing", "claims bytes"]
)
def test_other_rows_of_the_same_distribution_are_statistical(
    faulty_job: Job, tmp_path: Path, kind: str, ok: bool
) -> None:
    sink = {"uri": str(tmp_path / "out"), "shard_rows": 500}
    mintage.run(faulty_job(kind, rows=1000, sink=sink, audit={"shards": 0}))
    done = mintage.regenerate(str(tmp_path / "out"), 1)
    assert (done.equality, done.ok) == (Determinism.STATISTICAL, ok)
    amount = next(column for column in done.found.tables[0].columns if column["name"] == "amount")
    assert amount["different"] == amount["cells"] == 500
    assert float(str(amount["p_value"])) > 0.001


def test_rows_of_another_distribution_are_none(faulty_job: Job, tmp_path: Path) -> None:
    # Amounts grow with every request that its process has seen.
    mintage.run(faulty_job("faulty.counts", audit={"shards": 0}))
    done = mintage.regenerate(str(tmp_path / "out"), 5)
    assert (done.equality, done.ok) == (Determinism.NONE, False)
    assert done.found.tables[0].note == ""
