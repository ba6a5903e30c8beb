"""The coordinator, driven through orders of events that no cluster would give on demand."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from mintage.engine.coordinator import (
    MAX_FAILURES,
    MAX_LOSSES,
    MAX_TAKEN,
    Abort,
    Committed,
    Coordinator,
    Effect,
    Failed,
    Lost,
    Mint,
    Retry,
)
from mintage.errors import ClusterError, GenerationError, StoreUnavailableError


def mints(effects: list[Effect]) -> list[int]:
    return [effect.shard for effect in effects if isinstance(effect, Mint)]


def test_start_fills_the_capacity_in_shard_order() -> None:
    assert mints(Coordinator(shards=10, capacity=4).start()) == [0, 1, 2, 3]


def test_start_skips_what_the_store_holds() -> None:
    machine = Coordinator(shards=6, capacity=4)
    assert mints(machine.start([0, 2, 3])) == [1, 4, 5]
    assert machine.done == 3


def test_a_commit_makes_room_for_the_next_shard() -> None:
    machine = Coordinator(shards=3, capacity=1)
    machine.start()
    assert mints(machine.handle(Committed(shard=0))) == [1]


def test_a_finished_run_has_nothing_in_flight() -> None:
    machine = Coordinator(shards=2, capacity=2)
    machine.start()
    machine.handle(Committed(shard=1))
    assert not machine.finished
    machine.handle(Committed(shard=0))
    assert machine.finished


def test_everything_committed_before_is_finished_at_once() -> None:
    machine = Coordinator(shards=2, capacity=2)
    assert machine.start([0, 1]) == []
    assert machine.finished


def test_a_lost_shard_is_minted_again_under_another_attempt() -> None:
    machine = Coordinator(shards=1, capacity=1)
    machine.start()
    assert machine.handle(Lost(shard=0, reason="killed")) == [
        Retry(shard=0, reason="killed"),
        Mint(shard=0, attempt=2),
    ]


def test_a_final_error_ends_the_run_with_that_error() -> None:
    machine = Coordinator(shards=3, capacity=2)
    machine.start()
    error = GenerationError("no such luck")
    assert machine.handle(Failed(shard=1, error=error)) == [Abort(error=error)]
    assert machine.handle(Committed(shard=0)) == []
    assert machine.finished


@pytest.mark.parametrize(
    "error", [ClusterError("gone"), StoreUnavailableError("slow down")], ids=["cluster", "store"]
)
def test_a_retryable_error_is_tried_again_up_to_the_limit(
    error: ClusterError | StoreUnavailableError,
) -> None:
    machine = Coordinator(shards=1, capacity=1)
    machine.start()
    for _ in range(MAX_FAILURES - 1):
        assert mints(machine.handle(Failed(shard=0, error=error))) == [0]
    assert machine.handle(Failed(shard=0, error=error)) == [Abort(error=error)]


def test_a_shard_that_kills_its_workers_ends_the_run() -> None:
    machine = Coordinator(shards=2, capacity=1)
    machine.start()
    for _ in range(MAX_LOSSES - 1):
        machine.handle(Lost(shard=0, reason="SIGKILL"))
        # The other shard takes its turn, so the queue moves on; give it back unharmed.
        while 0 not in machine.in_flight:
            [other] = machine.in_flight
            machine.handle(Committed(shard=other))
    [abort] = machine.handle(Lost(shard=0, reason="SIGKILL"))
    assert isinstance(abort, Abort)
    assert "shard 0 lost its worker 5 times: SIGKILL" in str(abort.error)


def test_workers_that_are_taken_away_are_not_held_against_a_shard_for_long() -> None:
    machine = Coordinator(shards=1, capacity=1)
    machine.start()
    for _ in range(MAX_TAKEN - 1):
        assert mints(machine.handle(Lost(shard=0, reason="node gone", blameless=True))) == [0]
    for _ in range(MAX_LOSSES - 1):
        assert mints(machine.handle(Lost(shard=0, reason="SIGKILL"))) == [0], "the two are counted apart"
    [abort] = machine.handle(Lost(shard=0, reason="node gone", blameless=True))
    assert isinstance(abort, Abort)
    assert "taken away 50 times: node gone" in str(abort.error)


def test_a_fleet_that_grows_gets_more_shards_and_one_that_shrinks_gives_none_back() -> None:
    machine = Coordinator(shards=9, capacity=2)
    assert mints(machine.start()) == [0, 1]
    assert mints(machine.resize(4)) == [2, 3]
    assert machine.resize(1) == []
    assert machine.handle(Committed(shard=0)) == []
    assert machine.in_flight == {1, 2, 3}


def test_a_late_report_of_an_attempt_given_up_changes_nothing() -> None:
    machine = Coordinator(shards=2, capacity=2)
    machine.start()
    machine.handle(Committed(shard=0))
    assert machine.handle(Committed(shard=0)) == []
    assert machine.done == 1


@pytest.mark.parametrize("seed", range(20))
def test_any_order_of_losses_and_commits_commits_every_shard_once(seed: int) -> None:
    rng = random.Random(seed)
    machine = Coordinator(shards=50, capacity=rng.randint(1, 9))
    flying = mints(machine.start(rng.sample(range(50), rng.randint(0, 20))))
    committed: list[int] = []
    lost: dict[int, int] = {}
    while not machine.finished:
        shard = flying.pop(rng.randrange(len(flying)))
        if lost.get(shard, 0) < MAX_LOSSES - 1 and rng.random() < 0.3:
            lost[shard] = lost.get(shard, 0) + 1
            flying += mints(machine.handle(Lost(shard=shard, reason="chaos")))
        else:
            committed.append(shard)
            flying += mints(machine.handle(Committed(shard=shard)))
        assert len(flying) == len(machine.in_flight) <= machine.capacity
    assert len(committed) == len(set(committed))
    assert machine.done == 50


def test_memory_of_a_hundred_thousand_shards_is_far_below_a_kilobyte_each() -> None:
    tracemalloc.start()
    try:
        machine = Coordinator(shards=100_000, capacity=64)
        flying = mints(machine.start())
        while flying:
            flying += mints(machine.handle(Committed(shard=flying.pop())))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000 * 100
