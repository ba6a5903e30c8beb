"""From tables to a report: every section measured, gates judged, the verdict written.

    report = evaluate_tables(real, synthetic, holdout, options=Options(target="income"))
    report.fidelity.shape_error, report.detection.c2st_xgb, report.privacy.membership.advantage

Nothing is read or written here: tables come in, a `Report` comes out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import pyarrow as pa

from mintage.evaluation.collapse import measure_collapse
from mintage.evaluation.detection import measure_detection
from mintage.evaluation.fairness import measure_fairness
from mintage.evaluation.fidelity import measure_fidelity
from mintage.evaluation.gates import Gate, check_gates, judge_gates
from mintage.evaluation.options import METRICS, Metric, Options
from mintage.evaluation.privacy import measure_privacy, shared_rows
from mintage.evaluation.report import write_verdict
from mintage.evaluation.results import (
    Collapse,
    ColumnFacts,
    Detection,
    Fairness,
    Fidelity,
    LedgerEntry,
    NotComputed,
    Privacy,
    Report,
    TableFacts,
    Training,
    Utility,
)
from mintage.evaluation.tables import Table, Tables, align
from mintage.evaluation.target_models import fit_target_models
from mintage.evaluation.utility import measure_utility

Section = Fidelity | Detection | Utility | Privacy | Fairness | Collapse | NotComputed
OnSection = Callable[[str], None]
T = TypeVar("T")

_NO_REAL = "no real table: nothing was learned from, so there is nothing to compare with"
_NOT_ASKED = "it was not asked for (evaluation.metrics)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What is known of the synthetic table besides its rows; all of it may be left out."""

    subject: str = "synthetic"
    provenance: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    """Rows of the whole synthetic table, when the one at hand is a sample."""
    counted: Fidelity | None = None
    """Fidelity over all rows, counted while they were minted."""
    other_tables: Mapping[str, Fidelity | NotComputed] = field(default_factory=dict)
    generation: int | None = None
    real_fraction: float | None = None
    balance_column: str | None = None
    balance: Mapping[str, float] = field(default_factory=dict)
    ledger: tuple[LedgerEntry, ...] = ()
    """Steps that looked at real rows before the evaluation did."""
    training: Training | None = None
    warnings: tuple[str, ...] = ()


def _silent(section: str) -> None:
    del section


def evaluate_tables(
    real: pa.Table | None,
    synthetic: pa.Table,
    holdout: pa.Table | None = None,
    *,
    options: Options | None = None,
    gates: Mapping[str, Gate] | None = None,
    background: Background | None = None,
    on_section: OnSection = _silent,
) -> Report:
    """Measure a synthetic table against the real one that it was learned from.

    `holdout` are real rows that nothing learned from, of any number. Without `real` there is nothing
    to compare with, and every section says so. Raises `SpecError` for tables that cannot be
    compared, for unknown columns in the options, and for unknown figures in the gates.
    """
    options, background, gates = options or Options(), background or Background(), gates or {}
    check_gates(gates)
    evaluation = _Evaluation(options=options, background=background, on_section=on_section)
    if real is None:
        sections: dict[str, Section] = {name: NotComputed(not_computed=_NO_REAL) for name in METRICS}
        return _report(sections, gates, background, synthetic=synthetic, seconds={})
    tables = align(real, synthetic, holdout, options)
    sections = evaluation.measure(tables)
    return _report(
        sections, gates, background, synthetic=synthetic, tables=tables, seconds=evaluation.seconds
    )


@dataclass(slots=True, kw_only=True)
class _Evaluation:
    """One evaluation, section by section."""

    options: Options
    background: Background
    on_section: OnSection
    seconds: dict[str, float] = field(default_factory=dict)

    def measure(self, tables: Tables) -> dict[str, Section]:
        options, background = self.options, self.background
        models = None
        if options.target is not None and {"utility", "fairness"} & set(options.metrics):
            models = self._timed("utility", lambda: fit_target_models(tables, options))
        return {
            "fidelity": self._section("fidelity", lambda: self._fidelity(tables)),
            "detection": self._section("detection", lambda: measure_detection(tables, options)),
            "utility": self._section("utility", lambda: measure_utility(tables, options, models)),
            "privacy": self._section("privacy", lambda: self._privacy(tables)),
            "fairness": self._section(
                "fairness",
                lambda: measure_fairness(
                    tables, options, background.balance_column, background.balance, models=models
                ),
            ),
            "collapse": self._section(
                "collapse",
                lambda: measure_collapse(
                    tables,
                    options,
                    generation=background.generation,
                    real_fraction=background.real_fraction,
                ),
            ),
        }

    def _section(self, name: Metric, measure: Callable[[], Section]) -> Section:
        if name not in self.options.metrics:
            return NotComputed(not_computed=_NOT_ASKED)
        self.on_section(name)
        return self._timed(name, measure)

    def _timed(self, name: str, work: Callable[[], T]) -> T:
        started = time.perf_counter()
        result = work()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
        return result

    def _fidelity(self, tables: Tables) -> Fidelity:
        """Counted over all rows where they were counted; the rest is measured on the rows at hand."""
        measured = measure_fidelity(tables, self.options)
        counted = self.background.counted
        return measured if counted is None else join_counted(counted, measured)

    def _privacy(self, tables: Tables) -> Privacy:
        privacy = measure_privacy(tables, self.options)
        return privacy.model_copy(update={"ledger": [*self.background.ledger, *privacy.ledger]})


_SHARED_SHARE = 0.01
"""Share of the holdout that may equal real rows without a word."""


def join_counted(counted: Fidelity, measured: Fidelity) -> Fidelity:
    """Fidelity over all rows, with what only whole rows can tell taken from a sample of them."""
    update: dict[str, object] = {
        name: getattr(measured, name)
        for name in Fidelity.model_fields
        if getattr(counted, name) is None and getattr(measured, name) is not None
    }
    if measured.ceiling is not None and counted.ceiling is not None:
        ceiling = {
            name: getattr(measured.ceiling, name)
            for name in type(measured.ceiling).model_fields
            if getattr(counted.ceiling, name) is None
        }
        update["ceiling"] = counted.ceiling.model_copy(update=ceiling)
    taken = sorted(name for name in update if name != "ceiling")
    note = f"measured on a sample of {measured.rows_synthetic:,} synthetic rows: {', '.join(taken)}"
    return counted.model_copy(update={**update, "notes": [*counted.notes, note]})


def _report(
    sections: Mapping[str, Section],
    gates: Mapping[str, Gate],
    background: Background,
    *,
    synthetic: pa.Table,
    tables: Tables | None = None,
    seconds: Mapping[str, float],
) -> Report:
    warnings = [*background.warnings, *(tables.warnings if tables else ())]
    if tables is not None and tables.holdout is not None:
        warnings = [*_shared(tables.real, tables.holdout), *warnings]
    results = judge_gates(sections, gates)
    verdict = write_verdict(**sections, gates=results, warnings=warnings)  # type: ignore[arg-type]  # by name
    return Report(
        subject=background.subject,
        provenance=dict(background.provenance),
        real=_facts(tables.real.name, tables.real.rows, len(tables.columns)) if tables else None,
        synthetic=_facts("synthetic", background.rows or synthetic.num_rows, synthetic.num_columns),
        holdout=_facts("holdout", tables.holdout.rows, len(tables.columns))
        if tables and tables.holdout
        else None,
        columns=list(tables.columns) if tables else _unmeasured(synthetic),
        warnings=warnings,
        verdict=verdict,
        **sections,  # type: ignore[arg-type]  # one section of each name
        gates=results,
        other_tables=dict(background.other_tables),
        training=background.training,
        seconds={name: round(value, 3) for name, value in seconds.items()},
    )


def _shared(real: Table, holdout: Table) -> list[str]:
    shared = shared_rows(real, holdout)
    if shared < _SHARED_SHARE * holdout.rows:
        return []
    return [
        f"{shared:,} of the {holdout.rows:,} holdout rows equal a row of the real table. Unless rows repeat "
        "by nature, the holdout was learned from, and all figures that compare with it, privacy above all, "
        "look better than they are"
    ]


def _facts(name: str, rows: int, columns: int) -> TableFacts:
    return TableFacts(name=name, rows=rows, columns=columns)


def _unmeasured(synthetic: pa.Table) -> list[ColumnFacts]:
    return [
        ColumnFacts(name=field.name, semantics="", kind="skipped", reason="there is no real table")
        for field in synthetic.schema
    ]
