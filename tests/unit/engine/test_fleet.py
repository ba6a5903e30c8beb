"""The executor on a cluster that exists in arithmetic only: who gets attempts, who goes, who is blamed."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError

from mintage.engine import events
from mintage.engine.executors import Attempt, Outcome
from mintage.engine.placement import ClusterView, Node, Placement
from mintage.engine.ray_executor import MAX_START_FAILURES, RayExecutor
from mintage.engine.ray_worker import Started
from mintage.engine.worker import Receipt, WorkerSetup
from mintage.errors import ClusterError, PluginError
from mintage.store import ObjectStore

NODE = Node(id="node", total={"CPU": 64.0}, free={"CPU": 64.0})


class Call:
    """A method of an actor: what Ray makes of `actor.method`."""

    def __init__(self, actor: Actor, name: str) -> None:
        self._actor = actor
        self._name = name

    def options(self, **_: object) -> Call:
        return self

    def remote(self, *arguments: object) -> Reference:
        answer: Future[object] = Future()
        self._actor.calls.append((self._name, arguments, answer))
        if self._name == "ping":
            answer.set_exception(ActorDiedError())
        elif self._name in ("stop", "flush"):
            answer.set_result(None)

        return Reference(answer)


class Reference:
    """What Ray gives for a result that is to come."""

    def __init__(self, answer: Future[object]) -> None:
        self._answer = answer

    def future(self) -> Future[object]:
        return self._answer


class Actor:
    """An actor of no cluster: it does what the test says, when the test says."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.calls: list[tuple[str, tuple[object, ...], Future[object]]] = []
        self.killed = False

    def __getattr__(self, name: str) -> Call:
        return Call(self, name)

    def named(self, name: str) -> list[tuple[tuple[object, ...], Future[object]]]:
        return [(arguments, answer) for called, arguments, answer in self.calls if called == name]

    @property
    def left(self) -> bool:
        return self.killed or bool(self.named("__ray_terminate__"))

    def come(self) -> None:
        self.named("start")[0][1].set_result(Started(identity=f"host/{self.number}", node="node"))

    def fail_to_start(self, how: object) -> None:
        answer = self.named("start")[0][1]
        answer.set_exception(how) if isinstance(how, ActorDiedError) else answer.set_result(how)

    def shards(self) -> list[int]:
        """The shards that it was given and has not finished."""
        return [
            arguments[1].shard
            for arguments, answer in self.named("mint")
            if isinstance(arguments[1], Attempt) and not answer.done()
        ]

    def finish(self) -> None:
        """End the oldest attempt with a receipt."""
        (arguments, answer), *_ = [one for one in self.named("mint") if not one[1].done()]
        attempt = arguments[1]
        assert isinstance(attempt, Attempt)
        answer.set_result(Receipt(shard=attempt.shard, rows=1, bytes=1, rejected={}, adopted=False))

    def die(self, how: BaseException) -> None:
        for _, answer in self.named("mint"):
            if not answer.done():
                answer.set_exception(how)


@pytest.fixture
def actors(monkeypatch: pytest.MonkeyPatch) -> list[Actor]:
    """All actors that were asked for, in that order."""
    asked: list[Actor] = []

    def start_actor(options: dict[str, Any], environment: dict[str, str]) -> Actor:
        del options, environment
        asked.append(Actor(len(asked)))
        return asked[-1]

    def kill(worker: Any) -> None:  # noqa: ANN401  # Ray
        worker.actor.killed = True

    monkeypatch.setattr("mintage.engine.fleet.start_actor", start_actor)
    monkeypatch.setattr("mintage.engine.fleet._kill", kill)
    monkeypatch.setattr("mintage.engine.ray_executor._IDLE_SECONDS", 0.0)
    monkeypatch.setattr("mintage.engine.outlook._EVERY_SECONDS", 0.0)
    monkeypatch.setattr("mintage.engine.outlook._SHARE_OF_TIME", 1e9)
    return asked


@pytest.fixture
def view() -> list[ClusterView]:
    """What the next looks at the cluster see: the last one, again and again."""
    return [ClusterView(nodes=(NODE,))]


@pytest.fixture
def told() -> list[events.Event]:
    return []


@pytest.fixture
def fleet(
    actors: list[Actor], view: list[ClusterView], told: list[events.Event]
) -> Callable[..., RayExecutor]:
    del actors

    def make(workers: int | None, shards: int, in_flight: int = 2, **asked: Any) -> RayExecutor:  # noqa: ANN401  # by name
        placement = Placement(workers=workers, in_flight=in_flight, cpus=1, **{"gpus": 0.0, **asked})
        executor = RayExecutor(placement, None, told.append, lambda: view[-1])
        executor.begin(WorkerSetup(store=ObjectStore.open("memory://fleet"), plan_digest="0"))
        for shard in range(shards):
            executor.submit(Attempt(shard=shard, id="1"))
        executor.wait(0)
        return executor

    return make


Fleets = Callable[..., RayExecutor]


def test_only_workers_that_have_started_are_given_shards(fleet: Fleets, actors: list[Actor]) -> None:
    executor = fleet(3, 9)
    assert [actor.shards() for actor in actors] == [[], [], []]
    actors[1].come()
    executor.wait(0)
    assert [actor.shards() for actor in actors] == [[], [0, 1], []]
    actors[0].come()
    executor.wait(0)
    assert actors[0].shards() == [2, 3]


def test_near_the_end_a_shard_waits_for_whoever_has_time_first(fleet: Fleets, actors: list[Actor]) -> None:
    executor = fleet(2, 3)
    for actor in actors:
        actor.come()
    executor.wait(0)
    assert sorted(actor.shards() for actor in actors) == [[0], [1]]
    actors[1].finish()
    executor.wait(0)
    assert actors[1].shards() == [2]


def test_workers_with_nothing_to_do_go_and_so_do_those_that_still_wait(
    fleet: Fleets, actors: list[Actor]
) -> None:
    executor = fleet(5, 5)
    for actor in actors[:4]:
        actor.come()
    executor.wait(0)
    for actor in actors[:3]:
        actor.finish()
    executor.wait(0)
    executor.wait(0)
    assert [actor.left for actor in actors] == [False, True, True, False, True]
    assert actors[0].shards() == [4], "the last shard went to one that had time"


def test_a_job_is_left_with_two_workers_so_that_one_can_check_the_other(
    fleet: Fleets, actors: list[Actor]
) -> None:
    executor = fleet(3, 3)
    for actor in actors:
        actor.come()
    executor.wait(0)
    for actor in actors:
        actor.finish()
    executor.wait(0)
    executor.wait(0)
    assert sum(not actor.left for actor in actors) == 2


def lost(outcomes: list[Outcome]) -> dict[int, bool]:
    """Which shards were lost, and whether they are to blame."""
    return {one.attempt.shard: not one.blameless for one in outcomes if one.lost}


def test_a_dead_worker_is_replaced_and_only_the_shard_under_way_is_blamed(
    fleet: Fleets, actors: list[Actor]
) -> None:
    executor = fleet(1, 3)
    actors[0].come()
    executor.wait(0)
    actors[0].die(ActorDiedError())
    assert lost(executor.wait(0)) == {0: True, 1: False}
    executor.wait(0)
    assert len(actors) == 2
    actors[1].come()
    executor.wait(0)
    assert actors[1].shards() == [2]


@pytest.mark.parametrize("how", ["unavailable", "preempted", "node-gone"])
def test_nobody_is_blamed_for_a_node_that_went(
    fleet: Fleets, actors: list[Actor], view: list[ClusterView], how: str
) -> None:
    executor = fleet(1, 3)
    actors[0].come()
    executor.wait(0)
    error: Exception = ActorDiedError()
    if how == "unavailable":
        error = ActorUnavailableError("socket closed", None)
    elif how == "preempted":
        error._preempted = True  # type: ignore[attr-defined]  # as Ray's own constructor does
    else:
        view.append(ClusterView(nodes=()))
        time.sleep(0.6)
    actors[0].die(error)
    assert lost(executor.wait(0)) == {0: False, 1: False}


def test_an_answer_of_a_worker_that_was_given_up_changes_nothing(fleet: Fleets, actors: list[Actor]) -> None:
    executor = fleet(1, 3)
    actors[0].come()
    executor.wait(0)
    first, second = actors[0].named("mint")
    second[1].set_exception(ActorUnavailableError("socket closed", None))
    first[1].set_result(Receipt(shard=0, rows=1, bytes=1, rejected={}, adopted=False))
    assert lost(executor.wait(0)) == {0: False, 1: False}


def test_a_fleet_that_lost_every_node_waits_says_so_and_gives_up_in_the_end(
    fleet: Fleets, view: list[ClusterView], told: list[events.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mintage.engine.outlook._TELL_AFTER_SECONDS", 0.0)
    executor = fleet(2, 3, patience_seconds=0.3)
    view.append(ClusterView(nodes=()))
    executor.wait(0.05)
    executor.wait(0.05)
    crowded, unplaceable, alone = [event.message for event in told if isinstance(event, events.Warned)]
    assert crowded == (
        "3 shards wait for a worker: the cluster has 1 nodes, with room for 64 workers, 64 of them free; "
        "2 are starting"
    )
    assert "the cluster has no nodes. Unless such a node comes" in unplaceable
    assert alone.startswith("3 shards wait for a worker: no node of the cluster could have a worker")
    time.sleep(0.3)
    with pytest.raises(ClusterError, match=r"no worker for 0 s, and resources.patience_seconds is 0\.3"):
        executor.wait(0)


def test_patience_does_not_run_out_while_somebody_works(fleet: Fleets, actors: list[Actor]) -> None:
    executor = fleet(2, 3, patience_seconds=0.1)
    actors[0].come()
    executor.wait(0)
    time.sleep(0.2)
    executor.wait(0)
    assert actors[0].shards()


def test_an_error_of_a_package_ends_the_run_as_it_is(fleet: Fleets, actors: list[Actor]) -> None:
    executor = fleet(1, 1)
    actors[0].fail_to_start(PluginError("no such plugin", "install it"))
    with pytest.raises(PluginError, match="no such plugin"):
        executor.wait(0)


def test_workers_that_never_start_end_the_run_after_a_few_rounds(
    fleet: Fleets, actors: list[Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mintage.engine.ray_executor._LONGEST_PAUSE_SECONDS", 0.0)
    executor = fleet(1, 1)
    for _ in range(MAX_START_FAILURES - 1):
        actors[-1].fail_to_start(ActorDiedError())
        executor.wait(0)
        executor.wait(0)
    actors[-1].fail_to_start(ActorDiedError())
    with pytest.raises(ClusterError, match=f"failed to start {MAX_START_FAILURES} times"):
        executor.wait(0)


def test_workers_that_fail_together_count_once(fleet: Fleets, actors: list[Actor]) -> None:
    executor = fleet(20, 20)
    for actor in list(actors):
        actor.fail_to_start(ActorDiedError())
    executor.wait(0)
    executor.wait(0)
    assert len(actors) == 20, "the next ones are asked for after a pause"


def test_a_fleet_follows_the_nodes_when_no_number_is_asked_for(
    fleet: Fleets, actors: list[Actor], view: list[ClusterView]
) -> None:
    view.append(ClusterView(nodes=(Node(id="node", total={"CPU": 2.0}, free={}),)))
    executor = fleet(None, 99)
    assert len(actors) == 2
    view.append(ClusterView(nodes=(Node(id="node", total={"CPU": 3.0}, free={}),)))
    executor.wait(0)
    assert len(actors) == 3
    assert executor.capacity == 9
    view.append(ClusterView(nodes=(Node(id="node", total={"CPU": 1.0}, free={}),)))
    executor.wait(0)
    assert sum(not actor.left for actor in actors) == 1


def test_workers_with_a_gpu_start_when_there_is_a_model(
    actors: list[Actor], view: list[ClusterView], told: list[events.Event]
) -> None:
    view.append(ClusterView(nodes=(Node(id="node", total={"CPU": 4.0, "GPU": 2.0}, free={}),)))
    placement = Placement(workers=None, in_flight=2, cpus=1, gpus=0.5)
    executor = RayExecutor(placement, None, told.append, lambda: view[-1])
    assert not actors
    executor.begin(WorkerSetup(store=ObjectStore.open("memory://fleet"), plan_digest="0"))
    for shard in range(9):
        executor.submit(Attempt(shard=shard, id="1"))
    executor.wait(0)
    assert len(actors) == 4


def test_closing_asks_those_at_work_first_and_kills_everyone(fleet: Fleets, actors: list[Actor]) -> None:
    executor = fleet(3, 4)
    for actor in actors[:2]:
        actor.come()
    executor.wait(0)
    for actor in actors[:2]:
        actor.named("mint")[0][1].set_result(Receipt(shard=0, rows=1, bytes=1, rejected={}, adopted=True))
    executor.close()
    assert all(actor.named("stop") for actor in actors[:2])
    assert all(actor.killed for actor in actors)
    executor.close()


def test_a_shard_costs_the_same_with_ten_workers_and_with_a_thousand(
    fleet: Fleets, actors: list[Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds_per_shard(workers: int) -> float:
        actors.clear()
        executor = fleet(workers, 3 * workers)
        for actor in actors:
            actor.come()
        executor.wait(0)
        shard, started = 3 * workers, time.process_time()
        for turn in range(500):
            actors[turn % workers].finish()
            for outcome in executor.wait(0):
                assert outcome.receipt is not None
                executor.submit(Attempt(shard=shard, id="1"))
                shard += 1
        return (time.process_time() - started) / 500

    monkeypatch.setattr("mintage.engine.outlook._EVERY_SECONDS", 60.0)
    few, many = seconds_per_shard(20), seconds_per_shard(1000)
    assert many < 10 * few, (few, many)
