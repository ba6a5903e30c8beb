"""Generators that are not what they claim, installed as far as entry points can tell."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mintage import plugins

Job = Callable[..., dict[str, Any]]

_GENERATORS = {
    "faulty.sound": "faulty_generators:Sound",
    "faulty.counts": "faulty_generators:CountsItsRequests",
    "faulty.set": "faulty_generators:FollowsTheOrderOfASet",
    "faulty.clock": "faulty_generators:UsesTheClock",
    "faulty.never": "faulty_generators:NeverTheSame",
    "sick.machine": "sick_generators:OnOneSickMachine",
    "sick.close": "sick_generators:OnlyClose",
}


@pytest.fixture
def faulty_site(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages with these generators, seen by this process and those it starts."""
    site = tmp_path / "site"
    info = site / "mintage_faulty-0.1.0.dist-info"
    info.mkdir(parents=True)
    shutil.copy(repository / "tests/conformance/faulty/faulty_generators.py", site)
    shutil.copy(repository / "tests/integration/provenance/sick_generators.py", site)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mintage-faulty\nVersion: 0.1.0\n")
    points = "\n".join(f"{name} = {target}" for name, target in _GENERATORS.items())
    (info / "entry_points.txt").write_text(f"[mintage.generators]\n{points}\n")
    monkeypatch.syspath_prepend(str(site))
    # Those of an earlier test came from another folder.
    for module in ("faulty_generators", "sick_generators"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    plugins._installed.cache_clear()
    yield site
    plugins._installed.cache_clear()


@pytest.fixture
def faulty_job(faulty_site: Path, tmp_path: Path) -> Job:
    """A job of six shards of two tables by one of these generators, one of which is audited."""
    del faulty_site

    def spec(kind: str, **replaced: object) -> dict[str, Any]:
        return {
            "name": "faulty",
            "generator": {"kind": kind},
            "rows": 600,
            "sink": {"uri": str(tmp_path / "out"), "shard_rows": 100},
            "resources": {"executor": "inline"},
            "evaluation": {"metrics": []},
            "audit": {"shards": 1},
            **replaced,
        }

    return spec
