"""Who takes part: Mintage's generators, and peers in environments of their own, each in a child process.

A peer's environment is `.venv-peers/NAME`, which `make bench-tabular-peers` makes from `peers/NAME.txt`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from environment import ROOT
from tabular_sets import BenchmarkSet

HERE = ROOT / "benchmarks"
ENVIRONMENTS = ROOT / ".venv-peers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A script that follows `peers/_protocol.py`, the Python that runs it, and its options."""

    name: str
    python: Path
    script: Path
    options: dict[str, object] = field(default_factory=dict)
    rate_rows: int | None = None
    """Rows drawn for the rate, where as many as for our own generators would take too long."""

    @property
    def missing(self) -> str:
        """Why it cannot take part; empty when it can."""
        return "" if self.python.exists() else f"{self.python} is not there: make bench-tabular-peers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Rows that a contestant made, and what it told of its work; or why there are none."""

    rows: pl.DataFrame | None = None
    report: dict[str, object] = field(default_factory=dict)
    failure: str = ""


def ours(spec: str, *, seconds: float | None = None) -> Contestant:
    """One of Mintage's generators: `KIND` or `KIND:{"option": value}` in JSON.

    >>> ours('tabular.auto:{"max_seconds": 60}').options
    {'kind': 'tabular.auto', 'config': {'max_seconds': 60}}
    """
    kind, _, options = spec.partition(":")
    config = json.loads(options) if options else {}
    if seconds is not None:
        config = {**config, "max_seconds": seconds}
    return Contestant(
        name=spec,
        python=Path(sys.executable),
        script=HERE / "tabular_ours.py",
        options={"kind": kind, "config": config},
    )


def peers(*, quick: bool) -> dict[str, Contestant]:
    """The peers by name; `quick` lets them learn for an epoch or so, to see that they work."""
    neural = {"epochs": 2 if quick else 30}  # their default of 300 takes hours on a processor
    made: dict[str, tuple[str, str, dict[str, object]]] = {
        "mostlyai": ("mostlyai", "mostlyai_engine.py", {"max_epochs": 1} if quick else {}),
        "sdv-gaussian-copula": ("sdv", "sdv_synthesizers.py", {"model": "gaussian_copula"}),
        "sdv-ctgan": ("sdv", "sdv_synthesizers.py", {"model": "ctgan", **neural}),
        "sdv-tvae": ("sdv", "sdv_synthesizers.py", {"model": "tvae", **neural}),
        "arf": ("arf", "arf_forests.py", {"trees": 5} if quick else {}),
    }
    return {
        name: Contestant(
            name=name,
            python=ENVIRONMENTS / environment / "bin" / "python",
            script=HERE / "peers" / script,
            options=options,
            rate_rows=0 if name == "arf" else None,
        )
        for name, (environment, script, options) in made.items()
    }


def enter(contestant: Contestant, data: BenchmarkSet, *, seed: int, rate_rows: int, threads: int) -> Outcome:
    """Let a contestant learn `data.train` and make as many rows, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="mintage-bench-") as folder:
        paths = [Path(folder) / name for name in ("table.csv", "kinds.json", "rows.csv", "options.json")]
        data.train.write_csv(paths[0])
        paths[1].write_text(json.dumps(data.kinds), encoding="utf-8")
        rate = rate_rows if contestant.rate_rows is None else contestant.rate_rows
        asked = {"seed": seed, "rows": data.train.height, "rate_rows": rate, "threads": threads}
        paths[3].write_text(json.dumps({**asked, **contestant.options}), encoding="utf-8")
        done = subprocess.run(
            [contestant.python, contestant.script, *paths],
            capture_output=True, text=True, cwd=folder, check=False,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "TQDM_DISABLE": "1"},
        )  # fmt: skip
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            return Outcome(failure=f"exit code {done.returncode}: {last[:300]}")
        rows = _read(paths[2], data)
    return Outcome(rows=rows, report=json.loads(done.stdout.strip().splitlines()[-1]))


def _read(path: Path, data: BenchmarkSet) -> pl.DataFrame:
    texts = {name: pl.String for name, kind in data.kinds.items() if kind == "category"}
    return pl.read_csv(path, infer_schema_length=None, schema_overrides=texts)
