"""Plugins that are missing, there twice, or broken: named when used, harmless when listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., "CompletedProcess[str]"]

FIND = """
import json, sys
from mintage import plugins
from mintage.errors import PluginError
group, name = sys.argv[1:]
try:
    ref = getattr(plugins, group)(name)
    ref.load()
except PluginError as exc:
    print(json.dumps({"message": exc.message, "hint": exc.hint, "cause": type(exc.__cause__).__name__}))
else:
    print(json.dumps({"loaded": ref.to_json()}))
"""

LIST = """
import json
from mintage.plugins import list_plugins
print(json.dumps([[ref.name, ref.distribution, ref.version] for ref in list_plugins()]))
"""


def install(
    site: Path, distribution: str, version: str, group: str, points: dict[str, str], **modules: str
) -> Path:
    """Lay down a distribution as an installer would: metadata, entry points, modules."""
    info = site / f"{distribution}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    lines = [f"[mintage.{group}]", *(f"{name} = {target}" for name, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for name, text in modules.items():
        (site / f"{name}.py").write_text(text)
    return site


def find(run: Run, sites: list[Path], group: str, name: str) -> dict[str, str]:
    done = run("-c", FIND, group, name, sites=sites)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("group", "wanted", "near"),
    [
        ("generator", "exmaple.orders", "example.orders"),
        ("generator", "tabular.autoregresive", "tabular.autoregressive"),
        ("connector", "parqet", "parquet"),
        ("operator", "rnage", "range"),
    ],
)
def test_a_missing_plugin_is_refused_and_the_nearest_is_named(
    example_site: Path, run: Run, group: str, wanted: str, near: str
) -> None:
    found = find(run, [example_site], group, wanted)
    assert found["message"] == f"there is no {group} {wanted!r}; did you mean {near!r}?"
    assert near in found["hint"]


def test_a_name_near_to_nothing_is_refused_with_what_there_is(run: Run) -> None:
    found = find(run, [], "operator", "zzzzzz")
    assert found["message"] == "there is no operator 'zzzzzz'"
    assert "range" in found["hint"]


def test_one_name_in_two_distributions_is_refused_and_both_are_named(
    example_site: Path, run: Run, tmp_path: Path
) -> None:
    rival = install(
        tmp_path / "rival", "rival_orders", "0.3", "generators", {"example.orders": "rival:Orders"}
    )
    found = find(run, [example_site, rival], "generator", "example.orders")
    assert "mintage-orders 1.0.0" in found["message"]
    assert "rival_orders 0.3" in found["message"]
    assert "uninstall" in found["hint"]


def test_a_third_party_that_takes_a_built_in_name_is_refused(run: Run, tmp_path: Path) -> None:
    rival = install(tmp_path / "rival", "rival_range", "0.3", "operators", {"range": "rival:Range"})
    message = find(run, [rival], "operator", "range")["message"]
    assert "mintage 0." in message
    assert "rival_range 0.3" in message


BROKEN = {
    "raises": ("raise RuntimeError('no licence found')", "RuntimeError: no licence found"),
    "needs": ("import a_package_that_nobody_has", "ModuleNotFoundError"),
    "syntax": ("def (:", "SyntaxError"),
    "lacks": ("", "has no attribute 'Thing'"),
    "plain": ("class Thing: pass", "is no Generator"),
    "instance": ("Thing = 7", "is no Generator"),
    "operator": ("from mintage.contracts import Operator as Thing", "is no Generator"),
}


@pytest.fixture(scope="module")
def broken_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a distribution for each way to be broken, and one whose module is not there at all."""
    site = tmp_path_factory.mktemp("broken")
    for name, (text, _) in BROKEN.items():
        points = {f"thing.{name}": f"module_{name}:Thing"}
        install(site, f"broken_{name}", "2.1", "generators", points, **{f"module_{name}": text})
    return install(site, "broken_gone", "2.1", "generators", {"thing.gone": "nowhere:Thing"})


@pytest.mark.parametrize(
    ("name", "cause"),
    [*((name, cause) for name, (_, cause) in BROKEN.items()), ("gone", "No module named 'nowhere'")],
)
def test_a_broken_plugin_fails_when_used_with_distribution_version_and_cause(
    run: Run, broken_site: Path, name: str, cause: str
) -> None:
    message = find(run, [broken_site], "generator", f"thing.{name}")["message"]
    assert f"'thing.{name}' of broken_{name} 2.1" in message
    assert cause in message


def test_broken_plugins_do_no_harm_when_listed(run: Run, broken_site: Path) -> None:
    done = run("-c", LIST, sites=[broken_site])
    listed = json.loads(done.stdout)
    for name in [*BROKEN, "gone"]:
        assert [f"thing.{name}", f"broken_{name}", "2.1"] in listed


def test_broken_plugins_do_no_harm_to_others(run: Run, broken_site: Path, example_site: Path) -> None:
    assert "loaded" in find(run, [broken_site, example_site], "generator", "example.orders")
