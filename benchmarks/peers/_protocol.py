"""What every contestant's script does alike: read the table, time the work, write the rows, print figures.

    python SCRIPT.py TABLE.csv KINDS.json ROWS.csv OPTIONS.json

KINDS says of each column whether it is a `category` or a `number`. OPTIONS has `seed`, `rows` (written),
`rate_rows` (drawn in all, for the rate), `threads`, and what else the script takes. Importing and reading
are not timed. Runs in an environment that has pandas but nothing of Mintage.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

Fit = Callable[[pd.DataFrame, dict[str, str], dict[str, Any]], Callable[[int], pd.DataFrame]]
"""Learns a table; gives what draws a number of rows."""


def run(fit: Fit) -> None:
    """Fit, draw, write and report, with the paths that the command line names."""
    table, kinds, rows, options = (Path(argument) for argument in sys.argv[1:5])
    known = json.loads(kinds.read_text(encoding="utf-8"))
    asked = json.loads(options.read_text(encoding="utf-8"))
    data = read_table(table, known)
    started = _now()
    draw = fit(data, known, asked)
    fitted = _now()
    draw(min(1000, asked["rows"]))  # what is loaded or compiled at the first draw is not part of the rate
    warm = _now()
    made = draw(max(asked["rows"], asked["rate_rows"]))
    drawn = _now()
    made.head(asked["rows"])[list(known)].to_csv(rows, index=False)
    report = {
        "fit_seconds": fitted[0] - started[0],
        "fit_processor_seconds": fitted[1] - started[1],
        "rows_per_second": len(made) / (drawn[0] - warm[0]),
        "rows_per_processor_second": len(made) / max(drawn[1] - warm[1], 1e-9),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(report))


def read_table(path: Path, kinds: dict[str, str]) -> pd.DataFrame:
    """The table with categories as text; only an empty field is missing."""
    text = {name: str for name, kind in kinds.items() if kind == "category"}
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])


def _now() -> tuple[float, float]:
    """Clock and processor seconds, those of finished children included."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(each.ru_utime + each.ru_stime for each in used)
