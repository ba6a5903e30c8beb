"""A data set of two tables in three shards, minted here without the engine: real parts, real commits."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mintage.contracts import DatasetSchema, TableSchema
from mintage.provenance.canonical import canonical_json
from mintage.provenance.content_digest import ContentHasher
from mintage.provenance.digests import digest_of
from mintage.provenance.evaluations import keep_failed_evaluation
from mintage.provenance.exports import NO_EXPORTS, Exports
from mintage.provenance.gate_statement import TestResult
from mintage.provenance.layout import PLAN, commit_path
from mintage.provenance.manifest import attest
from mintage.provenance.policy import Policy
from mintage.provenance.records import CommitRecord, ShardRecord, TableRecord, VerdictCounts, schema_id
from mintage.provenance.report import VerifyReport
from mintage.provenance.signing import PublicKey, Signer, generate_key
from mintage.provenance.statements import Head
from mintage.provenance.statistics import ColumnStatistics
from mintage.provenance.verify import OpenPart, Scope, verify_dataset
from mintage.store import ObjectStore

SCHEMA = DatasetSchema(
    tables=(
        TableSchema.of("orders", pa.schema({"id": pa.int64(), "city": pa.string()})),
        TableSchema.of("lines", pa.schema({"order": pa.int64(), "price": pa.float64()})),
    ),
    root="orders",
)
PLAN_JSON: dict[str, object] = {"format": "mintage-plan/1", "run_id": "run-1", "seed": "7"}
PLAN_DIGEST = digest_of(canonical_json(PLAN_JSON))
MODEL = digest_of(b"a model")
WHOLE = Scope()


def open_parquet(table: TableSchema, stream: BinaryIO) -> Iterator[pa.RecordBatch]:
    """Decode a part, as a connector would."""
    del table
    yield from pq.ParquetFile(stream).iter_batches(7)


@dataclass(frozen=True, kw_only=True)
class Minter:
    """Writes a data set, and can do every step of it wrong."""

    store: ObjectStore
    signer: Signer
    shards: int = 3

    def mint(self, attempt: str = "a1") -> Minter:
        """Plan, parts and commits; not yet attested."""
        self.store.create(PLAN, canonical_json(PLAN_JSON))
        for index in range(self.shards):
            self.commit(index, attempt)
        return self

    def commit(
        self, index: int, attempt: str = "a1", changes: Mapping[str, object] | None = None
    ) -> CommitRecord:
        """Write the parts of a shard and commit them."""
        paths = {table: f"data/{table}/part-{index:06d}-{attempt}.parquet" for table in SCHEMA.names}
        tables = {table: self.write(table, path, self.rows(table, index)) for table, path in paths.items()}
        record = ShardRecord(index=index, seed_path=f"7/1/{index}", model=MODEL, tables=tables)
        commit = CommitRecord(
            plan=PLAN_DIGEST, run_id="run-1", attempt=attempt, worker="host", started="2026-01-01T00:00:00Z",
            finished="2026-01-01T00:00:01Z", parts=paths, record=record,
        ).model_copy(update=changes)  # fmt: skip
        self.store.create(commit_path(index), commit.to_bytes())
        return commit

    def rows(self, table: str, shard: int) -> pa.RecordBatch:
        """The rows of a shard: a pure function, as in a plan."""
        keys = pa.array(range(shard * 100, shard * 100 + 20), pa.int64())
        if table == "orders":
            return pa.record_batch({"id": keys, "city": pa.array([f"city {shard}", None] * 10)})
        return pa.record_batch({"order": keys, "price": pa.array([shard + i / 4 for i in range(20)])})

    def write(self, table: str, path: str, rows: pa.RecordBatch) -> TableRecord:
        """Write one part, and say what is in it."""
        hasher, statistics = ContentHasher(rows.schema), ColumnStatistics(rows.schema)
        hasher.update(rows)
        statistics.update(rows)
        sink = pa.BufferOutputStream()
        # Not compressed, so that the parts of a table have one size and can be swapped.
        pq.write_table(pa.Table.from_batches([rows]), sink, compression="none")
        data = sink.getvalue().to_pybytes()
        with self.store.part(path) as part:
            part.write(data)
            part.commit()
        return TableRecord(
            rows=rows.num_rows,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            content=hasher.digest(),
            schema_id=schema_id(SCHEMA.table(table)),
            statistics=statistics.to_json(),
            verdicts=VerdictCounts(drawn=22, accepted=20, rejected={"range:price": 2}),
        )

    def attest(
        self,
        *,
        attachments: Mapping[str, bytes] | None = None,
        exports: Exports = NO_EXPORTS,
        test_result: TestResult | None = None,
        **changes: object,
    ) -> Head:
        """Attest all shards."""
        return attest(
            self.store, plan=PLAN_JSON, plan_digest=PLAN_DIGEST, shards=self.shards, facts=facts(**changes),
            signer=self.signer, attachments=attachments, exports=exports, test_result=test_result, workers=2,
        )  # fmt: skip

    def keep_failed(self, attachments: Mapping[str, bytes], test_result: TestResult) -> str:
        """Keep an evaluation that failed."""
        return keep_failed_evaluation(
            self.store, name="shop", plan_digest=PLAN_DIGEST, run_id="run-1", shards=self.shards,
            attachments=attachments, test_result=test_result, signer=self.signer, workers=2,
        )  # fmt: skip

    def verify(
        self,
        *keys: PublicKey,
        open_part: OpenPart | None = open_parquet,
        workers: int = 2,
        scope: Scope = WHOLE,
    ) -> VerifyReport:
        """Verify with the minter's own key, or with others."""
        trusted: Sequence[PublicKey] = keys or (self.signer.public_key,)
        policy = Policy.trusting(trusted)
        return verify_dataset(self.store, policy, scope=scope, workers=workers, open_part=open_part)

    def with_shards(self, shards: int) -> Minter:
        """The same, of another size."""
        return replace(self, shards=shards)


def facts(**changes: object) -> Mapping[str, object]:
    """The facts of a run."""
    return {
        "name": "shop",
        "run_id": "run-1",
        "spec": {"name": "shop", "rows": 60},
        "schema": SCHEMA.to_json(),
        "kind": "rules.orders",
        "model": {"digest": MODEL, "kind": "rules.orders", "fit": {"loss": 0.25}},
        "source": digest_of(b"a source"),
        "determinism": "content",
        "builder": {"id": "https://mintage.dev/builder/self-hosted/v1", "versions": {"mintage": "0.1.0"}},
        "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:10:00Z",
        **changes,
    }


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """A key that signs."""
    return Signer.load(generate_key(tmp_path_factory.mktemp("key") / "signing.pem").private_path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of the data set, to do things to behind the store's back."""
    return tmp_path / "shop"


@pytest.fixture
def minter(root: Path, signer: Signer) -> Minter:
    """Writes the data set into `root`."""
    return Minter(store=ObjectStore.open(str(root)), signer=signer)


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    """The folders `minted` and `attested`, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("templates")
    Minter(store=ObjectStore.open(str(folder / "minted")), signer=signer).mint()
    shutil.copytree(folder / "minted", folder / "attested")
    Minter(store=ObjectStore.open(str(folder / "attested")), signer=signer).attest()
    return folder


@pytest.fixture
def minted(minter: Minter, root: Path, templates: Path) -> Minter:
    """A data set that is committed, but not attested."""
    shutil.copytree(templates / "minted", root)
    return minter


@pytest.fixture
def attested(minter: Minter, root: Path, templates: Path) -> Minter:
    """A data set that is whole."""
    shutil.copytree(templates / "attested", root)
    return minter


REPORT = {"report.html": b"<!doctype html>", "report.json": b'{"format":"mintage-report/1"}'}
GATES = TestResult.of(
    {"shape_error": {"max": 2.0}, "tstr": {"min": 0.8, "action": "warn"}},
    {"shape_error": "pass", "tstr": "warn"},
)


@pytest.fixture
def evaluated(minted: Minter) -> Minter:
    """A data set that is whole, with a report and the result of two gates."""
    minted.attest(attachments=REPORT, test_result=GATES)
    return minted


@pytest.fixture
def make_facts() -> Callable[..., Mapping[str, object]]:
    """Makes the facts of a run, with changes."""
    return facts
