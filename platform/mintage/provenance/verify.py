"""Verifying a data set offline: from a policy or a public key down to every byte, or every row.

    head > signatures > statement > policy > other statements, attachments
                                  > plan, records (root, tiles) > commits > parts > rows; then strangers

or, for some shards only, from the statement by an inclusion proof to a record, its commit and its parts.

Nothing is parsed before what vouches for it was checked, and nothing is read by a path before that
path has passed. What differs becomes a failure with a code; a store that cannot be read is an error,
because then nothing is known.
"""

from __future__ import annotations

from contextlib import nullcontext

from mintage.provenance._metered import MeteredStore
from mintage.provenance.checks.parts import OpenPart
from mintage.provenance.checks.signed import Signed, open_version
from mintage.provenance.checks.some import check_some
from mintage.provenance.checks.whole import check_whole
from mintage.provenance.journal import Journal
from mintage.provenance.policy import Policy
from mintage.provenance.report import VerifyFailure, VerifyReport
from mintage.provenance.scope import Scope
from mintage.store import ObjectStore

__all__ = ["OpenPart", "Scope", "VerifyFailure", "VerifyReport", "verify_dataset"]

_WHOLE = Scope()


def verify_dataset(
    store: ObjectStore,
    policy: Policy,
    *,
    scope: Scope = _WHOLE,
    workers: int = 4,
    open_part: OpenPart | None = None,
) -> VerifyReport:
    """Check a version of a data set against a policy: the newest, all of it, unless `scope` says otherwise.

    Bytes are checked: each part has the SHA-256 that was signed. With `open_part`, which decodes a part,
    the rows are checked too. `workers` parts are read at the same time. Raises `StoreError` when the
    store cannot be read, `SpecError` for a shard that there is not, and `ProvenanceError` for a
    journal that cannot be used.
    """
    report = VerifyReport(decoded=open_part is not None)
    metered = MeteredStore(store)
    signed = open_version(metered, scope.version, policy, report, sparing=scope.is_partial)
    if signed is not None and scope.is_partial:
        check_some(metered, signed, scope, report, open_part=open_part, workers=workers)
    elif signed is not None:
        with _journal(store, scope, signed, rows=open_part is not None) or nullcontext() as journal:
            check_whole(
                store,
                signed,
                report,
                open_part=open_part,
                workers=workers,
                strict=scope.strict,
                journal=journal,
            )
    if scope.is_partial:
        report.read = {"bytes": metered.bytes_read, "requests": metered.requests}
    return report


def _journal(store: ObjectStore, scope: Scope, signed: Signed, *, rows: bool) -> Journal | None:
    if scope.journal is None:
        return None
    return Journal.open(scope.journal, uri=store.uri, statement=signed.head.statement, rows=rows)
