"""What a program calls: run a job, preview it, verify what it made, draft a spec for a source.

The phases of a run stand in `execution.py`; how shards are minted does not belong here but in `engine`.
Each is imported when it is used: to verify needs nothing that minting does.
"""

from typing import TYPE_CHECKING

from mintage._lazy import lazy_exports

if TYPE_CHECKING:
    from mintage.jobs.ancestry import lineage
    from mintage.jobs.attesting import Attested, attest
    from mintage.jobs.client.aio import AsyncClient, AsyncJob
    from mintage.jobs.client.backend import JobState
    from mintage.jobs.client.client import Client
    from mintage.jobs.client.job import Job
    from mintage.jobs.client.status import JobStatus
    from mintage.jobs.collecting import Collection, gc
    from mintage.jobs.comparison import evaluate
    from mintage.jobs.differences import Difference, diff
    from mintage.jobs.estimating import Estimate, estimate
    from mintage.jobs.execution import run
    from mintage.jobs.imputation import Imputed, impute
    from mintage.jobs.previews import preview
    from mintage.jobs.regeneration import Regenerated, regenerate
    from mintage.jobs.report_files import write_report
    from mintage.jobs.result import Result
    from mintage.jobs.reviewing import review, reviews
    from mintage.jobs.samples import review_page
    from mintage.jobs.signing import SignedVersion, public_key, sign
    from mintage.jobs.sources import open_source
    from mintage.jobs.streaming import stream
    from mintage.jobs.verification import prove, verify, verify_part

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Attested": "mintage.jobs.attesting",
        "Client": "mintage.jobs.client.client",
        "AsyncClient": "mintage.jobs.client.aio",
        "AsyncJob": "mintage.jobs.client.aio",
        "Collection": "mintage.jobs.collecting",
        "Difference": "mintage.jobs.differences",
        "Estimate": "mintage.jobs.estimating",
        "Imputed": "mintage.jobs.imputation",
        "Job": "mintage.jobs.client.job",
        "JobState": "mintage.jobs.client.backend",
        "JobStatus": "mintage.jobs.client.status",
        "Regenerated": "mintage.jobs.regeneration",
        "Result": "mintage.jobs.result",
        "SignedVersion": "mintage.jobs.signing",
        "attest": "mintage.jobs.attesting",
        "diff": "mintage.jobs.differences",
        "estimate": "mintage.jobs.estimating",
        "evaluate": "mintage.jobs.comparison",
        "gc": "mintage.jobs.collecting",
        "impute": "mintage.jobs.imputation",
        "lineage": "mintage.jobs.ancestry",
        "open_source": "mintage.jobs.sources",
        "preview": "mintage.jobs.previews",
        "prove": "mintage.jobs.verification",
        "public_key": "mintage.jobs.signing",
        "regenerate": "mintage.jobs.regeneration",
        "review": "mintage.jobs.reviewing",
        "review_page": "mintage.jobs.samples",
        "reviews": "mintage.jobs.reviewing",
        "run": "mintage.jobs.execution",
        "sign": "mintage.jobs.signing",
        "stream": "mintage.jobs.streaming",
        "verify": "mintage.jobs.verification",
        "verify_part": "mintage.jobs.verification",
        "write_report": "mintage.jobs.report_files",
    },
)

__all__ = [
    "AsyncClient",
    "AsyncJob",
    "Attested",
    "Client",
    "Collection",
    "Difference",
    "Estimate",
    "Imputed",
    "Job",
    "JobState",
    "JobStatus",
    "Regenerated",
    "Result",
    "SignedVersion",
    "attest",
    "diff",
    "estimate",
    "evaluate",
    "gc",
    "impute",
    "lineage",
    "open_source",
    "preview",
    "prove",
    "public_key",
    "regenerate",
    "review",
    "review_page",
    "reviews",
    "run",
    "sign",
    "stream",
    "verify",
    "verify_part",
    "write_report",
]
