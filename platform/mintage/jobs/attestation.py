"""The end of a run: rules that speak about the whole data set, then the signed manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain

from mintage.engine.bench import bind_rule, make_sink, stored_schema
from mintage.engine.environment import Environment
from mintage.engine.models import find_model, load_prepared
from mintage.errors import ValidationFailedError
from mintage.evaluation.results import Report
from mintage.jobs.dependencies import run_dependencies
from mintage.jobs.interchange import make_exports
from mintage.jobs.report_files import gate_outcome, report_files
from mintage.operators.validation import BoundRule, Counts, find_excesses
from mintage.plan import Plan
from mintage.provenance.attachments import describe
from mintage.provenance.bases import Base
from mintage.provenance.facts import Facts, ProbeFacts
from mintage.provenance.lineage import join, unattested
from mintage.provenance.manifest import attest
from mintage.provenance.records import CommitRecord
from mintage.provenance.segments import Segment, read_segments
from mintage.provenance.signing import Signer
from mintage.provenance.statements import Head
from mintage.spec import JobSpec
from mintage.store import ObjectStore

_READERS = 16


def check_run(store: ObjectStore, plan: Plan, base: Base | None = None) -> None:
    """Judge what no single shard can see. Raises `ValidationFailedError`; nothing is attested then.

    Shares of broken rules are summed over the commit records; rules that compare rows of different
    shards, such as `unique`, read the columns of their table once more, in the shards of `base` too,
    which the version is to begin with.
    """
    rules = [bind_rule(rule, load_prepared(store, rule.prepared)) for rule in plan.operators]
    problems = [*_excesses(store, plan, rules), *_dataset_problems(store, plan, rules, base)]
    if problems:
        raise ValidationFailedError(
            "; ".join(problems),
            "the parts are kept, but not attested. Loosen the rule, or let fewer shards share the rows "
            "(sink.shard_rows), and write to a new sink",
        )


def _excesses(store: ObjectStore, plan: Plan, rules: list[BoundRule]) -> list[str]:
    """Rules with action `fail` that too many of all rows drawn break."""
    if not any(rule.operator.config.action == "fail" for rule in rules):
        return []
    totals: dict[str, Counts] = {}
    for commit in _commits(store, plan):
        for name, table in commit.record.tables.items():
            counted = Counts(drawn=table.verdicts.drawn, violations=table.verdicts.violations)
            totals[name] = totals.get(name, Counts()) + counted
    return [str(excess) for excess in find_excesses(rules, totals)]


def _dataset_problems(store: ObjectStore, plan: Plan, rules: list[BoundRule], base: Base | None) -> list[str]:
    """What rules say about tables as wholes."""
    schema = stored_schema(plan)
    made = [(rule.table, rule.operator.dataset_judge(schema.table(rule.table))) for rule in rules]
    judges = [(table, judge) for table, judge in made if judge is not None]
    if not judges or (plan.shards == 1 and base is None):
        return []
    sink = make_sink(plan, plan.layout.connector)
    earlier = read_segments(store, base.segments.parts if base else (), _READERS)
    for commit in chain(earlier, _commits(store, plan)):
        for table, judge in judges:
            with store.open_read(commit.parts[table]) as stream:
                for batch in sink.scan_part(stream, schema.table(table).arrow()):
                    judge.add(batch)
    return [problem for _, judge in judges if (problem := judge.problem())]


def attest_run(
    store: ObjectStore,
    plan: Plan,
    spec: JobSpec,
    signer: Signer,
    *,
    builder: str,
    report: Report | None,
    base: Base | None = None,
    probes: Sequence[ProbeFacts] = (),
    started: datetime,
    finished: datetime,
) -> Head:
    """Fold the commits into a signed version, with its report. A run that has one already keeps it.

    `base` is the version that the run is appended to; `probes` are shards that were minted again.
    """
    told = _facts(store, plan, spec, builder=builder, started=started, finished=finished)
    facts = {**told, "probes": tuple(probes)}
    files = report_files(report) if report else {}
    own = plan.lineage or unattested(plan.source)
    return attest(
        store,
        plan=plan.to_json(),
        plan_digest=plan.digest,
        shards=plan.shards,
        first_shard=plan.first_shard,
        base=base,
        facts=facts,
        signer=signer,
        attachments=files,
        exports=make_exports(
            store,
            facts=Facts.of(facts),
            datasheet=spec.datasheet,
            report=report,
            attached=describe(files),
            plan=plan,
            lineage=join(base.statement.lineage, own) if base else own,
        ),
        test_result=gate_outcome(report) if report else None,
        workers=_READERS,
    )


def _facts(
    store: ObjectStore, plan: Plan, spec: JobSpec, *, builder: str, started: datetime, finished: datetime
) -> dict[str, object]:
    """What the run says of itself."""
    stored = find_model(store, plan.model.digest)
    return {
        "name": plan.name,
        "run_id": plan.run_id,
        "spec": {**spec.to_json(complete=True), "seed": str(spec.seed)},
        "schema": stored_schema(plan).to_json(),
        "kind": plan.model.generator.name,
        "model": {
            "digest": plan.model.digest,
            "kind": plan.model.generator.name,
            "fit": dict(stored.fit) if stored else {},
        },
        "source": plan.source,
        "lineage": plan.lineage,
        "determinism": plan.model.determinism,
        "environment": Environment.here(plan.versions).to_json(),
        "builder": {"id": builder, "versions": {**plan.versions, **_environment()}},
        "dependencies": run_dependencies(plan, stored),
        "started": _utc(started),
        "finished": _utc(finished),
    }


def _commits(store: ObjectStore, plan: Plan) -> Iterator[CommitRecord]:
    own = Segment(plan=plan.digest, run_id=plan.run_id, first=plan.first_shard, shards=plan.shards)
    return read_segments(store, [own], _READERS)


def _utc(time: datetime) -> str:
    """A time as in-toto has them: RFC 3339 that ends in Z."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _environment() -> dict[str, str]:
    """Versions of what rows and files depend on, besides the plugins."""
    import platform
    from importlib.metadata import version

    libraries = ("numpy", "polars", "pyarrow", "ray", "torch")
    return {"python": platform.python_version(), **{name: version(name) for name in libraries}}
