"""What a program calls: run a job, preview it, verify what it made, draft a spec for a source.

The phases of a run stand in `execution.py`; how shards are minted does not belong here but in `engine`.
"""

from mintage.jobs.attesting import Attested, attest
from mintage.jobs.collecting import Collection, gc
from mintage.jobs.comparison import evaluate
from mintage.jobs.differences import Difference, diff
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
from mintage.jobs.verification import prove, verify, verify_part

__all__ = [
    "Attested",
    "Collection",
    "Difference",
    "Imputed",
    "Regenerated",
    "Result",
    "SignedVersion",
    "attest",
    "diff",
    "evaluate",
    "gc",
    "impute",
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
    "verify",
    "verify_part",
    "write_report",
]
