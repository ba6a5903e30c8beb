"""What a run came to, in the numbers that people and programs ask for first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mintage.engine.driver import Tally
from mintage.jobs.result import Result
from mintage.plan import Plan


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
        "resumed_shards": tally.resumed,
        "retries": tally.retries,
        "rejected": _by_reason(verdicts, "rejected"),
        "tagged": _by_reason(verdicts, "tagged"),
        "seconds": round(sum(seconds.values()), 3),
        "phases": {phase: round(value, 3) for phase, value in seconds.items()},
        "rows_per_second": round(tally.minted / minting, 1) if minting and tally.minted else 0.0,
    }


def _by_reason(verdicts: Mapping[str, Any], kind: str) -> dict[str, int]:
    """Rows by reason, over all tables."""
    counts: Counter[str] = Counter()
    for table in verdicts.values():
        counts.update({reason: int(rows) for reason, rows in table[kind].items()})
    return dict(counts.most_common())
