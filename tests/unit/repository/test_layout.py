"""The repository's shape: what lies where, and which folder must never become a package."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "connectors",
    "constraints.txt",
    "docs",
    "generators",
    "k8s",
    "mkdocs.yml",
    "platform",
    "pyproject.toml",
    "tests",
}
PACKAGES = ("platform/mintage", "generators/mintage_generators", "connectors/mintage_connectors")
VAGUE = {"common", "helper", "helpers", "misc", "tools", "util", "utils"}


@pytest.fixture(scope="module")
def tracked(repository: Path) -> list[Path]:
    """Every file under version control, relative to the root."""
    if not (repository / ".git").exists():
        pytest.skip("this is not a clone, so nothing tells which files belong to the repository")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout
    return [Path(name) for name in listed.split("\0") if name and (repository / name).exists()]


def test_top_level_holds_only_what_the_readme_names(tracked: list[Path]) -> None:
    assert {path.parts[0] for path in tracked} <= TOP_LEVEL


def test_readme_has_a_line_for_each_top_level_folder(repository: Path, tracked: list[Path]) -> None:
    readme = (repository / "README.md").read_text(encoding="utf-8")
    folders = {path.parts[0] for path in tracked if len(path.parts) > 1}
    assert [folder for folder in sorted(folders) if f"{folder}/" not in readme] == []


@pytest.mark.parametrize("folder", ["platform", "generators", "connectors"])
def test_folder_is_not_a_package(repository: Path, folder: str) -> None:
    assert not (repository / folder / "__init__.py").exists()


def test_standard_platform_module_works_in_the_repository_root(repository: Path) -> None:
    command = "import platform; print(platform.system())"
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_of_a_package_has_an_init_with_a_docstring(repository: Path, package: str) -> None:
    folders = {path.parent for path in (repository / package).rglob("*.py")}
    for folder in sorted(folders):
        text = (folder / "__init__.py").read_text(encoding="utf-8")
        assert text.startswith('"""'), folder
        assert "To be described" not in text, folder


@pytest.mark.parametrize("package", PACKAGES)
def test_package_tells_type_checkers_that_it_is_typed(repository: Path, package: str) -> None:
    assert (repository / package / "py.typed").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_are_named_for_what_they_know(repository: Path, package: str) -> None:
    vague = [path for path in (repository / package).rglob("*.py") if path.stem.strip("_") in VAGUE]
    assert vague == []


@pytest.mark.parametrize(
    ("folder", "files"),
    [("generators/mintage_generators", "generator"), ("connectors/mintage_connectors", "connector")],
    ids=["generators", "connectors"],
)
def test_the_same_kind_of_thing_has_the_same_file_names(repository: Path, folder: str, files: str) -> None:
    homes = {path.parent for path in (repository / folder).rglob(f"{files}.py")}
    assert homes
    assert [home for home in sorted(homes) if not (home / "config.py").exists()] == []


def test_version_is_written_in_one_place(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    import mintage

    assert mintage.__version__ == version("mintage") == project["version"]
    quoted = f'"{project["version"]}"'
    again = [
        path
        for package in PACKAGES
        for path in (repository / package).rglob("*.py")
        if quoted in path.read_text(encoding="utf-8")
    ]
    assert again == []


def test_changelog_tells_of_this_version(repository: Path) -> None:
    changelog = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{version('mintage')}]" in changelog


def test_ci_calls_what_the_readme_calls(repository: Path) -> None:
    script = (repository / ".ci" / "run").read_text(encoding="utf-8")
    readme = (repository / "README.md").read_text(encoding="utf-8")
    commands = [line for line in script.splitlines() if line.startswith("make ")]
    assert commands
    assert [command for command in commands if command not in readme] == []


def test_constraints_name_versions_and_no_addresses(repository: Path) -> None:
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if pin.count("==") != 1 or set("/@:+ ") & set(pin)] == []
