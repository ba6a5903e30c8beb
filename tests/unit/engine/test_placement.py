"""What fits where, who keeps whom out, and how many workers a job takes of a cluster."""

from __future__ import annotations

import pytest

from mintage.engine.placement import (
    ClusterView,
    Node,
    Placement,
    Shape,
    Waiting,
    kept_out,
    read_selector,
    unplaceable,
)
from mintage.engine.sharing import Share


def node(name: str = "a", cpus: float = 2, free: float = 0, gpus: float = 0, **labels: str) -> Node:
    return Node(
        id=name,
        total={"CPU": cpus, "GPU": gpus},
        free={"CPU": free, "GPU": 0},
        labels={key.replace("_", "-"): value for key, value in labels.items()},
    )


def placement(
    workers: int | None = None, cpus: float = 1, gpus: float = 0, *places: dict[str, str]
) -> Placement:
    return Placement(workers=workers, in_flight=2, cpus=cpus, gpus=gpus, places=places)


def waits(count: int = 1, cpus: float = 1, **labels: str) -> Waiting:
    places = (read_selector(labels),) if labels else ()
    return Waiting(shape=Shape(resources={"CPU": cpus}, places=places), count=count)


@pytest.mark.parametrize(
    ("selector", "matches"),
    [("a", True), ("b", False), ("!a", False), ("!b", True), ("in(b, a)", True), ("!in(b,a)", False)],
)
def test_a_selector_means_what_ray_means_by_it(selector: str, matches: bool) -> None:
    assert node(zone="a").matches((read_selector({"zone": selector}),)) is matches


def test_a_label_that_is_not_there_is_another_value() -> None:
    assert not node().matches((read_selector({"zone": "a"}),))
    assert node().matches((read_selector({"zone": "!a"}),))


@pytest.mark.parametrize(
    ("asked", "nodes", "target"),
    [
        pytest.param(placement(7), [node()], 7, id="a-number-asks-for-nodes-that-are-not-there-yet"),
        pytest.param(placement(), [node(), node("b", 4)], 6, id="one-for-each-cpu"),
        pytest.param(placement(None, 0.5), [node()], 2, id="half-a-cpu-leaves-room-for-the-system"),
        pytest.param(placement(None, 4), [node(), node("b", 9)], 2, id="four-cpus-each"),
        pytest.param(placement(None, 0.5, 0.25), [node(gpus=1), node("b")], 4, id="quarters-of-a-gpu"),
        pytest.param(placement(None, 1, 0, {"zone": "b"}), [node(), node("b", 3, zone="b")], 3, id="labels"),
        pytest.param(placement(), [], 1, id="a-cluster-of-nothing-gets-one-that-drives-its-autoscaler"),
    ],
)
def test_the_number_of_workers_follows_the_nodes(asked: Placement, nodes: list[Node], target: int) -> None:
    assert asked.target(ClusterView(nodes=tuple(nodes))) == target


def test_there_are_never_more_workers_than_work() -> None:
    few = Placement(workers=9, in_flight=2, cpus=1, gpus=0, most=3)
    assert few.target(ClusterView(nodes=(node(cpus=64),))) == 3


def test_a_fallback_is_another_place_where_workers_can_be() -> None:
    spot = {"ray.io/market-type": "spot"}
    view = ClusterView(nodes=(node(zone="b"),))
    assert unplaceable(placement(1, 1, 0, spot), view)
    assert unplaceable(placement(1, 1, 0, spot, {}), view) is None


def test_what_no_node_has_is_said_beside_what_the_nodes_have() -> None:
    view = ClusterView(nodes=(node(zone="b"), node("c", 4)))
    said = unplaceable(placement(1, 1, 1, {"zone": "a"}), view)
    assert said is not None
    for fact in ("CPU 1, GPU 1", "zone=a", "2 nodes", "CPU 4", "zone: b"):
        assert fact in said


MINE = placement(2).shape


@pytest.mark.parametrize(
    ("waiting", "own", "nodes", "needed"),
    [
        pytest.param([], 0, [node()], 0, id="nobody"),
        pytest.param([waits(3)], 0, [node()], 3, id="workers-of-another-job"),
        pytest.param([waits(3)], 3, [node()], 0, id="only-my-own"),
        pytest.param([waits(3)], 2, [node()], 1, id="one-beside-my-own"),
        pytest.param([waits(1, 2)], 0, [node()], 2, id="a-large-one-needs-two-of-mine-to-go"),
        pytest.param([waits(1)], 0, [node(free=1)], 0, id="about-to-be-placed"),
        pytest.param([waits(1, 8)], 0, [node()], 0, id="too-large-for-any-node"),
        pytest.param([waits(1, zone="z")], 0, [node()], 0, id="for-nodes-that-are-not-there"),
        pytest.param([waits(1, zone="z")], 0, [node(), node("b", zone="z")], 1, id="for-nodes-of-mine"),
        pytest.param(
            [Waiting(shape=Shape(resources={"GPU": 1.0}), count=1)], 0, [node(gpus=1)], 0, id="for-a-gpu"
        ),
    ],
)
def test_others_count_as_kept_out_where_my_workers_are_in_their_way(
    waiting: list[Waiting], own: int, nodes: list[Node], needed: int
) -> None:
    view = ClusterView(nodes=tuple(nodes), waiting=tuple(waiting))
    assert kept_out(MINE, own, view) == needed


def cluster(waiting: int, free: float = 0, jobs: int = 2, cpus: float = 4) -> ClusterView:
    others = (waits(waiting),) if waiting else ()
    return ClusterView(
        nodes=(node(cpus=cpus, free=free),),
        waiting=others,
        jobs=frozenset(str(number) for number in range(jobs)),
    )


def test_a_job_gives_back_what_is_above_its_share_and_takes_it_again() -> None:
    share = Share(placement(4))
    assert share.look(cluster(0, jobs=1), started=4, waiting=0) == 4
    assert share.look(cluster(4), started=4, waiting=0) == 4, "what Ray reports may be stale"
    assert share.look(cluster(4), started=4, waiting=0) == 2
    assert share.look(cluster(2), started=2, waiting=0) == 2, "no less than its share"
    for _ in range(2):
        assert share.look(cluster(0, free=2, jobs=1), started=2, waiting=0) == 2
    assert share.look(cluster(0, free=2, jobs=1), started=2, waiting=0) == 4


def test_a_job_gives_back_no_more_than_others_wait_for() -> None:
    share = Share(placement(4))
    taken = [share.look(cluster(1), started=4, waiting=0) for _ in range(2)]
    assert taken[-1] == 3


@pytest.mark.parametrize("jobs", [2, 3, 9])
def test_a_job_never_gives_back_its_last_worker(jobs: int) -> None:
    share = Share(placement(2))
    taken = [share.look(cluster(9, jobs=jobs, cpus=2), started=1, waiting=0) for _ in range(9)]
    assert taken[-1] == 2, "it holds no more than its share, so it may go on waiting for more"
    taken = [share.look(cluster(9, jobs=jobs, cpus=2), started=2, waiting=0) for _ in range(9)]
    assert taken[-1] == 1


@pytest.mark.parametrize("jobs", [2, 3, 4])
@pytest.mark.parametrize("cpus", [4, 6, 12])
def test_jobs_that_come_one_after_the_other_all_get_their_share(jobs: int, cpus: int) -> None:
    shares = [Share(placement(cpus)) for _ in range(jobs)]
    held, wanted = [0] * jobs, [0] * jobs
    for turn in range(200):
        present = range(min(jobs, turn // 10 + 1))
        for at in present:
            others = sum(max(0, wanted[one] - held[one]) for one in present if one != at)
            own = max(0, wanted[at] - held[at])
            view = cluster(others + own, free=cpus - sum(held), jobs=len(present), cpus=cpus)
            wanted[at] = shares[at].look(view, started=held[at], waiting=own)
            held[at] = min(held[at], wanted[at])
        for at in present:  # Ray places those that wait
            held[at] += min(max(0, wanted[at] - held[at]), cpus - sum(held))
    assert min(held) >= cpus // jobs
    assert sum(held) == cpus
