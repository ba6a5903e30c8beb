"""Every batch is drawn once, by whatever lanes, however often their number changes in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintage.engine.stream.keys import Ask, BatchKey, Chunk
from mintage.engine.stream.lanes import Position, Work
from mintage.engine.stream.state import State, join
from mintage.engine.stream.weaving import Weaver
from mintage.errors import SpecError
from tests.unit.engine.stream.numbers import numbered

ROWS = 3
"""Rows of a batch."""


class CountingFeed:
    """Hands over rows that say which they are, two batches at a time."""

    def __init__(self) -> None:
        self.shard = self.first = self.total = 0

    def begin(self, epoch: int, shard: int, first: int, total: int | None) -> None:
        assert epoch == 0
        assert total is not None
        self.shard, self.first, self.total = shard, first, total

    def take(self) -> Chunk:
        ask = Ask(epoch=0, shard=self.shard, first=self.first, rows=2 * ROWS, total=self.total)
        chunk = numbered(ask)
        self.first += chunk.batch.num_rows
        return chunk

    def close(self) -> None:
        pass


def total(shard: int) -> int:
    return 4 + shard % 5


def draw(state: State, shards: Sequence[int], feeds: int, batches: int) -> tuple[list[BatchKey], State]:
    """The keys of the next batches of a lane, each checked to hold the rows that it names."""
    weaver = Weaver(
        [CountingFeed() for _ in range(feeds)],
        state.work(shards, 0),
        batch_rows=ROWS,
        total=total,
    )
    keys: list[BatchKey] = []
    made = weaver.batches(state.position)
    while len(keys) < batches and (woven := next(made, None)) is not None:
        first = woven.key.batch * ROWS
        rows = range(first, min(first + ROWS, total(woven.key.shard)))
        assert woven.rows["row"].to_pylist() == list(rows)
        assert set(woven.rows["shard"].to_pylist()) == {woven.key.shard}
        keys.append(woven.key)
        state = state.moved(woven.after)
    return keys, state


def beginning(lane: int, lanes: int) -> State:
    return State(rows_of="numbers", lane=lane, lanes=lanes, position=Position())


EVERYTHING = Counter(
    BatchKey(0, shard, batch) for shard in range(11) for batch in range(-(-total(shard) // ROWS))
)


@given(
    worlds=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    feeds=st.integers(1, 3),
    counts=st.lists(st.integers(0, 6), min_size=1, max_size=5),
)
def test_any_numbers_of_ranks_one_after_the_other_draw_every_batch_once(
    worlds: list[int], feeds: int, counts: list[int]
) -> None:
    drawn: list[BatchKey] = []
    joined = join([beginning(0, 1)])
    for step, world in enumerate(worlds):
        last = step == len(worlds) - 1
        states = []
        for lane in range(world):
            count = 1000 if last else counts[lane % len(counts)]
            keys, state = draw(joined.seen_by(lane, world), range(11), feeds, count)
            drawn += keys
            states.append(State.from_json(state.to_json()))
        joined = join(states[::-1])
    assert Counter(drawn) == EVERYTHING


@given(cut=st.integers(0, 30), before=st.integers(1, 3), after=st.integers(1, 3))
def test_a_lane_goes_on_with_any_number_of_open_shards(cut: int, before: int, after: int) -> None:
    first, state = draw(beginning(0, 1), range(11), before, cut)
    rest, _ = draw(state, range(11), after, 1000)
    assert Counter(first + rest) == EVERYTHING


@given(cut=st.integers(0, 30), feeds=st.integers(1, 3))
def test_a_lane_that_goes_on_draws_in_the_order_in_which_it_would_have(cut: int, feeds: int) -> None:
    whole, _ = draw(beginning(0, 1), range(11), feeds, 1000)
    first, state = draw(beginning(0, 1), range(11), feeds, cut)
    rest, _ = draw(state, range(11), feeds, 1000)
    assert first + rest == whole


def test_a_lane_takes_every_nth_shard() -> None:
    assert list(Work(range(20, 27)).lane(1, 3).shards) == [21, 24]


def test_the_state_of_one_rank_of_two_is_refused_by_a_world_of_three() -> None:
    with pytest.raises(SpecError, match="lane 1 of 2 alone"):
        beginning(1, 2).seen_by(1, 3)


def test_states_are_joined_only_when_all_are_there_once_and_in_one_epoch() -> None:
    later = beginning(1, 2).moved(Position(epoch=1))
    with pytest.raises(SpecError, match="0 of 2, 0 of 2"):
        join([beginning(0, 2), beginning(0, 2)])
    with pytest.raises(SpecError, match="in epoch 1"):
        join([beginning(0, 2), later])
    with pytest.raises(SpecError, match="no states"):
        join([])


@pytest.mark.parametrize(
    "change",
    [{"format": "other/1"}, {"lane": 5}, {"position": {}}, {"stages": [[7]]}, {"lanes": "many"}],
    ids=["format", "lane", "position", "stages", "lanes"],
)
def test_a_state_that_is_malformed_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(SpecError, match="state"):
        State.from_json({**beginning(0, 1).to_json(), **change})
