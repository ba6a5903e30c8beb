"""What a run came to, in the numbers that people and programs ask for first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mintage.engine.tally import Tally
from mintage.evaluation.gates import find_figure
from mintage.evaluation.results import NotComputed, Report
from mintage.jobs.report_files import HTML
from mintage.jobs.result import Result
from mintage.plan import Plan
from mintage.provenance.layout import version_path
from mintage.provenance.prov import describe

HEADLINES = (
    "shape_error",
    "trend_error_fixed_edges",
    "c2st_xgb",
    "c2st_xgb_holdout",
    "tstr",
    "trtr",
    "membership_advantage",
)
"""The figures that are told when a run is over; all of them are in the report."""


def summarize(result: Result, plan: Plan, tally: Tally, seconds: Mapping[str, float]) -> dict[str, object]:
    """The summary of a finished run.

    Rows and rejects are those of the whole data set, from the signed statement; seconds and
    rows_per_second are those of this call (accepted root rows over the seconds of minting).
    """
    predicate = result.manifest.statement.predicate
    verdicts: Mapping[str, Any] = predicate.verdicts
    minting = seconds.get("mint", 0.0)
    return {
        "run_id": plan.run_id,
        "dataset": result.store.uri,
        "root": result.manifest.head.root,
        "version": result.manifest.head.version,
        "tables": {name: table.rows for name, table in predicate.tables.items()},
        "rows": plan.rows,
        "bytes": sum(table.bytes for table in predicate.tables.values()),
        "shards": plan.shards,
        "lineage": describe(result.manifest.statement.lineage),
        "resumed_shards": tally.resumed,
        "retries": tally.retries,
        "audited": [dict(probe) for probe in result.manifest.statement.probes],
        "rejected": _by_reason(verdicts, "rejected"),
        "tagged": _by_reason(verdicts, "tagged"),
        "seconds": round(sum(seconds.values()), 3),
        "phases": {phase: round(value, 3) for phase, value in seconds.items()},
        "rows_per_second": round(tally.minted / minting, 1) if minting and tally.minted else 0.0,
        **_reported(result),
    }


def _reported(result: Result) -> dict[str, object]:
    """Where the report lies, and its first figures; those that were not computed are None."""
    report = result.report()
    if report is None:
        return {"report": None, "verdict": None, "figures": {}, "gates": {}}
    return {
        "report": f"{result.store.uri}/{version_path(result.manifest.head.version)}{HTML}",
        "verdict": report.verdict.status,
        "figures": {name: _figure(name, report) for name in HEADLINES},
        "gates": {gate.figure: gate.status for gate in report.gates},
    }


def _figure(name: str, report: Report) -> float | None:
    figure = find_figure(name)
    section = getattr(report, figure.section)
    return None if isinstance(section, NotComputed) else figure.read(section)


def _by_reason(verdicts: Mapping[str, Any], kind: str) -> dict[str, int]:
    """Rows by reason, over all tables."""
    counts: Counter[str] = Counter()
    for table in verdicts.values():
        counts.update({reason: int(rows) for reason, rows in table[kind].items()})
    return dict(counts.most_common())
