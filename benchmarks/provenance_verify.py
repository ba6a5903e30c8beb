"""How little is read to check one shard of a million, and how fast all is checked beside `sha256sum`.

The million shards have real record files and tiles; the parts and the commit of the one that is checked
are real too, of the others there are none. The whole data set is 2 GB in parts of 64 MB of random bytes,
which the records describe: rows are not decoded, as in `mintage verify` without `--rows`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from environment import Setting

from mintage.contracts import DatasetSchema, TableSchema
from mintage.provenance._version import VersionWriter
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_of
from mintage.provenance.facts import Facts
from mintage.provenance.layout import PLAN, commit_path, head_path, statements_path
from mintage.provenance.policy import Policy
from mintage.provenance.records import CommitRecord, ShardRecord, TableRecord, VerdictCounts, schema_id
from mintage.provenance.scope import Scope
from mintage.provenance.signing import Signer, generate_key
from mintage.provenance.slsa import PROVENANCE_TYPE, build_provenance
from mintage.provenance.statements import Beside, Head, Named, build_statement
from mintage.provenance.statistics import ColumnStatistics
from mintage.provenance.verify import verify_dataset
from mintage.store import ObjectStore

COLUMNS = 10
PLAN_JSON: dict[str, object] = {"format": "mintage-plan/1"}
PLAN_DIGEST = digest_of(canonical_json(PLAN_JSON))
SCHEMA = DatasetSchema(
    tables=(TableSchema.of("rows", pa.schema({f"column_{n}": pa.float64() for n in range(COLUMNS)})),),
    root="rows",
)


def measure(setting: Setting) -> dict[str, object]:
    """Both figures; files are made in a temporary folder and removed."""
    folder = Path(tempfile.mkdtemp(prefix="mintage-verify-"))
    try:
        signer = Signer.load(generate_key(folder / "key").private_path)
        return {
            "one_of_many": _one_of_many(setting, folder / "many", signer),
            "whole": _whole(setting, folder / "whole", signer),
        }
    finally:
        shutil.rmtree(folder)


def _one_of_many(setting: Setting, folder: Path, signer: Signer) -> dict[str, object]:
    shards = 20_000 if setting.quick else 1_000_000
    chosen, part = shards * 2 // 3 + 1, os.urandom(2**20)
    store = ObjectStore.open(str(folder))
    sign_version(store, signer, shards, parts={chosen: part}, part=part)
    policy = Policy.trusting([signer.public_key])
    seconds, reports = [], []
    for _ in range(setting.runs):
        started = time.perf_counter()
        reports.append(verify_dataset(store, policy, scope=Scope(shard=chosen)))
        seconds.append(time.perf_counter() - started)
    assert all(report.ok for report in reports), reports[0].failures
    command = [shutil.which("mintage") or "mintage", "verify", str(folder), "--shard", str(chosen)]
    command += ["--key", str(folder.parent / "key.pub")]
    return {
        "shards": shards,
        "columns": COLUMNS,
        "seconds": statistics.median(seconds),
        "seconds_of_the_command": statistics.median(_timed(command) for _ in range(setting.runs)),
        "bytes_read_besides_the_shard": reports[0].read["bytes"],
        "requests": reports[0].read["requests"],
    }


def _whole(setting: Setting, folder: Path, signer: Signer) -> dict[str, object]:
    shards, size = (4, 2**24) if setting.quick else (32, 2**26)
    part = os.urandom(size)
    store = ObjectStore.open(str(folder))
    sign_version(store, signer, shards, parts=dict.fromkeys(range(shards), part), part=part)
    files = sorted(str(path) for path in (folder / "data/rows").iterdir())
    policy = Policy.trusting([signer.public_key])

    def verify(workers: int) -> Callable[[], None]:
        def check() -> None:
            assert verify_dataset(store, policy, workers=workers).ok

        return check

    def sums() -> None:
        subprocess.run(["sha256sum", *files], check=True, stdout=subprocess.DEVNULL)

    def openssl() -> None:
        subprocess.run(["openssl", "dgst", "-sha256", *files], check=True, stdout=subprocess.DEVNULL)

    cores = len(os.sched_getaffinity(0))
    contestants = {"sha256sum": sums, "verify_1_thread": verify(1), "verify": verify(max(4, cores))}
    if shutil.which("openssl"):  # sha256sum may have been built without it, and is slower then
        contestants["openssl"] = openssl
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(setting.runs + 1):  # the first round warms the page cache, and is dropped
        for name, work in contestants.items():
            started = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - started)
    median = {name: statistics.median(seconds[1:]) for name, seconds in taken.items()}
    return {
        "bytes": shards * size,
        "cores": cores,
        "seconds": median,
        "speed_to_sha256sum_1_thread": median["sha256sum"] / median["verify_1_thread"],
        "speed_to_sha256sum": median["sha256sum"] / median["verify"],
    }


def sign_version(
    store: ObjectStore, signer: Signer, shards: int, *, parts: dict[int, bytes], part: bytes
) -> None:
    """A version of so many shards whose parts are all like `part`; only `parts` are there, by shard."""
    store.create(PLAN, canonical_json(PLAN_JSON))
    template = _record(hashlib.sha256(part).hexdigest(), len(part))
    with VersionWriter(store, 1) as writer:
        for index in range(shards):
            commit = _commit(index, template)
            writer.add(commit)
            if index in parts:
                store.create(commit_path(index), commit.to_bytes())
                with store.part(commit.parts["rows"]) as stream:
                    stream.write(parts[index])
                    stream.commit()
        folded = writer.finish([])
    facts = _facts()
    provenance = build_provenance(facts, folded.root, PLAN_JSON)
    named = (Named(PROVENANCE_TYPE, digest_of(provenance)),)
    payload = build_statement(
        facts, folded, plan_digest=PLAN_DIGEST, version=1, previous=None, beside=Beside(statements=named)
    )
    lines = [signer.sign(payload), signer.sign(provenance), b""]
    store.create(statements_path(1), b"\n".join(lines))
    head = Head(version=1, statement=digest_of(payload), size=folded.size, root=folded.root)
    store.create(head_path(1), head.to_bytes())


def _record(sha256: str, size: int) -> TableRecord:
    statistics = ColumnStatistics(SCHEMA.table("rows").arrow())
    statistics.update(pa.record_batch({f"column_{n}": pa.array([n / 7, n / 3]) for n in range(COLUMNS)}))
    return TableRecord(
        rows=500_000,
        bytes=size,
        sha256=sha256,
        content=digest_of(b"rows"),
        schema_id=schema_id(SCHEMA.table("rows")),
        statistics=statistics.to_json(),
        verdicts=VerdictCounts(drawn=501_234, accepted=500_000, rejected={"range:column_3": 1234}),
    )


def _commit(index: int, table: TableRecord) -> CommitRecord:
    record = ShardRecord(
        index=index, seed_path=f"7/1/{index}", model=digest_of(b"model"), tables={"rows": table}
    )
    return CommitRecord(
        plan=PLAN_DIGEST,
        run_id="run",
        attempt="a",
        worker="host",
        started="2026-01-01T00:00:00Z",
        finished="2026-01-01T00:00:01Z",
        parts={"rows": f"data/rows/part-{index:06d}-a.parquet"},
        record=record,
    )


def _facts() -> Facts:
    return Facts.of(
        {
            "name": "rows",
            "run_id": "run",
            "spec": {"name": "rows"},
            "schema": SCHEMA.to_json(),
            "kind": "rules.rows",
            "model": {"digest": digest_of(b"model"), "kind": "rules.rows", "fit": {}},
            "source": None,
            "determinism": "content",
            "builder": {"id": "https://mintage.dev/builder/self-hosted/v1", "versions": {}},
            "started": "2026-01-01T00:00:00Z",
            "finished": "2026-01-01T00:10:00Z",
        }
    )


def _timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
