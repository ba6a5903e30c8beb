"""Real clusters whose nodes come and go while a job runs: it waits, says why, goes on, and shares."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cluster.conftest import Job, Run
from tests.integration.cluster.machines import Driver, Machines, machines, until

pytestmark = [pytest.mark.ray, pytest.mark.timeout(1200)]

Same = Callable[[Mapping[str, Any]], None]


def worked(driver: Driver) -> set[str]:
    """Who minted the shards that are committed."""
    return {json.loads(commit)["worker"] for commit in driver.commits().values()}


def parts(folder: Path) -> set[str]:
    """The files of a data set's tables, those of lost attempts among them."""
    found = (path.relative_to(folder) for path in folder.rglob("*.parquet"))
    return {str(path) for path in found if path.parts[0] != "_mintage"}


def test_a_job_that_loses_all_its_nodes_waits_says_so_and_goes_on_with_the_next(
    cluster: Machines, job: Job, run: Run, same_as_undisturbed: Same
) -> None:
    cluster.add("first")
    spec = job("lost", shards=24)
    driver = run(spec)
    driver.wait_for_commits(4)
    cluster.kill("first")
    before, files = driver.commits(), parts(driver.sink)
    until(lambda: driver.warned("the job gives up after"), "warning that nobody can work")
    cluster.add("second")
    driver.finish()
    after = driver.commits()
    assert len(after) == 24
    assert {name: after[name] for name in before} == before
    assert len(parts(driver.sink) - files) == 2 * (24 - len(before)), "no committed shard is minted again"
    cluster.kill("second")
    same_as_undisturbed(spec)


@pytest.mark.slow
def test_two_jobs_on_two_cpus_both_go_on_and_the_first_has_both_again_in_the_end(
    cluster: Machines, job: Job, run: Run
) -> None:
    cluster.add("both", cpus=2)
    first = run(job("first", shards=200, cpus_per_worker=1))
    first.wait_for_commits(4)
    until(lambda: len(worked(first)) == 2, "second worker of the first job")
    second = run(job("second", shards=12, cpus_per_worker=1))
    second.wait_for_commits(1)
    assert first.goes_on
    done = len(first.commits())
    second.finish()
    assert first.goes_on
    assert len(first.commits()) > done
    assert len(second.commits()) == 12
    cluster.kill("both")
    first.kill()


@pytest.mark.slow
def test_a_job_for_nodes_that_are_not_there_says_what_it_asks_for_and_takes_the_first_that_comes(
    cluster: Machines, job: Job, run: Run
) -> None:
    cluster.add("plain")
    driver = run(
        job("picky", shards=8, market="spot", fallback=[{"labels": {"zone": "in(a, b)"}, "market": "spot"}])
    )
    until(lambda: driver.warned("asked is CPU 0.5, labels ray.io/market-type=spot"), "warning")
    assert not driver.commits()
    cluster.add("spot", labels="ray.io/market-type=spot")
    driver.finish()
    assert len(driver.commits()) == 8
    for name in ("plain", "spot"):
        cluster.kill(name)


@pytest.mark.slow
def test_a_job_that_has_waited_for_too_long_gives_up_with_what_it_asked_for(
    cluster: Machines, job: Job, run: Run
) -> None:
    cluster.add("plain")
    driver = run(job("hopeless", shards=8, workers=1, gpus_per_worker=0.5, patience_seconds=12))
    until(lambda: not driver.goes_on, "end of the job")
    with pytest.raises(AssertionError, match=r"no worker for 1\d s"):
        driver.finish()
    assert any("GPU 0.5" in line for line in driver.others)
    cluster.kill("plain")


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["head", "everything"])
def test_the_same_command_on_the_next_cluster_goes_on_from_what_is_committed(
    lost: str, environment: Mapping[str, str], job: Job, run: Run, same_as_undisturbed: Same
) -> None:
    spec = job("resumed", shards=30)
    with machines(environment) as first:
        first.add("one")
        first.add("two")
        driver = run(spec, first.address)
        driver.wait_for_commits(6)
        if lost == "head":
            first.kill("head")
        else:
            first.kill_all()
        driver.kill()
    before, files = driver.commits(), parts(driver.sink)
    with machines(environment) as second:
        second.add("one")
        again = run(spec, second.address)
        again.finish()
    after = again.commits()
    assert len(after) == 30
    assert {name: after[name] for name in before} == before
    assert len(parts(driver.sink) - files) == 2 * (30 - len(before)), "no committed shard is minted again"
    same_as_undisturbed(spec)
