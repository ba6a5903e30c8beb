"""A look at a Ray cluster: its nodes, what waits for room, and whose workers are there.

One call to the head, which answers in milliseconds without a dashboard, and one for the actors' names.
What is read is what Ray's autoscaler reads; it is the one place that knows of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache
from typing import Any

from mintage.engine.placement import ClusterView, Constraint, Node, Place, Shape, Waiting
from mintage.errors import ClusterError

NAME = "mintage"
"""What the names of all workers of all jobs on a cluster begin with; a job's token and a number follow."""

_TIMEOUT_SECONDS = 10
# Values of Ray's NodeStatus (DEAD, DRAINING) and LabelSelectorOperator (LABEL_OPERATOR_IN).
_GOING = (2, 4)
_IN = 1


def look() -> ClusterView:
    """The cluster that this process is connected to, as it is now.

    Raises `ClusterError` when the head does not answer.
    """
    import ray
    from ray.util import client

    ray_client: Any = client.ray
    try:
        if ray_client.is_connected():
            # The driver is outside of the cluster, and its head's port may be out of its reach.
            remote: Any = ray.remote(num_cpus=0)(_look_here)
            return ray.get(remote.remote(), timeout=_TIMEOUT_SECONDS)  # type: ignore[no-any-return]  # Ray
        return _look_here()
    except Exception as exc:
        raise ClusterError(
            f"the head of the Ray cluster does not say what the cluster has: {type(exc).__name__}: {exc}",
            "look whether the head lives, then run the same command again",
        ) from exc


def _look_here() -> ClusterView:
    import ray
    from ray.util import list_named_actors

    state = _state(ray.get_runtime_context().gcs_address)
    names: Any = list_named_actors(all_namespaces=True)
    return ClusterView(
        nodes=tuple(_node(node) for node in state.node_states if node.status not in _GOING),
        waiting=tuple(_waiting(one) for one in state.pending_resource_requests),
        jobs=frozenset(_jobs(one["name"] for one in names)),
    )


def _state(address: str) -> Any:  # noqa: ANN401  # a message of Ray's
    # Ray's types know neither of its client of the head nor of the messages.
    messages: Any = importlib.import_module("ray.core.generated.autoscaler_pb2")
    reply = messages.GetClusterResourceStateReply()
    reply.ParseFromString(_client(address).get_cluster_resource_state(timeout_s=_TIMEOUT_SECONDS))
    return reply.cluster_resource_state


@cache
def _client(address: str) -> Any:  # noqa: ANN401  # a client of Ray's
    raylet: Any = importlib.import_module("ray._raylet")
    return raylet.GcsClient(address)


def _node(node: Any) -> Node:  # noqa: ANN401  # a message of Ray's
    return Node(
        id=node.node_id.hex(),
        total=dict(node.total_resources),
        free=dict(node.available_resources),
        labels=dict(node.labels),
    )


def _waiting(asked: Any) -> Waiting:  # noqa: ANN401  # a message of Ray's
    places = tuple(_place(selector) for selector in asked.request.label_selectors)
    shape = Shape(
        resources={name: amount for name, amount in asked.request.resources_bundle.items() if amount > 0},
        places=() if places == (frozenset(),) else places,
    )
    return Waiting(shape=shape, count=asked.count)


def _place(selector: Any) -> Place:  # noqa: ANN401  # a message of Ray's
    constraints: list[Constraint] = [
        (one.label_key, one.operator == _IN, frozenset(one.label_values))
        for one in selector.label_constraints
    ]
    return frozenset(constraints)


def _jobs(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        prefix, _, rest = name.partition("-")
        if prefix == NAME and "-" in rest:
            yield rest.partition("-")[0]
