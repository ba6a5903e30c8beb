"""Evaluations of data sets that were not attested, because a gate failed: kept, signed, beside the rows.

    _mintage/evaluations/<digest>/report.html, report.json, statement.jsonl

The folder is named for what the statement says and who says it, so the same evaluation is kept once,
however often it is tried. Nothing refers to it: no version, and no reader of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mintage.errors import ObjectExistsError, ObjectMissingError, ProvenanceError
from mintage.provenance._capped import read_capped
from mintage.provenance.attachments import describe, find_difference
from mintage.provenance.bases import Base
from mintage.provenance.digests import digest_from_raw, digest_of
from mintage.provenance.gate_statement import GateStatement, TestResult, build_test_result
from mintage.provenance.layout import evaluation_path
from mintage.provenance.merkle import MerkleTree, leaf_hash
from mintage.provenance.segments import Segment, read_segments
from mintage.provenance.signing import MAX_ENVELOPE_BYTES, PublicKey, Signer, verify
from mintage.store import ObjectStore

_STATEMENT = "statement.jsonl"


def keep_failed_evaluation(
    store: ObjectStore,
    *,
    name: str,
    plan_digest: str,
    run_id: str,
    shards: int,
    first_shard: int = 0,
    base: Base | None = None,
    attachments: Mapping[str, bytes],
    test_result: TestResult,
    signer: Signer,
    workers: int = 16,
) -> str:
    """Keep the report of a data set that failed its gates, with a signed statement of it.

    The statement is about the Merkle root of the committed shards, as that of a version would be: with
    the shards of `base` before them, when they were to be appended to it.
    Returns the folder, with a slash at its end; the statement is written last. May be called again:
    what is there is kept, and the same folder returned.

    Raises `ProvenanceError` when a shard is not committed, for attachments of wrong names or sizes, and
    for a test result that did not fail.
    """
    if test_result.status != "FAILED":
        raise ProvenanceError(f"the gates did not fail, they are {test_result.status}", "attest the data set")
    described = describe(attachments)
    own = Segment(plan=plan_digest, run_id=run_id, first=first_shard, shards=shards) if shards else None
    earlier = base.segments.parts if base else ()
    root = _root(store, [*earlier, own] if own else [], workers)
    payload = build_test_result(name, root, test_result, described)
    folder = evaluation_path(digest_of("".join(signer.keyids).encode("utf-8") + payload))
    for file, data in attachments.items():
        store.create(folder + file, data)
    try:
        store.create(folder + _STATEMENT, signer.sign(payload) + b"\n")
    except ObjectExistsError:
        # Some kinds of keys never sign twice alike; what counts is what was signed.
        if read_evaluation(store, folder, [signer.public_key]) != GateStatement.from_payload(payload):
            raise
    return folder


def read_evaluation(store: ObjectStore, folder: str, keys: Sequence[PublicKey]) -> GateStatement:
    """The statement in a folder that `keep_failed_evaluation` returned, and what it names, checked.

    Raises `SignatureError` unless one of `keys` signed it, and `ProvenanceError` when it is missing, or
    its report is not what was signed.
    """
    path = f"{folder.rstrip('/')}/{_STATEMENT}"
    try:
        envelope = read_capped(store, path, MAX_ENVELOPE_BYTES)
    except ObjectMissingError as exc:
        raise ProvenanceError(f"{path} is missing", "run the job again to finish its evaluation") from exc
    statement = GateStatement.from_payload(verify(envelope, keys))
    for name, signed in statement.report.items():
        file = f"{folder.rstrip('/')}/{name}"
        if difference := find_difference(store, file, signed):
            raise ProvenanceError(f"{file} is not what was signed: {difference.message}")
    return statement


def _root(store: ObjectStore, segments: Sequence[Segment], workers: int) -> str:
    """The Merkle root over the shard records of all commits."""
    tree = MerkleTree()
    for commit in read_segments(store, segments, workers):
        tree.append(leaf_hash(commit.leaf))
    if not tree.size:
        raise ProvenanceError("a data set without shards has no evaluation", "ask for at least one row")
    return digest_from_raw(tree.root())
