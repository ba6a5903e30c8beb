"""The self-audit: some committed shards are minted again by another worker before anything is signed.

It is what finds a machine that computes wrongly without saying so, and a generator that keeps state
which its requests do not have. Nobody knows which shards will be asked for before all are committed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mintage.contracts import Determinism
from mintage.engine import events
from mintage.engine.commits import find_commit
from mintage.engine.executors import Executor
from mintage.engine.probing import Probed
from mintage.errors import AuditFailedError
from mintage.plan import Plan
from mintage.provenance.commits import read_commits
from mintage.provenance.facts import ProbeFacts
from mintage.provenance.probes import choose_probes, root_of
from mintage.store import ObjectStore

AUTOMATIC_FROM = 20
"""Shards from which on one of them is audited unless the spec says otherwise: 5 % of the minting at most."""

_READERS = 16
_TRIES = 3


def audit_size(plan: Plan, asked: int | None) -> int:
    """How many shards are minted again; `asked` is what the spec says."""
    if asked is not None:
        return min(asked, plan.shards)
    return 1 if plan.shards >= AUTOMATIC_FROM and _claims_rows(plan) else 0


def audit(
    store: ObjectStore, plan: Plan, executor: Executor, size: int, on_event: events.OnEvent
) -> tuple[ProbeFacts, ...]:
    """Have `size` committed shards of a plan minted again, and compare them.

    Raises `AuditFailedError` when the model claims that rows repeat and they do not, or when a part
    is no longer what was committed. A weaker claim that does not hold is what comes back.
    """
    root = root_of(
        read_commits(
            store,
            shards=plan.shards,
            plan_digest=plan.digest,
            run_id=plan.run_id,
            first=plan.first_shard,
            workers=_READERS,
        )
    )
    return tuple(_probes(store, plan, executor, choose_probes(root, plan.indices, size), on_event))


def _probes(
    store: ObjectStore, plan: Plan, executor: Executor, shards: Sequence[int], on_event: events.OnEvent
) -> Iterator[ProbeFacts]:
    claimed = Determinism(plan.model.determinism)
    commits = ((shard, find_commit(store, plan, shard)) for shard in shards)
    asked = {shard: commit.worker for shard, commit in commits if commit is not None}
    for probed in _probe(executor, asked):
        shard, equality = probed.found.shard, probed.found.equality
        on_event(events.ShardAudited(shard=shard, equality=equality.value, worker=probed.worker))
        _check_parts(probed)
        confirmed = probed.found.keeps(claimed)
        if not confirmed and _claims_rows(plan):
            [third] = _probe(executor, {shard: probed.worker})
            raise _refuted(probed, third, claimed)
        yield ProbeFacts(
            shard=shard,
            result="confirmed" if confirmed else "refuted",
            equality=equality,
            worker=probed.worker,
            committed_by=probed.committed_by,
        )


def _probe(executor: Executor, asked: Mapping[int, str]) -> list[Probed]:
    """Ask for probes, again for those whose worker was lost; raises the first error that is final."""
    left, found = dict(asked), list[Probed]()
    for attempt in range(_TRIES):
        for shard, ended in zip(list(left), executor.probe(left), strict=True):
            if isinstance(ended, Probed):
                found.append(ended)
                del left[shard]
            elif not ended.retryable or attempt + 1 == _TRIES:
                raise ended
        if not left:
            break
    return found


def _check_parts(probed: Probed) -> None:
    if probed.damaged:
        raise AuditFailedError(
            f"shard {probed.found.shard} is no longer what {probed.committed_by} committed: "
            f"{', '.join(probed.damaged)} is missing or altered",
            "nothing was signed: check the store, then mint into a new sink.uri",
        )


def _refuted(probed: Probed, third: Probed, claimed: Determinism) -> AuditFailedError:
    """The error that says what three mintings of one shard show."""
    rows = [[table.content for table in one.found.tables] for one in (probed, third)]
    if third.found.keeps(claimed):
        finding = f"a third minting by {third.worker} is as {probed.committed_by} committed it"
    elif rows[0] == rows[1]:
        finding = f"a third minting by {third.worker} agrees with {probed.worker}"
    else:
        finding = f"a third minting by {third.worker} agrees with neither"
    return AuditFailedError(
        f"shard {probed.found.shard}, committed by {probed.committed_by}, came out with the equality "
        f"{probed.found.equality} when {probed.worker} minted it again, but its model claims {claimed}; "
        f"{finding}",
        "nothing was signed. Mintings that all differ: the generator follows something else than its "
        "request; try it with mintage.testing, or have it claim less. One that differs: take that worker "
        "out, its machine may compute wrongly. Then mint into a new sink.uri",
    )


def _claims_rows(plan: Plan) -> bool:
    return Determinism(plan.model.determinism).covers(Determinism.CONTENT)
