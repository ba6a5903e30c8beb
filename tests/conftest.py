"""What all tests share: a quiet environment, one Ray cluster, and lists that are frozen on purpose."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

REPOSITORY = Path(__file__).resolve().parent.parent
INTEGRATION = "tests/integration/"

# Before anything imports Ray or torch, and as `make test` sets it: one thread per process, a local Ray
# without tokens, nothing that calls home.
os.environ.update(
    OMP_NUM_THREADS="1",
    RAY_AUTH_MODE="disabled",
    # Ray's workers step back by 15 otherwise, and starve beside the tests of the other process.
    RAY_worker_niceness="0",
    RAY_USAGE_STATS_ENABLED="0",
    HF_HUB_OFFLINE="1",
    DO_NOT_TRACK="1",
)

# A busy machine is slow, not wrong: no deadline. The same examples each time: a failure can be repeated.
settings.register_profile("mintage", deadline=None, derandomize=True)
settings.load_profile("mintage")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--freeze", action="store_true", help="rewrite the frozen lists under tests/unit/repository"
    )


class _FoldersWithServers(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """A file of tests to each free process; of integration tests a folder, which shares a server or a Ray."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "/".join(file.split("/")[:3]) if file.startswith(INTEGRATION) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """How `pytest -n` shares out the tests."""
    return _FoldersWithServers(config, log)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root folder."""
    return REPOSITORY


@pytest.fixture
def frozen(request: pytest.FixtureRequest) -> Callable[[Path, list[str]], None]:
    """Compares lines with a checked-in list; `pytest --freeze` writes the list anew."""

    def compare(path: Path, lines: list[str]) -> None:
        if request.config.getoption("--freeze"):
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        known = path.read_text(encoding="utf-8").splitlines()
        gone, new = sorted(set(known) - set(lines)), sorted(set(lines) - set(known))
        assert lines == known, (
            f"gone: {gone}, new: {new}; people rely on {path.name}. When the change is meant, tell it in "
            f"CHANGELOG.md and run pytest --freeze"
        )

    return compare


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """One local Ray for the whole test session; a job that runs in it joins it by itself."""
    import ray

    ray.init(
        address="local",
        num_cpus=6,  # logical: tests of five workers run on two cores as well
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        _node_ip_address="127.0.0.1",
    )
    yield
    ray.shutdown()


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and caches of a test go to a folder of its own, never to the person's home."""
    monkeypatch.setenv("MINTAGE_HOME", str(tmp_path_factory.mktemp("home")))
