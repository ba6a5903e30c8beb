"""Two results of the tabular benchmark side by side: what a change was worth.

    .venv/bin/python benchmarks/tabular_compare.py BEFORE/results.json AFTER/results.json

A difference counts when it is larger than what two standard errors of the seeds explain (Welch); with one
seed on a side nothing does, and the table says so. Prints Markdown.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from tabular_scores import mean_and_spread
from tabular_tables import COLUMNS, Run, group, values_of

LOWER_IS_BETTER = {"fit_seconds", "fit_processor_seconds", "copies", "membership_advantage"}
NEUTRAL = {"trtr", "copies_holdout", "dcr_share"}
ERRORS = {"beijing", "flights"}
"""Sets whose TSTR is an error (RMSE), where lower is better."""


def main() -> None:
    """Compare the two files that the command line names."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    before, after = (json.loads(Path(path).read_text(encoding="utf-8"))["runs"] for path in sys.argv[1:])
    print(compare(before, after))


def compare(before: Sequence[Run], after: Sequence[Run]) -> str:
    """A Markdown table of all figures that both have."""
    lines = ["| set | generator | figure | before | after | difference | |", "|---|---|---|---|---|---|---|"]
    old, new = group(before), group(after)
    for name, contestants in new.items():
        for who, runs in contestants.items():
            earlier = old.get(name, {}).get(who, [])
            for figure, (title, digits) in COLUMNS.items():
                values = values_of(earlier, figure), values_of(runs, figure)
                if all(values):
                    cells = _cells(values, digits, _sign(figure, name))
                    lines.append(f"| {name} | {who} | {title} | {cells} |")
    return "\n".join(lines)


def _sign(figure: str, name: str) -> int:
    """1 where more is better, -1 where less is, 0 where neither."""
    if figure in NEUTRAL:
        return 0
    lower = figure in LOWER_IS_BETTER or (figure == "tstr" and name in ERRORS)
    return -1 if lower else 1


def _cells(values: tuple[list[float], list[float]], digits: int, sign: int) -> str:
    (old, old_spread), (new, new_spread) = (mean_and_spread(each) for each in values)
    error = math.sqrt(old_spread**2 / len(values[0]) + new_spread**2 / len(values[1]))
    shown = " | ".join(f"{value:,.{digits}f}" for value in (old, new, new - old))
    return f"{shown} | {_verdict(new - old, error, sign, values)}"


def _verdict(difference: float, error: float, sign: int, values: tuple[list[float], list[float]]) -> str:
    if min(len(each) for each in values) < 2:
        return "one seed: not told apart from chance"
    if abs(difference) <= 2 * error:
        return "within chance"
    if sign == 0:
        return "changed"
    return "better" if difference * sign > 0 else "worse"


if __name__ == "__main__":
    main()
