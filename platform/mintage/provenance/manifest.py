"""The manifest: folding commits into a signed version, and reading a version back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper

from mintage.errors import (
    MintageError,
    ObjectExistsError,
    ObjectMissingError,
    ProvenanceError,
    SignatureError,
)
from mintage.provenance._capped import read_capped
from mintage.provenance._version import VersionWriter
from mintage.provenance.canonical import canonical_json
from mintage.provenance.commits import read_commits
from mintage.provenance.digests import digest_of
from mintage.provenance.facts import Facts
from mintage.provenance.heads import latest_head, read_head, read_statement, statement_lines, versions
from mintage.provenance.layout import (
    DATA,
    PLAN,
    RECORDS_PER_FILE,
    check_part_path,
    checksums_path,
    head_path,
    records_path,
    statements_path,
)
from mintage.provenance.records import MAX_RECORD_BYTES, CommitRecord, ShardRecord
from mintage.provenance.signing import PublicKey, Signer, verify
from mintage.provenance.statements import Folded, Head, Statement, build_statement
from mintage.store import ObjectStore

__all__ = ["MAX_PLAN_BYTES", "Manifest", "PartInfo", "attest", "latest_head", "read_manifest", "record_lines"]

MAX_PLAN_BYTES = 64 * 2**20

_MAX_VERSION_TRIES = 100
_MAX_LINE = 2048


def attest(
    store: ObjectStore,
    *,
    plan: Mapping[str, object],
    plan_digest: str,
    shards: int,
    facts: Mapping[str, object],
    signer: Signer,
    workers: int = 16,
) -> Head:
    """Fold the commits of all `shards` of a plan into a signed version, and return its head.

    `facts` has the keys of `facts.Facts`. The head is written last, so a reader sees a whole version
    or none. May be called again after a crash at any point, and by several drivers at once: what the
    same key has signed for this plan is found and returned. `workers` commits are read at a time.

    Raises `ProvenanceError` when a shard is missing, or when a commit or part is not what it must be.
    """
    attestation = _Attestation(
        store=store,
        plan=plan,
        plan_digest=plan_digest,
        shards=shards,
        facts=Facts.of(facts),
        signer=signer,
        workers=workers,
    )
    return attestation.find() or attestation.make()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartInfo:
    """One part of a table, as the manifest names it."""

    path: str
    """Relative to the data set."""
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A version as readers use it: which parts belong to a table."""

    head: Head
    statement: Statement
    store: ObjectStore

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables."""
        return self.statement.schema.names

    def records(self) -> Iterator[ShardRecord]:
        """The shard records in shard order, a line at a time."""
        return (
            ShardRecord.from_bytes(line)
            for line in record_lines(self.store, self.head.version, self.head.size)
        )

    def parts(self, table: str) -> list[PartInfo]:
        """The parts of a table, in shard order; raises `ProvenanceError` when there is no such table."""
        if table not in self.tables:
            raise ProvenanceError(f"there is no table {table!r}", f"known tables: {', '.join(self.tables)}")
        return list(_parts(self, table))


def read_manifest(store: ObjectStore, head: Head, keys: Sequence[PublicKey] | None = None) -> Manifest:
    """The manifest that a head names. With `keys`, its signature is checked first.

    The parts are as good as the store: to check every byte, use `verify.verify_dataset`.
    """
    return Manifest(head=head, statement=read_statement(store, head, keys), store=store)


def record_lines(store: ObjectStore, version: int, size: int) -> Iterator[bytes]:
    """The canonical bytes of the shard records of a version, in shard order, in bounded memory."""
    for number in range(-(-size // RECORDS_PER_FILE)):
        with store.open_read(records_path(version, number)) as file:
            while line := file.readline(MAX_RECORD_BYTES + 2):
                yield line.removesuffix(b"\n")


def _parts(manifest: Manifest, table: str) -> Iterator[PartInfo]:
    path = checksums_path(manifest.head.version)
    with TextIOWrapper(manifest.store.open_read(path), encoding="utf-8", newline="\n") as file:
        for record in manifest.records():
            for name in sorted(record.tables):
                digest, _, part = file.readline(_MAX_LINE).rstrip("\n").partition("  ")
                entry = record.tables[name]
                if digest != entry.sha256:
                    raise ProvenanceError(f"{path} does not agree with the record of shard {record.index}")
                check_part_path(part, name, record.index)
                if name == table:
                    yield PartInfo(path=part, rows=entry.rows, bytes=entry.bytes, sha256=entry.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attestation:
    store: ObjectStore
    plan: Mapping[str, object]
    plan_digest: str
    shards: int
    facts: Facts
    signer: Signer
    workers: int

    def find(self) -> Head | None:
        """The newest head that this key has signed for this plan, if there is one."""
        self._check_plan()
        for version in reversed(versions(self.store)):
            head = read_head(self.store, version)
            try:
                statement = read_statement(self.store, head, [self.signer.public_key])
            except SignatureError:
                continue  # signed by somebody else: we vouch with our own key, in a version of our own
            agreed = (statement.root, statement.predicate.tree.size) == (head.root, head.size)
            if statement.predicate.plan_digest == self.plan_digest and head.size == self.shards and agreed:
                return head
        return None

    def make(self) -> Head:
        """Write the next version that is free, or finish the one that an earlier try began."""
        first = max(versions(self.store), default=0) + 1
        for version in range(first, first + _MAX_VERSION_TRIES):
            try:
                return self._sign(version, self._fold(version))
            except ObjectExistsError:
                continue  # an unfinished version of somebody else's; it is never overwritten
        raise ProvenanceError(
            f"the versions {first} to {first + _MAX_VERSION_TRIES - 1} are taken by unfinished manifests",
            "choose another sink",
        )

    def _check_plan(self) -> None:
        if (made := digest_of(canonical_json(dict(self.plan)))) != self.plan_digest:
            raise ProvenanceError(f"the plan has the digest {made}, not {self.plan_digest}")
        if digest_of(read_capped(self.store, PLAN, MAX_PLAN_BYTES)) != self.plan_digest:
            raise ProvenanceError(f"{PLAN} is another plan than {self.plan_digest}", "choose another sink")

    def _fold(self, version: int) -> Folded:
        """Write the records, tiles and checksums of a version from the commits."""
        # One listing instead of a request for each part; what no commit names is left over in the end.
        sizes = {info.path: info.bytes for info in self.store.list(DATA)}
        writer = VersionWriter(self.store, version)
        for commit in read_commits(
            self.store,
            shards=self.shards,
            plan_digest=self.plan_digest,
            run_id=self.facts.run_id,
            workers=self.workers,
        ):
            for table, path in commit.parts.items():
                self._check_size(sizes.pop(path, None), commit, table)
            writer.add(commit)
        return writer.finish(sorted(sizes))

    def _check_size(self, size: int | None, commit: CommitRecord, table: str) -> None:
        path = commit.parts[table]
        expected = commit.record.tables[table].bytes
        try:
            found = self.store.size(path) if size is None else size
        except ObjectMissingError as exc:
            raise ProvenanceError(
                f"shard {commit.record.index} is committed, but its part {path} is missing",
                "the data set was changed from outside; mint it again elsewhere",
            ) from exc
        if found != expected:
            raise ProvenanceError(f"{path} has {found} bytes where its commit says {expected}")

    def _sign(self, version: int, folded: Folded) -> Head:
        """Write the statement and then the head of a version."""
        payload = build_statement(
            self.facts,
            folded,
            plan=self.plan,
            plan_digest=self.plan_digest,
            version=version,
            previous=self._previous(version),
        )
        try:
            self.store.create(statements_path(version), self.signer.sign(payload) + b"\n")
        except ObjectExistsError:
            payload = self._adopt(version, folded)
        head = Head(version=version, statement=digest_of(payload), size=folded.size, root=folded.root)
        self.store.create(head_path(version), head.to_bytes())
        return head

    def _previous(self, version: int) -> str | None:
        try:
            return read_head(self.store, version - 1).statement if version > 1 else None
        except ObjectMissingError:
            return None

    def _adopt(self, version: int, folded: Folded) -> bytes:
        """The statement that an earlier try of ours left, which differs only in its times.

        Raises `ObjectExistsError` when it says something else, or is somebody else's.
        """
        for line in statement_lines(self.store, version):
            try:
                payload = verify(line, [self.signer.public_key])
                statement = Statement.from_payload(payload)
            except MintageError:
                continue
            if (statement.root, statement.predicate.plan_digest) == (folded.root, self.plan_digest):
                return payload
        raise ObjectExistsError(f"{statements_path(version)} holds other statements")
