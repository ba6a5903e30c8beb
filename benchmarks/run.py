"""Measure what the README claims, and print it as JSON with the machine and the versions.

    .venv/bin/python benchmarks/run.py [--only NAME ...] [--runs N] [--quick]

Every figure is a median of repeated runs. Rates that are compared were taken side by side, in turns,
so that a busy machine slows both. `--quick` makes fewer rows and shorter fits: to see that it works.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

NAMES = (
    "startup",
    "coordinator",
    "digest",
    "provenance",
    "minting",
    "streaming",
    "sketching",
    "scaling",
    "two_nodes",
    "memory",
    "neighbours",
    "collapse",
    "fidelity",
    "provenance_verify",
    "serving",
    "telemetry",
    "submitting",
    "simulation",
)


def main() -> None:
    """Run the measurements that were asked for."""
    from environment import Setting, describe_machine

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--runs", type=int, default=3, help="repetitions of each measurement")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    options = parser.parse_args()
    setting = Setting(runs=options.runs, quick=options.quick)
    figures: dict[str, object] = {"machine": describe_machine(), "runs": options.runs, "quick": options.quick}
    for name in options.only:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        figures[name] = importlib.import_module(name).measure(setting)
        print(json.dumps({name: figures[name]}, indent=2), file=sys.stderr, flush=True)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
