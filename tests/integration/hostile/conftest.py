"""The `mintage` command in a child process that may use little, and a data set to do harm to.

Whatever a hostile file makes the command do, the test that runs it goes on: memory, processor time, the
size of files and the time on the clock are limited, and the child has a folder and a home of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import mintage
from mintage.provenance.signing import Signer, generate_key
from tests.integration.hostile.forger import Forger

_LIMITED = """
import os, resource, sys
memory, seconds, file = map(int, sys.argv[1:4])
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
resource.setrlimit(resource.RLIMIT_FSIZE, (file, file))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.execv(sys.argv[4], sys.argv[4:])
"""


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a child ended."""

    code: int
    """Exit code; negative when a signal ended it."""
    out: str
    err: str

    @property
    def told(self) -> str:
        """All that a person would have seen."""
        return f"{self.out}\n{self.err}"

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        (line,) = self.out.splitlines()
        value = json.loads(line)
        assert isinstance(value, dict)
        return value

    def refused(self, *reasons: str, code: int = 1) -> None:
        """Assert that the child ended in order with this exit code, and told each of these reasons."""
        assert self.code == code, f"exit code {self.code}, not {code}\n{self.told[-4000:]}"
        assert "Traceback" not in self.told, self.told[-4000:]
        assert "defect" not in self.err, self.told[-4000:]
        for reason in reasons:
            assert reason in self.told, f"{reason!r} was not told\n{self.told[-4000:]}"


@dataclass(frozen=True, kw_only=True)
class Child:
    """Starts children with limits, in a folder and with a home of their own."""

    folder: Path
    """Where they work: an empty folder at first."""
    home: Path
    memory_bytes: int = 4 * 2**30
    """Address space, most of which is never touched: thread stacks, and what libraries reserve."""
    cpu_seconds: int = 60
    file_bytes: int = 256 * 2**20
    timeout_seconds: float = 120
    environment: dict[str, str] = field(default_factory=dict)
    """More variables that they get."""

    def mintage(self, *arguments: str | Path) -> Done:
        """Run the `mintage` command that is installed beside this Python."""
        return self._run(str(Path(sys.executable).with_name("mintage")), *map(str, arguments))

    def python(self, program: str, *arguments: str | Path) -> Done:
        """Run `python -c program`, with the arguments in `sys.argv[1:]`."""
        return self._run(sys.executable, "-c", program, *map(str, arguments))

    def _run(self, *command: str) -> Done:
        limits = map(str, (self.memory_bytes, self.cpu_seconds, self.file_bytes))
        done = subprocess.run(
            [sys.executable, "-c", _LIMITED, *limits, *command],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=self.timeout_seconds,
            check=False,
        )
        return Done(code=done.returncode, out=done.stdout, err=done.stderr)

    def _environment(self) -> dict[str, str]:
        """Nothing of this process's environment but where things are installed, and its quiet settings."""
        kept = ("PATH", "PYTHONPATH", "OMP_NUM_THREADS", "RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED")
        own = {name: os.environ[name] for name in kept if name in os.environ}
        homes = {"HOME": str(self.home), "MINTAGE_HOME": str(self.home / "mintage")}
        # One arena: glibc reserves 64 MiB of address space for each thread otherwise.
        return {**own, **homes, "MALLOC_ARENA_MAX": "1", "POLARS_MAX_THREADS": "2", **self.environment}


@pytest.fixture
def child(tmp_path: Path) -> Child:
    """Starts limited children; `dataclasses.replace` gives one with other limits."""
    folder, home = tmp_path / "work", tmp_path / "home"
    folder.mkdir()
    home.mkdir(mode=0o700)
    return Child(folder=folder, home=home)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `people`, a data set of four shards, and `signer`, the key that signed it."""
    folder = tmp_path_factory.mktemp("hostile")
    generate_key(folder / "signer")
    random = np.random.default_rng(5)
    source = folder / "people.parquet"
    pl.DataFrame({"age": random.integers(18, 90, 300), "sex": random.choice(["F", "M"], 300)}).write_parquet(
        source
    )
    mintage.run(
        {
            "name": "people",
            "seed": 5,
            "source": {"uri": str(source)},
            "generator": {"kind": "tabular.marginals"},
            "rows": 1000,
            "sink": {"uri": str(folder / "people"), "shard_rows": 250},
            "signing": {"key": str(folder / "signer")},
            "resources": {"executor": "inline"},
            "evaluation": {"metrics": []},
        }
    )
    return folder


@pytest.fixture
def dataset(made: Path, child: Child) -> Path:
    """A copy of the data set, in the child's folder as `people`."""
    copy = child.folder / "people"
    shutil.copytree(made / "people", copy)
    return copy


@pytest.fixture
def key(made: Path, child: Child) -> Path:
    """The public key of the data set's signer, in the child's folder as `signer.pub`."""
    return Path(shutil.copy(made / "signer.pub", child.folder / "signer.pub"))


@pytest.fixture
def forger(made: Path, dataset: Path) -> Forger:
    """Does harm to the data set, with the key that signed it."""
    return Forger(folder=dataset, signer=Signer.load(made / "signer"))


@pytest.fixture
def other(child: Child) -> Path:
    """The public key of somebody else, `other.pub` in the child's folder, with the private one beside it."""
    return generate_key(child.folder / "other").public_path


@pytest.fixture
def policy(child: Child, key: Path) -> Callable[..., Path]:
    """Writes a policy that trusts the signer, with changes, into the child's folder."""

    def write(**changes: object) -> Path:
        values = {
            "format": "mintage-policy/1",
            "keys": {"signer": {"file": key.name}},
            "roles": {"builder": {"keys": ["signer"]}},
            **changes,
        }
        path = child.folder / "policy.json"
        path.write_text(json.dumps(values), encoding="utf-8")
        return path

    return write
