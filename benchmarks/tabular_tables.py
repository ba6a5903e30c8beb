"""Runs of the tabular benchmark as Markdown: mean and spread over seeds, published figures beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tabular_published import published
from tabular_scores import mean_and_spread

Run = Mapping[str, object]

COLUMNS = {
    "fit_seconds": ("fit s", 0),
    "fit_processor_seconds": ("fit processor s", 0),
    "rows_per_second": ("rows/s", 0),
    "c2st_train": ("C2ST train", 3),
    "c2st_matched": ("C2ST train, matched", 3),
    "c2st_holdout": ("C2ST holdout", 3),
    "trend": ("trend", 4),
    "trend_fixed": ("trend, fixed bins", 4),
    "shape": ("shape", 4),
    "tstr": ("TSTR", 4),
    "trtr": ("TRTR", 4),
    "dcr_share": ("DCR share", 3),
    "copies": ("copies", 5),
    "copies_holdout": ("holdout's copies", 5),
    "membership_advantage": ("membership advantage", 3),
}
CEILING = "holdout (fresh real rows)"


def values_of(runs: Iterable[Run], figure: str) -> list[float]:
    """The figure of all runs that have it."""
    return [float(value) for run in runs if isinstance(value := run.get(figure), int | float)]


def group(runs: Iterable[Run]) -> dict[str, dict[str, list[Run]]]:
    """Runs by set and by contestant, in the order of their first appearance."""
    grouped: dict[str, dict[str, list[Run]]] = {}
    for run in runs:
        grouped.setdefault(str(run["set"]), {}).setdefault(str(run["contestant"]), []).append(run)
    return grouped


def to_markdown(runs: Sequence[Run]) -> str:
    """A table for each set."""
    parts = []
    for name, contestants in group(runs).items():
        rows = [_row(who, found) for who, found in contestants.items()]
        rows += [_published_row(who, figures) for who, figures in published(name).items()]
        parts.append("\n".join([f"### {name}", "", *_table(rows), "", *_failures(contestants)]))
    return "\n".join(parts)


def _table(rows: Sequence[list[str]]) -> list[str]:
    head = ["", *(title for title, _ in COLUMNS.values()), "seeds"]
    kept = [i for i in range(len(head)) if i == 0 or any(row[i] for row in rows)]
    lines = [[row[i] for i in kept] for row in [head, ["---"] * len(head), *rows]]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _row(who: str, runs: Sequence[Run]) -> list[str]:
    cells = [_cell(runs, figure, digits) for figure, (_, digits) in COLUMNS.items()]
    return [who, *cells, str(len([run for run in runs if not run.get("failure")]))]


def _cell(runs: Sequence[Run], figure: str, digits: int) -> str:
    values = values_of(runs, figure)
    if not values:
        return ""
    mean, spread = mean_and_spread(values)
    text = f"{mean:,.{digits}f}" + (f" ± {spread:,.{digits}f}" if len(values) > 1 else "")
    if figure == "membership_advantage":
        low, high = (mean_and_spread(values_of(runs, f"membership_{end}"))[0] for end in ("low", "high"))
        text += f" [{low:.3f}, {high:.3f}]"
    return text


def _published_row(who: str, figures: Mapping[str, float]) -> list[str]:
    cells = [
        f"{figures[figure]:,.{digits}f}" if figure in figures else ""
        for figure, (_, digits) in COLUMNS.items()
    ]
    return [f"*{who}, published*", *cells, ""]


def _failures(contestants: Mapping[str, Sequence[Run]]) -> list[str]:
    return [
        f"{who}, seed {run['seed']}: {run['failure']}\n"
        for who, runs in contestants.items()
        for run in runs
        if run.get("failure")
    ]
