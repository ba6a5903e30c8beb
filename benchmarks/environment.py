"""What the measurements share: the machine, the data, medians, and a model of real flights."""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXPORT = ROOT / "docs" / "examples" / "flights" / "export_flights.py"


@dataclass
class Setting:
    """How much is measured, and where intermediate files lie."""

    runs: int
    quick: bool
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mintage-bench-")))

    @cached_property
    def flights(self) -> Path:
        """The flights that left New York City in 2013, as one Parquet file."""
        path = self.folder / "flights.parquet"
        subprocess.run([sys.executable, str(EXPORT), str(path)], check=True, stdout=subprocess.DEVNULL)
        return path

    @cached_property
    def fitted(self) -> Path:
        """A small data set whose model all measurements of minting use."""
        import mintage

        sink = self.folder / "fitted"
        mintage.run(
            {
                "name": "flights",
                "seed": 7,
                "source": {"uri": str(self.flights)},
                "generator": {"kind": "tabular.autoregressive", "max_seconds": 10 if self.quick else 60},
                "rows": 1000,
                "sink": {"uri": str(sink)},
                "resources": {"executor": "inline"},
                "evaluation": {"metrics": []},
            }
        )
        return sink

    def spec(self, name: str, rows: int, *, workers: int, shard_rows: int = 50_000) -> dict[str, object]:
        """A job that mints from the fitted model, with the rules of the flights example."""
        return {
            "name": "flights",
            "seed": 11,
            "model": {"uri": str(self.fitted)},
            "rows": rows,
            "validate": [
                {"kind": "range", "column": "month", "min": 1, "max": 12},
                {"kind": "range", "column": "day", "min": 1, "max": 31},
                {"kind": "allowed", "column": "origin", "values": ["EWR", "JFK", "LGA"]},
            ],
            "sink": {"uri": str(self.folder / name), "shard_rows": shard_rows},
            "resources": {"workers": workers, "executor": "ray" if workers > 1 else "inline"},
            "evaluation": {"metrics": []},
        }


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """The median of the seconds that `work` takes."""
    return statistics.median(seconds_of(work) for _ in range(runs))


def seconds_of(work: Callable[[], object]) -> float:
    """The seconds that `work` takes once."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def describe_machine() -> dict[str, object]:
    """Processor, cores, memory, system, and the versions that matter."""
    import psutil

    libraries = ("mintage", "numpy", "polars", "pyarrow", "ray", "torch")
    model = [line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")]
    return {
        "processor": model[0] if model else platform.processor(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in libraries},
    }


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
