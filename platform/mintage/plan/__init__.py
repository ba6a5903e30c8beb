"""From a spec to a plan: run id, seeds, shards and quotas. Pure: nothing here reads or writes."""

from mintage.contracts.seeds import MAX_SEED, Stage, fit_rng, sample_rng
from mintage.plan.plan import ModelRef, OperatorPlan, PartLayout, Plan
from mintage.plan.quotas import plan_quotas
from mintage.plan.run_id import make_run_id
from mintage.plan.sharding import make_shard, planned_batches, shard_count, slice_rows

__all__ = [
    "MAX_SEED",
    "ModelRef",
    "OperatorPlan",
    "PartLayout",
    "Plan",
    "Stage",
    "fit_rng",
    "make_run_id",
    "make_shard",
    "plan_quotas",
    "planned_batches",
    "sample_rng",
    "shard_count",
    "slice_rows",
]
