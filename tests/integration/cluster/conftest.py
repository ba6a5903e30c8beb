"""Machines, a job that takes a while, and the root that it has when nothing disturbs it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cluster.machines import Driver, Machines, machines

# It can be imported from the folder of packages that it is copied into.
collect_ignore = ["paced_generators.py"]

Job = Callable[..., dict[str, Any]]
Run = Callable[..., Driver]


@pytest.fixture(scope="module")
def environment(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What drivers and nodes see: the package of a paced generator besides, and a home of their own."""
    site = tmp_path_factory.mktemp("site")
    info = site / "mintage_paced-0.1.0.dist-info"
    info.mkdir()
    shutil.copy(repository / "tests/conformance/faulty/faulty_generators.py", site)
    shutil.copy(repository / "tests/integration/cluster/paced_generators.py", site)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mintage-paced\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[mintage.generators]\npaced = paced_generators:Paced\n")
    packages = ("platform", "generators", "connectors")
    paths = [str(site), *(str(repository / name) for name in packages)]
    home = tmp_path_factory.mktemp("home")
    own = {"PYTHONPATH": os.pathsep.join(paths), "MINTAGE_HOME": str(home)}
    # Ray's workers give way to everybody else: on a busy machine they would hardly ever have a turn.
    return {**os.environ, **own, "RAY_worker_niceness": "0"}


@pytest.fixture(scope="module")
def cluster(environment: Mapping[str, str]) -> Iterator[Machines]:
    """A head; each test brings nodes and takes them away."""
    with machines(environment) as started:
        yield started


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job of so many shards, a quarter of a second each."""

    def spec(name: str, *, shards: int, **resources: object) -> dict[str, Any]:
        return {
            "name": name,
            "generator": {"kind": "paced"},
            "rows": 10 * shards,
            "sink": {"uri": str(tmp_path / name), "shard_rows": 10},
            "resources": {"executor": "ray", **resources},
            "evaluation": {"metrics": []},
            "audit": {"shards": 0},
        }

    return spec


@pytest.fixture
def run(tmp_path: Path, environment: Mapping[str, str], cluster: Machines) -> Iterator[Run]:
    """Start a driver; what is left in the end is killed."""
    started: list[Driver] = []

    def start(spec: Mapping[str, Any], address: str | None = None) -> Driver:
        started.append(Driver(spec, tmp_path, environment, address or cluster.address))
        return started[-1]

    yield start
    for driver in started:
        driver.kill()


@pytest.fixture
def same_as_undisturbed(
    tmp_path: Path, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Mapping[str, Any]], None]:
    """Checks run id and root against the same job in one process, where nothing is lost."""
    from mintage import plugins

    def check(spec: Mapping[str, Any]) -> None:
        import mintage
        from mintage.engine.bench import read_plan

        monkeypatch.setenv("MINTAGE_HOME", environment["MINTAGE_HOME"])
        monkeypatch.syspath_prepend(environment["PYTHONPATH"].split(os.pathsep)[0])
        plugins._installed.cache_clear()
        done = mintage.Result.open(spec["sink"]["uri"])
        # Sleeping is no part of what is the same.
        monkeypatch.setattr("paced_generators.SECONDS", 0.0)
        alone = mintage.run(
            {
                **spec,
                "sink": {**spec["sink"], "uri": str(tmp_path / "undisturbed")},
                "resources": {"executor": "inline"},
            }
        )
        plugins._installed.cache_clear()
        plan = read_plan(done.store)
        assert plan is not None
        assert plan.run_id == alone.summary["run_id"]
        assert done.manifest.head.root == alone.manifest.head.root
        assert mintage.verify(spec["sink"]["uri"]).ok

    return check
