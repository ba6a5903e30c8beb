"""Score two tables with SDMetrics' QualityReport; run by a Python that has it, and printed as JSON.

    python sdmetrics_scores.py REAL.parquet SYNTHETIC.parquet METADATA.json [--defaults]

Without `--defaults` all rows and all pairs count. By default SDMetrics 0.32 draws 50,000 rows for each
joint count and leaves pairs out of the mean whose real correlation is at most .5 (association: .3); only
the single-table report hands the number of rows on to the property that draws them.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
import warnings
from pathlib import Path

import pandas as pd


def main(real: str, synthetic: str, metadata: str, *flags: str) -> None:
    """Print both errors, the scores of columns and pairs, and the seconds that they took."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    module = importlib.import_module(
        "sdmetrics.reports.single_table.quality_report"
    )  # warns as it is imported
    report = module.QualityReport()
    if "--defaults" not in flags:
        report.num_rows_subsample = None
        report.real_correlation_threshold = 0
        report.real_association_threshold = 0
    tables = pd.read_parquet(real), pd.read_parquet(synthetic)
    described = json.loads(Path(metadata).read_text(encoding="utf-8"))
    started = time.perf_counter(), time.process_time()
    report.generate(*tables, described, verbose=False)
    seconds = time.perf_counter() - started[0], time.process_time() - started[1]
    score = report.get_properties().set_index("Property")["Score"]
    shapes, trends = report.get_details("Column Shapes"), report.get_details("Column Pair Trends")
    json.dump(
        {
            "shape_error": _error(score["Column Shapes"]),
            "trend_error": _error(score["Column Pair Trends"]),
            "columns": {row["Column"]: _known(row["Score"]) for _, row in shapes.iterrows()},
            "pairs": [
                [row["Column 1"], row["Column 2"], _known(row["Score"])] for _, row in trends.iterrows()
            ],
            "seconds": seconds[0],
            "processor_seconds": seconds[1],
        },
        sys.stdout,
    )


def _error(score: float) -> float | None:
    return None if pd.isna(score) else 100 * (1 - float(score))


def _known(score: float) -> float | None:
    return None if pd.isna(score) else float(score)


if __name__ == "__main__":
    main(*sys.argv[1:])
