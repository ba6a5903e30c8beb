"""The example package, built and installed apart from everything else, and Python processes that see it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def example_folder(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example package's sources, so that building leaves nothing in the repository."""
    folder = tmp_path_factory.mktemp("example") / "plugin"
    shutil.copytree(
        repository / "docs/examples/plugin", folder, ignore=shutil.ignore_patterns("__pycache__", ".*")
    )
    return folder


@pytest.fixture(scope="session")
def example_wheel(example_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example package as its author would publish it."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(build, cwd=example_folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def example_site(example_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the wheel is installed: for pure Python, that is to unpack it."""
    site = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(example_wheel) as archive:
        archive.extractall(site)
    return site


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs this Python: `run(*arguments, sites=[...], folder=...)`.

    `sites` are more folders of installed packages; `folder` is where it works, an empty one by default.
    """
    home = tmp_path_factory.mktemp("home")

    def start(
        *arguments: str, sites: list[Path], folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        places = {"PYTHONPATH": os.pathsep.join(map(str, sites)), "MINTAGE_HOME": str(home)}
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=folder or tmp_path_factory.mktemp("work"),
            env={**os.environ, **places},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return start
