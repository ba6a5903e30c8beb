"""Which package may import which, and what `import mintage` may load."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"boto3", "botocore", "fsspec", "numpy", "pandas", "polars", "pyarrow", "ray", "s3fs", "torch"}
LOADED = "import sys, json; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def loaded_after(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after a statement."""
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{LOADED}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def imported_by(folder: Path) -> set[str]:
    """Top-level modules that the code under a folder imports, at any depth of its functions."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("platform/mintage", {"mintage_generators", "mintage_connectors"}),
        ("generators/mintage_generators", {"mintage_connectors", "ray", "fsspec"}),
        ("connectors/mintage_connectors", {"mintage_generators", "ray", "torch"}),
    ],
    ids=["mintage", "generators", "connectors"],
)
def test_package_does_not_import(repository: Path, folder: str, forbidden: set[str]) -> None:
    assert imported_by(repository / folder) & forbidden == set()


def test_only_what_runs_on_clusters_imports_ray(repository: Path) -> None:
    package = repository / "platform" / "mintage"
    rooms = {folder.name for folder in package.iterdir() if folder.is_dir() and "ray" in imported_by(folder)}
    assert rooms <= {"engine", "jobs", "serving"}


def test_importing_mintage_loads_no_heavy_library() -> None:
    assert loaded_after("import mintage") & HEAVY == set()


def test_importing_the_command_line_loads_no_heavy_library() -> None:
    assert loaded_after("import mintage.cli") & HEAVY == set()


def test_asking_for_help_loads_no_heavy_library() -> None:
    statement = "from mintage.cli import main\nmain(['--help'], standalone_mode=False)"
    assert loaded_after(statement) & HEAVY == set()


def test_importing_the_contracts_loads_neither_torch_nor_ray() -> None:
    assert loaded_after("import mintage.contracts") & {"torch", "ray"} == set()
