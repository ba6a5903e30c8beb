"""Provenance: folding commit records into a version, and its share of the time that minting takes."""

from __future__ import annotations

import functools
import hashlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from environment import Setting

COLUMNS = 10
SHARDS = (100_000, 1_000_000)


def measure(setting: Setting) -> dict[str, object]:
    """Seconds of one core and memory for folding; the share of provenance in a job that mints."""
    shards = (2_000, 20_000) if setting.quick else SHARDS
    return {
        "fold": [_in_a_process_of_its_own(number) for number in shards],
        "share_of_minting": _share(setting),
    }


def _in_a_process_of_its_own(shards: int) -> dict[str, object]:
    # The most memory that a process ever had is its own figure, not that of what ran before.
    done = subprocess.run(
        [sys.executable, __file__, str(shards)], check=True, stdout=subprocess.PIPE, text=True
    )
    figures: dict[str, object] = json.loads(done.stdout)
    return figures


def fold(shards: int) -> dict[str, object]:
    """Parse, check and fold the commits of shards with one table of ten columns, then rebuild the tree."""
    from mintage.provenance._version import VersionWriter
    from mintage.provenance.commits import check_identity, check_paths
    from mintage.provenance.manifest import record_lines
    from mintage.provenance.merkle import MerkleTree, leaf_hash
    from mintage.provenance.records import CommitRecord
    from mintage.store import ObjectStore

    before = _most_memory_mib()
    plan, commits = _commits(shards)
    store = ObjectStore.open(f"{_folder()}/fold")
    seconds = 0.0
    with VersionWriter(store, 1) as writer:
        for index, data in enumerate(commits):
            started = time.process_time()
            commit = CommitRecord.from_bytes(data)
            check_identity(commit, index, plan, "run-1")
            check_paths(commit)
            writer.add(commit)
            seconds += time.process_time() - started
        started = time.process_time()
        folded = writer.finish([])
        seconds += time.process_time() - started
    tree = MerkleTree()
    started = time.process_time()
    for line in record_lines(store, 1, shards):
        tree.append(leaf_hash(line))
    rebuilt = time.process_time() - started
    assert folded.root.endswith(tree.root().hex())
    return {
        "shards": shards,
        "fold_core_seconds": round(seconds, 1),
        "fold_microseconds_each": round(seconds / shards * 1e6, 1),
        "rebuild_core_seconds": round(rebuilt, 1),
        "memory_mib": round(_most_memory_mib() - before, 1),
    }


def _commits(shards: int) -> tuple[str, Iterator[bytes]]:
    """The digest of a plan, and the bytes of the commits of its shards, which differ where real ones do."""
    import pyarrow as pa

    from mintage.provenance.digests import digest_of
    from mintage.provenance.records import CommitRecord, ShardRecord, TableRecord, VerdictCounts
    from mintage.provenance.statistics import ColumnStatistics

    types = (pa.int64(), pa.float64(), pa.string())
    schema = pa.schema({f"column_{i}": types[i % 3] for i in range(COLUMNS)})
    columns = ([1, 2000, 17], [0.5, -12.25, None], ["EWR", "LGA", None])
    statistics = ColumnStatistics(schema)
    statistics.update(pa.record_batch([pa.array(columns[i % 3]) for i in range(COLUMNS)], schema=schema))
    digest = digest_of(b"digest")
    table = TableRecord(
        rows=50_000, bytes=1_234_567, sha256="5" * 64, content=digest, schema_id=digest,
        statistics=statistics.to_json(),
        verdicts=VerdictCounts(drawn=50_400, accepted=50_000, rejected={"range:month": 2}, surplus=398),
    )  # fmt: skip
    text = CommitRecord(
        plan=digest, run_id="run-1", attempt="0123456789abcdef", worker="host",
        started="2026-01-01T00:00:00Z", finished="2026-01-01T00:00:01Z",
        parts={"flights": "data/flights/part-000007-0123456789abcdef.parquet"},
        record=ShardRecord(index=7, seed_path="7/1/7", model=digest, tables={"flights": table}),
    ).to_bytes()  # fmt: skip
    before, index, rest = text.partition(b'"index":7,')
    path, part, between = before.partition(b"part-000007")
    assert index
    assert part

    def made() -> Iterator[bytes]:
        for shard in range(shards):
            after = rest.replace(b"7/1/7", b"7/1/%d" % shard).replace(
                b"5" * 64, hashlib.sha256(b"%d" % shard).hexdigest().encode()
            )
            yield path + b"part-%06d" % shard + between + b'"index":%d,' % shard + after

    return digest, made()


def _share(setting: Setting) -> dict[str, object]:
    """Of the processor time of a job that mints flights in this process, what is spent on provenance."""
    import mintage

    rows = 100_000 if setting.quick else 1_000_000
    fitted = setting.fitted
    with _counted() as seconds:
        started = time.process_time()
        mintage.run({**setting.spec("provenance", rows, workers=1), "model": {"uri": str(fitted)}})
        total = time.process_time() - started
    return {
        "rows": rows,
        "core_seconds": round(total, 2),
        "share": round(sum(seconds.values()) / total, 4),
        "core_seconds_of": {name: round(spent, 3) for name, spent in sorted(seconds.items())},
    }


@contextmanager
def _counted() -> Iterator[Counter[str]]:
    """Counts the processor time of everything that is done for provenance only."""
    from mintage.engine import worker
    from mintage.jobs import attestation
    from mintage.provenance.content_digest import ContentHasher
    from mintage.provenance.statistics import ColumnStatistics
    from mintage.store.part_stream import PartStream

    seconds: Counter[str] = Counter()
    places = [
        (ContentHasher, "update", "content digest"),
        (ContentHasher, "digest", "content digest"),
        (ColumnStatistics, "update", "statistics"),
        (ColumnStatistics, "to_json", "statistics"),
        (worker, "commit_shard", "commit records"),
        (attestation, "attest", "records, tree, statements, signatures"),
    ]
    originals = [(place, name, getattr(place, name)) for place, name, _ in places]
    for place, name, label in places:
        setattr(place, name, _timed(getattr(place, name), seconds, label))
    write, hashed = PartStream.write, [0]

    def counting(stream: PartStream, data: bytes) -> int:
        hashed[0] += (written := write(stream, data))
        return written

    PartStream.write = counting
    try:
        yield seconds
    finally:
        PartStream.write = write
        for place, name, original in originals:
            setattr(place, name, original)
    # The SHA-256 of a file is taken while it is written; here the same number of bytes once more.
    block, started = bytes(2**20), time.process_time()
    digest = hashlib.sha256()
    for _ in range(-(-hashed[0] // len(block))):
        digest.update(block)
    seconds["sha256 of the files"] = time.process_time() - started


def _timed(work: Callable[..., object], seconds: Counter[str], label: str) -> Callable[..., object]:
    @functools.wraps(work)
    def timed(*arguments: object, **named: object) -> object:
        started = time.process_time()
        try:
            return work(*arguments, **named)
        finally:
            seconds[label] += time.process_time() - started

    return timed


def _most_memory_mib() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _folder() -> str:
    import tempfile

    return tempfile.mkdtemp(prefix="mintage-bench-")


if __name__ == "__main__":
    print(json.dumps(fold(int(sys.argv[1]))))
