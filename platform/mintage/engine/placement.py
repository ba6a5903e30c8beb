"""What workers ask of a cluster, and what a cluster has: pure, so that no cluster is needed to test it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

Constraint = tuple[str, bool, frozenset[str]]
"""A label, whether its value must (True) or must not (False) be one of these, and these values."""
Place = frozenset[Constraint]
"""What a node must keep, all of it."""

_SELECTOR = re.compile(r"(?P<not>!?)(?:in\((?P<several>[^)]*)\)|(?P<one>.*))")
_LITTLE = 1e-6
"""Ray counts in ten-thousandths."""


def read_selector(selector: Mapping[str, str]) -> Place:
    """A label selector of Ray as constraints.

    >>> sorted(read_selector({"zone": "!in(a, b)"}))[0][:2]
    ('zone', False)
    """
    return frozenset(_constraint(key, value) for key, value in selector.items())


def _constraint(key: str, value: str) -> Constraint:
    found = _SELECTOR.fullmatch(value)
    assert found is not None
    values = found["one"] if found["several"] is None else found["several"]
    return key, not found["not"], frozenset(one.strip() for one in values.split(","))


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A living node: what it has, what of it is free, and its labels."""

    id: str
    total: Mapping[str, float]
    free: Mapping[str, float]
    labels: Mapping[str, str] = field(default_factory=dict)

    def matches(self, places: tuple[Place, ...]) -> bool:
        """Whether the labels fit one of the places; of no places, every one does."""
        return not places or any(
            all((self.labels.get(key) in values) is wanted for key, wanted, values in place)
            for place in places
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What one process asks of a node."""

    resources: Mapping[str, float]
    places: tuple[Place, ...] = ()

    def could_be_on(self, node: Node) -> bool:
        """Whether the node, when nothing else ran there, would take it."""
        return node.matches(self.places) and _within(self.resources, node.total)

    def count(self, available: Mapping[str, float]) -> int:
        """How many of it these resources take."""
        counts = [
            int((available.get(name, 0.0) + _LITTLE) / amount)
            for name, amount in self.resources.items()
            if amount > 0
        ]
        return min(counts, default=0)

    def same(self, other: Shape) -> bool:
        """Whether Ray could not tell the two apart."""
        return set(self.places) == set(other.places) and _close(self.resources, other.resources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """So many processes of a shape wait for room."""

    shape: Shape
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterView:
    """A cluster as it was a moment ago; `jobs` are those that have workers of Mintage, or wait for them."""

    nodes: tuple[Node, ...]
    waiting: tuple[Waiting, ...] = ()
    jobs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What the workers of a job ask of the cluster: `workers` at most, None for what the nodes have room for.

    `places` are choices of nodes in order, as label selectors of Ray; none when every node is as good.
    """

    workers: int | None
    in_flight: int
    cpus: float
    gpus: float
    most: int = 100_000
    """Workers that there can be work for."""
    places: tuple[Mapping[str, str], ...] = ()
    patience_seconds: float = 3600.0
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that its processes get besides."""

    @property
    def shape(self) -> Shape:
        """What one worker asks for."""
        resources = {"CPU": self.cpus, "GPU": self.gpus}
        return Shape(
            resources={name: amount for name, amount in resources.items() if amount > 0},
            places=tuple(read_selector(place) for place in self.places),
        )

    def options(self) -> dict[str, object]:
        """The same, as Ray takes it."""
        options: dict[str, object] = {"num_cpus": self.cpus, "num_gpus": self.gpus}
        if self.places:
            options["label_selector"] = dict(self.places[0])
        if self.places[1:]:
            options["fallback_strategy"] = [{"label_selector": dict(place)} for place in self.places[1:]]
        return options

    def target(self, view: ClusterView) -> int:
        """How many workers the job wants of a cluster, others left aside: at least one.

        Without a number, one for each CPU of the nodes that are there, or for each share of a GPU.
        """
        if self.workers is not None:
            return min(self.workers, self.most)
        whole = self.shape
        if not self.gpus:
            # A worker keeps a CPU busy, also where it reserves less to leave room for the system.
            whole = replace(whole, resources={"CPU": max(1.0, self.cpus)})
        return max(1, min(room(whole, view), self.most))


def room(shape: Shape, view: ClusterView) -> int:
    """How many of a shape the cluster would take, when nothing else ran there."""
    return sum(shape.count(node.total) for node in view.nodes if node.matches(shape.places))


def free_room(shape: Shape, view: ClusterView) -> int:
    """How many of a shape the cluster would take now."""
    return sum(shape.count(node.free) for node in view.nodes if node.matches(shape.places))


def kept_out(mine: Shape, own_waiting: int, view: ClusterView) -> int:
    """How many workers of shape `mine` would have to go, that others' processes which wait could start.

    Only what they lack on nodes that could have workers of `mine`, and have resources of the kinds that
    those hold, counts; `own_waiting` of those who wait are the job's own.
    """
    return sum(
        _needed(waiting, mine, view)
        for waiting in _others(mine, own_waiting, view.waiting)
        if not any(waiting.shape.count(node.free) for node in view.nodes if waiting.shape.could_be_on(node))
    )


def _others(mine: Shape, own: int, waiting: Iterable[Waiting]) -> Iterator[Waiting]:
    for one in waiting:
        count = one.count
        if one.shape.same(mine):
            count, own = max(0, count - own), max(0, own - count)
        if count:
            yield replace(one, count=count)


def _needed(waiting: Waiting, mine: Shape, view: ClusterView) -> int:
    asked = waiting.shape.resources
    for node in view.nodes:
        if not (mine.could_be_on(node) and waiting.shape.could_be_on(node)):
            continue
        lacking = [name for name, amount in asked.items() if node.free.get(name, 0.0) + _LITTLE < amount]
        if lacking and all(mine.resources.get(name, 0.0) > 0 for name in lacking):
            each = max(-(-asked[name] // mine.resources[name]) for name in lacking)
            return int(each) * waiting.count
    return 0


def unplaceable(placement: Placement, view: ClusterView) -> str | None:
    """Why no node that there is could ever have a worker; None when one could."""
    shape = placement.shape
    if any(shape.could_be_on(node) for node in view.nodes):
        return None
    return f"no node of the cluster could have a worker: asked is {_asked(placement)}; {_there(view)}"


def _asked(placement: Placement) -> str:
    asked = [f"{name} {amount:g}" for name, amount in placement.shape.resources.items()]
    if placement.places:
        asked.append("labels " + ", else ".join(_labels(place) for place in placement.places))
    return ", ".join(asked)


def _there(view: ClusterView) -> str:
    if not view.nodes:
        return "the cluster has no nodes"
    largest = {name: max(node.total.get(name, 0.0) for node in view.nodes) for name in ("CPU", "GPU")}
    labels: dict[str, set[str]] = {}
    for node in view.nodes:
        for key, value in node.labels.items():
            if key != "ray.io/node-id":
                labels.setdefault(key, set()).add(value)
    known = "; ".join(
        f"{key}: {', '.join(sorted(values)[:5])}" for key, values in sorted(labels.items())[:10]
    )
    sizes = ", ".join(f"{name} {amount:g}" for name, amount in largest.items())
    return f"there are {len(view.nodes)} nodes of at most {sizes}, with {known or 'no'} labels"


def _labels(selector: Mapping[str, str]) -> str:
    return " and ".join(f"{key}={value}" for key, value in selector.items()) or "any"


def _within(asked: Mapping[str, float], there: Mapping[str, float]) -> bool:
    return all(there.get(name, 0.0) + _LITTLE >= amount for name, amount in asked.items())


def _close(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return one.keys() == other.keys() and all(abs(one[name] - other[name]) < _LITTLE for name in one)
