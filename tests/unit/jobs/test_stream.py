"""`mintage.stream`: the rows of the data set, under keys, from any place on, in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import mintage
from mintage.engine import events
from mintage.engine.stream.keys import BatchKey, epoch_seed
from mintage.errors import ClusterError, GenerationError, MintageError, SpecError

Job = Callable[..., dict[str, Any]]

RULES = [{"kind": "range", "column": "age", "min": 25}]


def rows(batches: Iterator[pa.RecordBatch] | list[pa.RecordBatch]) -> pl.DataFrame:
    frame = pl.from_arrow(pa.Table.from_batches(list(batches)))
    assert isinstance(frame, pl.DataFrame)
    return frame


def by_key(*streams: mintage.Stream[pa.RecordBatch]) -> dict[BatchKey, pa.RecordBatch]:
    """What all these streams give, in the order of the data set; no key comes twice."""
    items = [item for stream in streams for item in stream.keyed()]
    assert len({key for key, _ in items}) == len(items)
    return dict(sorted(items, key=lambda item: item[0]))


def sink(tmp_path: Path, name: str) -> dict[str, object]:
    return {"uri": str(tmp_path / name), "shard_rows": 500}


def test_a_stream_has_the_rows_the_run_id_and_the_plan_of_a_run(job: Job, tmp_path: Path) -> None:
    heard: list[events.Event] = []
    streamed = rows(iter(mintage.stream(job(validate=RULES), batch_rows=64, on_event=heard.append)))
    result = mintage.run(job(validate=RULES, sink=sink(tmp_path, "run")))
    assert streamed.equals(result.scan().collect())
    started = next(event for event in heard if isinstance(event, events.RunStarted))
    assert started.run_id == result.summary["run_id"]
    plans = [(tmp_path / name / "_mintage/plan.json").read_bytes() for name in ("out", "run")]
    assert plans[0] == plans[1]


@pytest.mark.parametrize("batch_rows", [1, 7, 64, 10_000])
def test_a_key_names_rows_of_a_shard_whatever_the_size_of_batches(job: Job, batch_rows: int) -> None:
    whole = rows(iter(mintage.stream(job(rows=700))))
    stream = mintage.stream(job(rows=700), batch_rows=batch_rows)
    batches = by_key(stream)
    assert stream.batches == len(batches)
    for key, batch in batches.items():
        first = key.shard * 350 + key.batch * batch_rows
        assert rows([batch]).equals(whole.slice(first, batch.num_rows))


def test_ranks_share_the_shards_and_together_have_every_row(job: Job) -> None:
    whole = rows(iter(mintage.stream(job(validate=RULES))))
    ranks = [mintage.stream(job(validate=RULES), rank=rank, world=3) for rank in range(3)]
    assert [list(rank.shards) for rank in ranks] == [[0, 3], [1], [2]]
    assert rows(list(by_key(*ranks).values())).equals(whole)


@pytest.mark.parametrize("taken", [0, 1, 9, 12, 36])
def test_a_stream_goes_on_from_its_state_in_the_middle_of_a_shard(job: Job, taken: int) -> None:
    spec = job(validate=[*RULES, {"kind": "unique", "columns": ["age", "income", "joined"]}])
    whole = list(mintage.stream(spec, batch_rows=60))
    first = mintage.stream(spec, batch_rows=60)
    drawn = list(islice(first, taken))
    second = mintage.stream(spec, batch_rows=60)
    second.load_state_dict(first.state_dict())
    assert drawn + list(second) == whole
    assert len(whole) == 36


def test_other_numbers_of_ranks_go_on_from_the_joined_states(job: Job) -> None:
    ranks = [mintage.stream(job(), rank=rank, world=3, batch_rows=60).keyed() for rank in range(3)]
    drawn = [key for rank, taken in zip(ranks, (3, 12, 0), strict=True) for key, _ in islice(rank, taken)]
    joined = mintage.Stream.join([rank.state_dict() for rank in ranks])
    for rank in range(2):
        stream = mintage.stream(job(), rank=rank, world=2, batch_rows=60).keyed()
        stream.load_state_dict(joined)
        drawn += [key for key, _ in stream]
    assert sorted(drawn) == [BatchKey(0, shard, batch) for shard in range(4) for batch in range(9)]


def test_a_second_iteration_begins_at_the_beginning(job: Job) -> None:
    stream = mintage.stream(job(), batch_rows=100)
    first = list(islice(stream, 3))
    assert list(stream)[:3] == first


def test_a_state_of_other_rows_is_refused(job: Job) -> None:
    state = mintage.stream(job()).state_dict()
    for other in (mintage.stream(job(), batch_rows=5), mintage.stream(job(), fresh=False)):
        with pytest.raises(SpecError, match="the state is one of plan sha256:"):
            other.load_state_dict(state)
    with pytest.raises(SpecError, match="no mintage-stream/1"):
        mintage.stream(job()).load_state_dict({"epoch": 3})


def test_a_state_of_another_plan_is_refused(job: Job, tmp_path: Path) -> None:
    state = mintage.stream(job()).state_dict()
    other = mintage.stream(job(seed=4, sink=sink(tmp_path, "other")))
    with pytest.raises(SpecError, match="go on with the same spec"):
        other.load_state_dict(state)


def test_the_state_of_one_rank_alone_is_refused_by_another_world(job: Job) -> None:
    mintage.stream(job())
    state = mintage.stream(job(), rank=1, world=2).state_dict()
    for rank, world in ((0, 2), (1, 3)):
        with pytest.raises(SpecError, match="lane 1 of 2 alone") as caught:
            mintage.stream(job(), rank=rank, world=world).load_state_dict(state)
        assert "Stream.join" in caught.value.hint


def test_the_state_of_a_single_rank_is_whole_and_can_be_shared_out(job: Job) -> None:
    alone = mintage.stream(job(), batch_rows=100)
    drawn = list(islice(alone, 7))
    ranks = [mintage.stream(job(), rank=rank, world=2, batch_rows=100) for rank in range(2)]
    for rank in ranks:
        rank.load_state_dict(alone.state_dict())
    assert sum(batch.num_rows for batch in [*drawn, *ranks[0], *ranks[1]]) == 2000


def test_further_epochs_have_the_rows_of_a_job_with_their_seed(job: Job, tmp_path: Path) -> None:
    fitted = mintage.run(job(rows=10, sink=sink(tmp_path, "fitted")))
    spec = job(model={"uri": fitted.store.uri}, validate=RULES, sink=sink(tmp_path, "streamed"))
    del spec["generator"], spec["source"]
    epochs: dict[int, list[pa.RecordBatch]] = {}
    for key, batch in mintage.stream(spec, epochs=2).keyed():
        epochs.setdefault(key.epoch, []).append(batch)
    again = {**spec, "seed": epoch_seed(3, 1), "sink": sink(tmp_path, "again")}
    assert not rows(epochs[0]).equals(rows(epochs[1]))
    assert rows(epochs[1]).equals(mintage.run(again).scan().collect())


def test_an_endless_stream_goes_on_from_a_state_in_a_later_epoch(job: Job) -> None:
    def endless() -> mintage.Stream[tuple[BatchKey, pa.RecordBatch]]:
        return mintage.stream(job(), batch_rows=500, epochs=None).keyed()

    whole = list(islice(endless(), 12))
    first = endless()
    drawn = list(islice(first, 6))
    second = endless()
    second.load_state_dict(first.state_dict())
    assert drawn + list(islice(second, 6)) == whole
    assert [key.epoch for key, _ in whole] == [0] * 4 + [1] * 4 + [2] * 4


def test_the_same_rows_come_again_when_they_need_not_be_fresh(job: Job) -> None:
    batches = list(mintage.stream(job(), epochs=2, fresh=False, batch_rows=500))
    assert batches[:4] == batches[4:]


def test_an_epoch_can_be_chosen(job: Job) -> None:
    whole = list(mintage.stream(job(), batch_rows=500, epochs=3))
    stream = mintage.stream(job(), batch_rows=500)
    stream.set_epoch(2)
    assert list(stream) == whole[8:]


def test_shards_that_are_committed_are_read_and_not_made(job: Job, tmp_path: Path) -> None:
    result = mintage.run(job())
    next((tmp_path / "out/data/people").glob("part-000002-*")).unlink()
    streamed = iter(mintage.stream(job(), batch_rows=500))
    assert rows([next(streamed), next(streamed)]).equals(result.scan().head(1000).collect())
    with pytest.raises(MintageError, match="part-000002"):
        next(streamed)


def test_a_finished_data_set_streams_the_same_batches_under_the_same_keys(job: Job) -> None:
    made = by_key(mintage.stream(job(validate=RULES), batch_rows=64))
    result = mintage.run(job(validate=RULES))
    ranks = [result.stream(rank=rank, world=2, batch_rows=64) for rank in range(2)]
    read = by_key(*ranks)
    assert read == made
    first = result.stream(batch_rows=64)
    drawn = list(islice(first, 5))
    second = result.stream(batch_rows=64)
    second.load_state_dict(first.state_dict())
    assert drawn + list(second) == list(made.values())


def test_another_table_is_streamed_when_it_is_named(job: Job, orders_plugin: str, tmp_path: Path) -> None:
    spec = job(rows=100, generator={"kind": orders_plugin}, sink={**sink(tmp_path, "o"), "shard_rows": 30})
    del spec["source"]
    tables = {name: mintage.stream(spec, table=name, batch_rows=16) for name in ("orders", "lines")}
    batches = {name: by_key(stream) for name, stream in tables.items()}
    assert tables["lines"].batches is None
    result = mintage.run(spec)
    for name, made in batches.items():
        assert rows(list(made.values())).equals(result.scan(name).collect())
        assert by_key(result.stream(name, batch_rows=16)) == made
    assert rows(iter(mintage.stream(spec))).equals(result.scan("orders").collect())
    with pytest.raises(SpecError, match="no table 'refunds'"):
        mintage.stream(spec, table="refunds")


def test_columns_are_chosen_and_ordered(job: Job) -> None:
    stream = mintage.stream(job(), columns=["income", "age"])
    assert next(iter(stream)).schema.names == stream.schema.names == ["income", "age"]
    with pytest.raises(SpecError, match="no column 'wage'"):
        mintage.stream(job(), columns=["wage"])


def test_batches_become_tensors_or_polars_frames(job: Job) -> None:
    stream = mintage.stream(job(), batch_rows=50)
    batch = next(iter(stream))
    frame = next(iter(stream.as_polars()))
    assert isinstance(frame, pl.DataFrame)
    assert frame.equals(rows([batch]))
    tensors = next(iter(stream.as_tensors(categories={"sex": ["F", "M"]})))
    assert tensors["age"].tolist() == frame["age"].to_list()
    assert ["FM"[code] for code in tensors["sex"].tolist()] == frame["sex"].to_list()
    with pytest.raises(SpecError, match=r"cannot become tensors: sex \("):
        stream.as_tensors()


def test_an_error_among_the_rows_reaches_the_loop_after_the_rows_before_it(job: Job) -> None:
    stream = mintage.stream(job(validate=[{"kind": "expression", "where": "age < 0"}]))
    with pytest.raises(GenerationError, match="min_acceptance"):
        list(stream)


def test_a_loop_that_stops_early_stops_everything(job: Job, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    stream = iter(mintage.stream(job(rows=100_000, sink=sink(tmp_path, "early")), tee=True, ahead_rows=2000))
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # a generator
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before
    commits = list((tmp_path / "early/_mintage/commits").iterdir())
    assert len(commits) < 20
    parts = list((tmp_path / "early/data/people").iterdir())
    assert len(parts) == len(commits)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 2, "world": 2}, "rank: is 2 of 2"),
        ({"rank": -1}, "rank: is -1 of 1"),
        ({"world": 0}, "world: is 0"),
        ({"batch_rows": 0}, "batch_rows: is 0"),
        ({"epochs": 0}, "epochs: is 0"),
        ({"tee": True, "epochs": 2}, "rows of one epoch"),
        ({"tee": True, "epochs": None}, "rows of one epoch"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_before_anything_is_fitted(
    job: Job, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        mintage.stream(job(), **options)
    assert not (tmp_path / "out").exists()


def test_memory_is_no_place_for_several_ranks(job: Job) -> None:
    with pytest.raises(SpecError, match="memory:// is seen by one process alone"):
        mintage.stream(job(sink={"uri": "memory://several"}), world=2)


def test_a_job_bound_to_this_process_is_no_ray_dataset(job: Job) -> None:
    with pytest.raises(SpecError, match="executor: inline"):
        mintage.stream(job()).to_ray_dataset()


def test_other_ranks_wait_for_the_plan_of_rank_0(job: Job) -> None:
    with pytest.raises(ClusterError, match=r"rank 0 did not freeze the plan .* within 0.1 s"):
        mintage.stream(job(), rank=1, world=2, wait_seconds=0.1)
    found: list[mintage.Stream[pa.RecordBatch]] = []
    waiting = threading.Thread(target=lambda: found.append(mintage.stream(job(), rank=1, world=2)))
    waiting.start()
    mintage.stream(job(), rank=0, world=2)
    waiting.join(30)
    assert len(list(found[0].shards)) == 2


def test_all_ranks_together_commit_what_a_run_commits(job: Job, tmp_path: Path) -> None:
    plain = mintage.run(job(validate=RULES, sink=sink(tmp_path, "plain")))
    spec = job(validate=RULES, sink=sink(tmp_path, "teed"))
    for rank in range(2):
        for _ in mintage.stream(spec, rank=rank, world=2, tee=True, columns=["age"]):
            pass
    result = mintage.run(spec)
    assert result.summary["resumed_shards"] == 4
    assert result.summary["root"] == plain.summary["root"]
    assert mintage.verify(result.store.uri).ok
