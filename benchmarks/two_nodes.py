"""A Ray cluster of two nodes on this machine: from a command to a first shard, and what a lost node costs."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from environment import ROOT, Setting

sys.path.insert(0, str(ROOT))

from tests.integration.cluster.machines import Driver, Machines, machines, until

SHARD_ROWS = 10_000

_EMPTY = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False)
@ray.remote(num_cpus=0.5)
class Actor:
    def answer(self):
        return 1
ray.get(Actor.remote().answer.remote())
"""


def measure(setting: Setting) -> dict[str, object]:
    """Seconds from the start of `mintage run` to its first commit, and of a program that does nothing else.

    Both start a Python, join the cluster and wait for an actor's answer, in turns. Then a node is killed in
    the middle of a job: how long until the next commit, how many attempts were in vain, and how much longer
    the job takes than one that nobody disturbs and one that has a single node from the start.
    """
    shards = 20 if setting.quick else 100
    turns = 1 if setting.quick else setting.runs
    environment = dict(os.environ)
    empty: list[float] = []
    first: list[float] = []
    with machines(environment) as cluster:
        cluster.add("stays")
        cluster.add("goes")
        for turn in range(turns):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", _EMPTY, cluster.address], check=True, env=environment)
            empty.append(time.perf_counter() - started)
            seconds = _run(setting, cluster, f"first-{turn}", shards).first_commit
            first.append(seconds)
        undisturbed = _run(setting, cluster, "undisturbed", shards)
        disturbed = _run(setting, cluster, "disturbed", shards, kill_at=shards // 4)
        single = _run(setting, cluster, "single", shards)
    return {
        "turns": turns,
        "run_to_first_commit_seconds": round(statistics.median(first), 1),
        "empty_program_seconds": round(statistics.median(empty), 1),
        "shards": shards,
        "two_nodes": undisturbed.to_json(),
        "one_node_killed": disturbed.to_json(),
        "one_node": single.to_json(),
        "same_root": len({undisturbed.root, disturbed.root, single.root}) == 1,
    }


class _Run:
    """One job: when its shards were committed, and when a node was killed."""

    def __init__(self) -> None:
        self.first_commit = 0.0
        self.minting = 0.0
        self.to_next_commit: float | None = None
        self.repeated = 0
        self.root = ""

    def to_json(self) -> dict[str, object]:
        return {
            "first_commit_seconds": round(self.first_commit, 1),
            "first_to_last_commit_seconds": round(self.minting, 1),
            "kill_to_next_commit_seconds": self.to_next_commit and round(self.to_next_commit, 2),
            "attempts_in_vain": self.repeated,
        }


def _run(setting: Setting, cluster: Machines, name: str, shards: int, kill_at: int | None = None) -> _Run:
    spec = setting.spec(name, shards * SHARD_ROWS, workers=2, shard_rows=SHARD_ROWS)
    spec["name"] = name
    spec["resources"] = {"executor": "ray"}
    run, started = _Run(), time.perf_counter()
    driver = Driver(spec, setting.folder, os.environ, cluster.address)
    try:
        driver.wait_for_commits(1)
        run.first_commit = time.perf_counter() - started
        if kill_at is not None:
            driver.wait_for_commits(kill_at)
            done = len(driver.commits())
            cluster.kill("goes")
            killed = time.perf_counter()
            until(lambda: len(driver.commits()) > done, "commit after the node was killed")
            run.to_next_commit = time.perf_counter() - killed
        until(lambda: len(driver.commits()) >= shards, "last commit", 1200)
        run.minting = time.perf_counter() - started - run.first_commit
        driver.finish(1200)
    finally:
        driver.kill()
    run.repeated = sum(event["event"] == "ShardRetried" for event in driver.events)
    run.root = _root(driver.sink)
    return run


def _root(sink: Path) -> str:
    import mintage

    return str(mintage.Result.open(str(sink)).manifest.head.root)
