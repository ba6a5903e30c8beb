"""Where a job runs: in this process or on Ray, and whether its workers follow a cluster's nodes."""

from __future__ import annotations

from typing import Any

import pytest

from mintage.errors import SpecError
from mintage.jobs.workplace import Workplace
from mintage.settings import Settings
from mintage.spec import read_spec
from mintage.store import ObjectStore


def choose(
    monkeypatch: pytest.MonkeyPatch,
    *,
    joined: bool = False,
    uri: str = "out",
    shards: int = 4,
    **resources: Any,  # noqa: ANN401  # keys of a spec
) -> Workplace:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    for name in ("RAY_ADDRESS", "MINTAGE_RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    if joined:
        monkeypatch.setenv("RAY_ADDRESS", "10.0.0.5:6379")
    spec = read_spec(
        {
            "name": "job",
            "generator": {"kind": "rules"},
            "rows": 10 * shards,
            "sink": {"uri": uri, "shard_rows": 10},
            "resources": resources,
        }
    )
    return Workplace.choose(spec, Settings.read(), ObjectStore.open(uri))


@pytest.mark.parametrize(
    ("asked", "ray", "workers", "follows"),
    [
        pytest.param({}, True, 2, False, id="this-machine"),
        pytest.param({"shards": 1}, False, 1, False, id="one-shard"),
        pytest.param({"workers": 1}, False, 1, False, id="one-worker"),
        pytest.param({"workers": 9}, True, 4, False, id="no-more-than-shards"),
        pytest.param({"joined": True}, True, 4, True, id="a-cluster-by-the-environment"),
        pytest.param({"joined": True, "shards": 1}, True, 1, True, id="one-shard-in-a-cluster"),
        pytest.param({"joined": True, "workers": 3}, True, 3, False, id="a-number-in-a-cluster"),
        pytest.param({"joined": True, "executor": "inline"}, False, 1, True, id="here-and-not-there"),
        pytest.param({"address": "10.0.0.5:6379"}, True, 4, True, id="a-cluster-by-the-spec"),
        pytest.param({"workers": 1, "labels": {"zone": "a"}}, True, 1, False, id="labels-need-nodes"),
        pytest.param({"joined": True, "uri": "memory://here"}, False, 1, True, id="memory-is-here-alone"),
    ],
)
def test_a_workplace_is_chosen_from_the_spec_the_machine_and_the_cluster(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], ray: bool, workers: int, follows: bool
) -> None:
    place = choose(monkeypatch, **asked)
    assert (place.ray, place.workers, place.asked is None) == (ray, workers, follows)


def test_what_only_this_process_sees_is_not_for_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError, match="memory:// is seen by this process alone"):
        choose(monkeypatch, uri="memory://here", market="spot")
