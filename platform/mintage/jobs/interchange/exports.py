"""What is written beside a version besides its report: made when the shards are folded, before signing."""

from __future__ import annotations

from collections.abc import Mapping

from mintage.contracts import DatasetSchema
from mintage.evaluation.results import Report
from mintage.jobs.interchange.croissant import CROISSANT, render_croissant
from mintage.jobs.interchange.datacard import DATACARD, render_datacard
from mintage.jobs.interchange.described import Described, last_day, read_listing
from mintage.plan import Plan
from mintage.provenance.attachments import Attached
from mintage.provenance.exports import Exports
from mintage.provenance.facts import Facts
from mintage.provenance.layout import plan_path
from mintage.provenance.lineage import Lineage
from mintage.provenance.prov import prov_of
from mintage.provenance.statements import Folded
from mintage.spec import DatasheetSpec
from mintage.store import ObjectStore


def make_exports(
    store: ObjectStore,
    *,
    facts: Facts,
    datasheet: DatasheetSpec,
    report: Report | None,
    attached: Mapping[str, Attached],
    plan: Plan,
    lineage: Lineage,
) -> Exports:
    """croissant.json and datacard.md of a version, whose bytes follow from what is committed."""

    def render(version: int, folded: Folded) -> dict[str, bytes]:
        schema = DatasetSchema.from_json(facts.dataset_schema)
        described = Described(
            version=version,
            facts=facts,
            folded=folded,
            schema=schema,
            listing=read_listing(store, version, schema.names),
            made=last_day(store, version, folded.size),
            datasheet=datasheet,
            report=report,
            attached=attached,
            plan_digest=plan.digest,
            plan_path=plan_path(plan.first_shard),
            shards=plan.shards,
            connector=plan.layout.connector.name,
            lineage=lineage,
        )
        prov = prov_of(lineage, run_id=facts.run_id, generator=facts.kind)
        return {CROISSANT: render_croissant(described, prov), DATACARD: render_datacard(described)}

    return Exports(names=frozenset({CROISSANT, DATACARD}), render=render)
