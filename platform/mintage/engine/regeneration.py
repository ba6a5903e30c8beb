"""Minting a committed shard again, elsewhere, and comparing the two."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from mintage.engine.attempts import ShardAttempt
from mintage.engine.bench import Bench
from mintage.engine.closeness import Tolerance
from mintage.engine.commits import shard_record
from mintage.engine.equality import Committed, Reminted, ShardComparer, ShardEquality
from mintage.errors import ObjectMissingError, ProvenanceError
from mintage.provenance.committed import signed_commit
from mintage.provenance.records import CommitRecord, ShardRecord
from mintage.store import ObjectStore
from mintage.telemetry import span


@contextmanager
def scratch_store() -> Iterator[ObjectStore]:
    """A folder of this machine for the parts of a shard, gone when the body ends."""
    with TemporaryDirectory(prefix="mintage-") as folder:
        yield ObjectStore.open(folder)


def mint_again(
    bench: Bench, index: int, output: ObjectStore, *, stopped: Callable[[], bool] = lambda: False
) -> Reminted:
    """Mint shard `index` into `output`, in the same way as a worker; the data set is only read."""
    identity = f"again-{secrets.token_hex(4)}"
    with span("regenerate", {"mintage.shard": index}):
        minted = ShardAttempt(bench, output, index, identity, stopped=stopped).run()
    parts = {table: part.path for table, part in minted.parts.items()}
    return Reminted(record=shard_record(bench.plan, bench.stored_schema, minted), output=output, parts=parts)


def compare_with_signed(
    bench: Bench,
    signed: ShardRecord,
    committed: Committed,
    again: Reminted,
    tolerance: Tolerance = Tolerance(),  # noqa: B008  # frozen
) -> ShardEquality:
    """How equal a shard that was minted again is to the record of the committed one."""
    comparer = ShardComparer(tables=bench.stored_schema.tables, sink=bench.sink, tolerance=tolerance)
    return comparer.compare(signed, committed, again)


def find_committed(store: ObjectStore, signed: ShardRecord, plan_digest: str, run_id: str) -> Committed:
    """Where the parts of a shard lie, as far as its commit can still be believed."""
    try:
        commit: CommitRecord = signed_commit(store, signed, plan_digest, run_id)
    except ObjectMissingError:
        return Committed(
            store=store, paths={}, missing=f"the commit record of shard {signed.index} is missing"
        )
    except ProvenanceError as exc:
        return Committed(store=store, paths={}, missing=exc.message)
    return Committed(store=store, paths=commit.parts)
