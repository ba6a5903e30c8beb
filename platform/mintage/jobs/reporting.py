"""The report of a run: what was counted while minting, and what a sample of the rows shows.

fold      the sketches of all shards: fidelity over every row, without a second pass
sample    rows evenly from the shards, for classifiers and attacks
measure   against the real rows that were learned from, and those that were set aside
judge     the gates; one that fails keeps the data set from being signed
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mintage.contracts import Connector, Scalar, Source, TableReader
from mintage.engine.bench import make_sink, stored_schema
from mintage.engine.commits import find_commit
from mintage.engine.models import find_model
from mintage.engine.sketches import fold_sketches
from mintage.errors import GateFailedError, SpecError
from mintage.evaluation.evaluate import Background, OnSection, evaluate_tables
from mintage.evaluation.folded import fidelity_of_sketches
from mintage.evaluation.gates import Gate, check_gates, judge_gates, overall
from mintage.evaluation.options import METRICS, Options
from mintage.evaluation.reading import read_levels
from mintage.evaluation.results import (
    Fidelity,
    GateResult,
    LedgerEntry,
    NotComputed,
    Report,
    Result,
    Training,
)
from mintage.evaluation.sketch import sketch_of
from mintage.evaluation.training import read_training
from mintage.jobs.planning import Request, column_kinds
from mintage.jobs.report_files import HTML, gate_outcome, report_files
from mintage.jobs.result import Result as DataSet
from mintage.plan import Plan
from mintage.provenance.bases import Base
from mintage.provenance.evaluations import keep_failed_evaluation
from mintage.provenance.lineage import unattested
from mintage.provenance.privacy_claim import spent_epsilon
from mintage.provenance.signing import Signer
from mintage.spec import AnyOfSpec, BalanceSpec, JobSpec, RangeSpec, nearest
from mintage.store import ObjectStore

MAX_REAL_ROWS = 1_000_000
"""Real rows that are read into memory for classifiers and attacks; counts take all of them."""

MAX_SAMPLED_SHARDS = 64
"""Shards that the sample of synthetic rows comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReporter:
    """Evaluates one run whose shards are all committed."""

    store: ObjectStore
    plan: Plan
    request: Request
    threads: int
    on_section: OnSection

    def report(self) -> Report:
        """The report; the same run gives the same one."""
        spec, request = self.request.spec, self.request
        training, root = request.training, self.plan.schema.root
        training_facts, unreadable = self._training()
        warnings: list[str] = [unreadable] if unreadable else []
        counted = self._count()
        real = _read(training.readers[root], MAX_REAL_ROWS, warnings) if training else None
        holdout = _read(request.holdout, MAX_REAL_ROWS, warnings) if request.holdout else None
        if holdout is not None and holdout.num_rows == 0:
            warnings.append(
                "no row was set aside: the share is too small for this source; there is no holdout"
            )
            holdout = None
        lineage = self.plan.lineage or unattested(self.plan.source)
        balance, over_all_rows = spec.balance, counted.pop(root, None)
        return evaluate_tables(
            real,
            self._sample(spec.evaluation.rows),
            holdout,
            options=make_options(spec, training, self.threads),
            gates=make_gates(spec),
            background=Background(
                subject=spec.name,
                provenance=self._provenance(),
                rows=self.plan.rows,
                counted=over_all_rows if isinstance(over_all_rows, Fidelity) else None,
                other_tables=counted,
                generation=lineage.generation,
                real_fraction=None if lineage.real_fraction is None else float(lineage.real_fraction),
                balance_column=balance.column if balance else None,
                balance=_asked_shares(balance) if balance else {},
                ledger=self._ledger(real),
                training=training_facts,
                warnings=tuple(warnings),
            ),
            on_section=self.on_section,
        )

    def _training(self) -> tuple[Training | None, str]:
        """What the fit record tells of the training, or why it cannot be read."""
        stored = find_model(self.store, self.plan.model.digest)
        return read_training(stored.fit) if stored else (None, "")

    def _count(self) -> dict[str, Fidelity | NotComputed]:
        """Fidelity by table, from what the shards counted and one look at the real rows."""
        request, folded = self.request, fold_sketches(self.store, self.plan)
        counted: dict[str, Fidelity | NotComputed] = {}
        for name, table in folded.items():
            assert request.training is not None
            binning = table.sketch.binning
            apart = request.holdout if name == self.plan.schema.root else None
            counted[name] = fidelity_of_sketches(
                sketch_of(request.training.scan(name), binning),
                table.sketch,
                sketch_of(apart.scan(), binning) if apart else None,
                stretches=table.stretches,
            )
        return counted

    def _sample(self, rows: int) -> pa.Table:
        """At most about `rows` root rows of the shards, evenly spaced; the same for the same plan."""
        plan, root = self.plan, self.plan.schema.root
        schema = plan.schema.root_table.arrow()
        shards = np.unique(np.linspace(0, plan.shards - 1, MAX_SAMPLED_SHARDS).astype(int)) + plan.first_shard
        sink = make_sink(plan, plan.layout.connector)
        held = sum(plan.shard(int(shard)).rows for shard in shards)
        step = max(1, -(-held // rows))
        batches: list[pa.RecordBatch] = []
        for shard in shards:
            commit = find_commit(self.store, plan, int(shard))
            assert commit is not None
            batches += self._every(sink, commit.parts[root], step)
        return pa.Table.from_batches(batches, schema)

    def _every(self, sink: Connector, path: str, step: int) -> Iterator[pa.RecordBatch]:
        """Every `step`-th row of a part, counted through its batches."""
        stored = stored_schema(self.plan).root_table.arrow()
        names, seen = self.plan.schema.root_table.names, 0
        with self.store.open_read(path) as stream:
            for batch in sink.scan_part(stream, stored):
                taken = np.arange(-seen % step, batch.num_rows, step)
                seen += batch.num_rows
                yield batch.select(list(names)).take(pa.array(taken))

    def _provenance(self) -> dict[str, str]:
        plan = self.plan
        return {
            "run_id": plan.run_id,
            "plan": plan.digest,
            "generator": plan.model.generator.name,
            "model": plan.model.digest,
            "source": plan.source or "none",
            **{f"version of {name}": version for name, version in plan.versions.items()},
        }

    def _ledger(self, real: pa.Table | None) -> tuple[LedgerEntry, ...]:
        if real is None:
            return ()
        stored = find_model(self.store, self.plan.model.digest)
        spent = spent_epsilon(stored.fit) if stored else None
        steps = [LedgerEntry(step="fit", mechanism=self.plan.model.generator.name, epsilon=spent)]
        steps += [
            LedgerEntry(step=f"validate: {rule.reason}", mechanism=rule.operator.name)
            for rule in self.plan.operators
            if rule.prepared is not None
        ]
        return (*steps, LedgerEntry(step="count", mechanism="histograms on a protected grid"))


def make_options(spec: JobSpec, source: Source | None, threads: int) -> Options:
    """What is measured of a job's root table; what its columns mean is what the source's schema says."""
    asked = spec.evaluation
    return Options(
        metrics=asked.metrics,
        target=asked.target,
        favourable=asked.favourable,
        key=asked.key,
        protected=asked.protected,
        kinds=column_kinds(spec, source) if source else {},
        max_rows=asked.rows,
        seed=spec.seed,
        threads=threads,
    )


def make_gates(spec: JobSpec) -> dict[str, Gate]:
    """The gates of a spec. Raises `SpecError` for a figure that does not exist."""
    gates = {name: Gate(min=gate.min, max=gate.max, action=gate.action) for name, gate in spec.gates.items()}
    check_gates(gates)
    return gates


def check_columns(spec: JobSpec, source: Source | None) -> None:
    """Raise `SpecError` when the evaluation names a column that the root table does not have."""
    if source is None:
        return
    asked = spec.evaluation
    names = {
        "target": (asked.target,) if asked.target else (),
        "key": asked.key,
        "protected": asked.protected,
    }
    known = source.schema.root_table.names
    for what, columns in names.items():
        for column in columns:
            if column not in known:
                raise SpecError(f"evaluation.{what}: there is no column {column!r}", nearest(column, known))


def judge_again(store: ObjectStore, spec: JobSpec, version: int) -> None:
    """Judge the report of a finished version by the gates of the spec, which may be new ones.

    Raises `GateFailedError`; the data set stays signed, with the report that it has.
    """
    gates = make_gates(spec)
    if not gates:
        return
    report = DataSet.open(store.uri, storage=spec.sink.storage, version=version).report()
    missing = NotComputed(not_computed="the data set was signed without a report")
    sections: dict[str, Result] = {name: getattr(report, name) if report else missing for name in METRICS}
    _raise_failed(judge_gates(sections, gates), f"the report of {store.uri}", "it stays signed as it is")


def refuse_failed(
    store: ObjectStore, plan: Plan, report: Report, signer: Signer, base: Base | None = None
) -> None:
    """Raise `GateFailedError` when a gate failed, after the report, and a signed record of it, were kept."""
    if overall(report.gates) != "fail":
        return
    outcome = gate_outcome(report)
    assert outcome is not None
    where = keep_failed_evaluation(
        store,
        name=plan.name,
        plan_digest=plan.digest,
        run_id=plan.run_id,
        shards=plan.shards,
        first_shard=plan.first_shard,
        base=base,
        attachments=report_files(report),
        test_result=outcome,
        signer=signer,
    )
    _raise_failed(
        report.gates,
        f"{store.uri}/{where}{HTML}",
        "the parts are kept, but not attested: run again with other gates to judge them without minting, "
        "or change the job and write to a new sink",
    )


def _raise_failed(results: Sequence[GateResult], where: str, what_now: str) -> None:
    failed = [result for result in results if result.status == "fail"]
    if failed:
        raise GateFailedError(
            "; ".join(f"gate {result.figure}: {result.reason}" for result in failed),
            f"read {where}; {what_now}",
        )


def _asked_shares(balance: BalanceSpec) -> dict[str, float]:
    """The shares of single values: those of ranges and sets are no levels of an evaluation."""
    return {
        _level(share.value): share.share
        for share in balance.shares
        if not isinstance(share.value, RangeSpec | AnyOfSpec)
    }


def _level(value: Scalar) -> str:
    """A value of a balance as the text that levels have in an evaluation."""
    levels, _ = read_levels("balance", [pa.array([value])])
    return levels[0] if levels else ""


def _read(reader: TableReader, most: int, warnings: list[str]) -> pa.Table:
    batches: list[pa.RecordBatch] = []
    rows = 0
    for batch in reader.scan():
        batches.append(batch)
        rows += batch.num_rows
        if rows >= most:
            warnings.append(f"only the first {rows:,} real rows were used for detection, utility and privacy")
            break
    return pa.Table.from_batches(batches, reader.schema)
