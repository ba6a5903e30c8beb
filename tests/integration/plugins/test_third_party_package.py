"""A complete third-party package: built, installed, listed, checked and used through its entry point."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., "CompletedProcess[str]"]

LIST = """
import json, sys
from mintage.plugins import list_plugins
refs = [ref for ref in list_plugins() if ref.distribution == "mintage-orders"]
found = [[ref.group, ref.name, ref.distribution, ref.version] for ref in refs]
print(json.dumps({"found": found, "imported": "mintage_orders" in sys.modules}))
"""

USE = """
import json
from mintage.contracts import FitContext, SampleRequest
from mintage.plugins import generator, load_generator
cls = load_generator(generator("example.orders"))
config = cls.Config.model_validate({"channels": {"web": 1, "fax": 1}})
model = cls.load(cls(config).fit(None, FitContext(seed=1)).save())
request = SampleRequest(seed=1, shard=0, batch=0, rows=50, first_key=0, fixed={"channel": "fax"})
tables = dict(model.sample(request))
print(json.dumps({
    "rows": {name: batch.num_rows for name, batch in tables.items()},
    "channels": tables["orders"].column("channel").unique().to_pylist(),
}))
"""


def test_the_wheel_holds_the_package_its_types_and_its_entry_point(example_wheel: Path) -> None:
    with zipfile.ZipFile(example_wheel) as archive:
        names = set(archive.namelist())
        points = archive.read("mintage_orders-1.0.0.dist-info/entry_points.txt").decode()
    assert {"mintage_orders/generator.py", "mintage_orders/py.typed"} <= names
    assert not [name for name in names if name.startswith("tests")]
    assert [line for line in points.splitlines() if " = " in line] == [
        "example.orc = mintage_orders.orc:OrcConnector",
        "example.orders = mintage_orders.generator:OrdersGenerator",
        "example.weekdays = mintage_orders.weekdays:WeekdaysOperator",
    ]


def test_an_installed_plugin_is_listed_without_being_imported(example_site: Path, run: Run) -> None:
    done = run("-c", LIST, sites=[example_site])
    assert json.loads(done.stdout) == {
        "found": [
            ["generators", "example.orders", "mintage-orders", "1.0.0"],
            ["connectors", "example.orc", "mintage-orders", "1.0.0"],
            ["operators", "example.weekdays", "mintage-orders", "1.0.0"],
        ],
        "imported": False,
    }, done.stderr


def test_an_installed_plugin_is_used_by_its_name(example_site: Path, run: Run) -> None:
    done = run("-c", USE, sites=[example_site])
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["channels"] == ["fax"]
    assert found["rows"]["orders"] == 50
    assert 50 <= found["rows"]["lines"] <= 250


def test_the_package_passes_its_own_tests_where_it_is_installed(
    example_site: Path, example_folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A pytest plugin of another library here needs what only its authors install.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    tests = str(example_folder / "tests")
    arguments = [
        "-m",
        "pytest",
        "-q",
        "--import-mode=importlib",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        tests,
        tests,
    ]
    done = run(*arguments, sites=[example_site])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "34 passed" in done.stdout
