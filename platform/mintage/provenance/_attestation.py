"""Signing a version: what was committed is folded, described, and signed; the head comes last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mintage.errors import (
    ObjectExistsError,
    ObjectMissingError,
    ProvenanceError,
    SignatureError,
    SigningError,
    UnsignedError,
)
from mintage.provenance._version import VersionWriter
from mintage.provenance.append import Append
from mintage.provenance.attachments import Attached, describe
from mintage.provenance.bases import Base
from mintage.provenance.canonical import canonical_json
from mintage.provenance.checks.plans import MAX_PLAN_BYTES, find_plan_problems
from mintage.provenance.checks.strangers import other_plans
from mintage.provenance.digests import digest_of
from mintage.provenance.exports import Exports
from mintage.provenance.facts import Facts
from mintage.provenance.gate_statement import TEST_RESULT_TYPE, TestResult, build_test_result
from mintage.provenance.heads import read_head, read_statement, statement_lines, versions
from mintage.provenance.layout import (
    DATA,
    attachment_path,
    head_path,
    statements_path,
    unsigned_path,
    version_path,
)
from mintage.provenance.merkle import HASH_BYTES, TILE_WIDTH, TileReader
from mintage.provenance.records import CommitRecord
from mintage.provenance.segments import Segment, Segments, read_segments
from mintage.provenance.signing import Signer, verify
from mintage.provenance.slsa import PROVENANCE_TYPE, build_provenance
from mintage.provenance.statements import Beside, Folded, Head, Named, Statement, build_statement
from mintage.provenance.unsigned import envelope_lines, read_unsigned, write_unsigned
from mintage.store import ObjectStore

__all__ = ["MAX_PLAN_BYTES", "Attestation"]

_MAX_VERSION_TRIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """One try at attesting a plan whose shards are all committed."""

    store: ObjectStore
    plan: Mapping[str, object]
    plan_digest: str
    shards: int
    first_shard: int
    base: Base | None
    """What the plan is appended to; the version begins with its shards."""
    facts: Facts
    signer: Signer
    attachments: Mapping[str, bytes]
    exports: Exports
    report: Mapping[str, Attached]
    """What is signed of the attachments."""
    test_result: TestResult | None
    workers: int

    def find(self) -> Head | None:
        """The newest head that our keys have all signed for this plan, if it says all that is to be said."""
        self._check_plan()
        keys = self.signer.public_keys
        for version in reversed(versions(self.store)):
            head = read_head(self.store, version)
            try:
                statement = read_statement(self.store, head, keys, threshold=len(keys))
            except SignatureError:
                continue  # signed by others: we vouch with our own keys, in a version of our own
            agreed = (statement.root, statement.predicate.tree.size) == (head.root, head.size)
            if statement.segments == self.segments and agreed:
                return head if self._says_all(statement) else None
        return None

    def _says_all(self, statement: Statement) -> bool:
        if not self.report and self.test_result is None:
            return True
        # What was exported follows from the rows, and from files that are compared here.
        files = statement.predicate.report
        exported = {name: files[name] for name in self.exports.names & files.keys()}
        wanted = replace(self, report={**self.report, **exported})
        return _judged(statement) == (wanted.report, wanted._named_tests(statement.root))

    def make(self) -> Head:
        """Write the next version that is free, or finish the one that an earlier try began."""
        first = max(versions(self.store), default=0) + 1
        for version in range(first, first + _MAX_VERSION_TRIES):
            try:
                folded = self._fold(version)
                whole = self._with_exports(version, folded)
                return whole._sign(version, folded)
            except ObjectExistsError:
                continue  # an unfinished version of somebody else's; it is never overwritten
        raise ProvenanceError(
            f"the versions {first} to {first + _MAX_VERSION_TRIES - 1} are taken by unfinished manifests",
            "choose another sink",
        )

    @property
    def segments(self) -> Segments:
        """The segments of the version: those that it is appended to, and its own."""
        own = Segment(
            plan=self.plan_digest, run_id=self.facts.run_id, first=self.first_shard, shards=self.shards
        )
        return Segments.of([*(self.base.segments.parts if self.base else ()), own])

    def _with_exports(self, version: int, folded: Folded) -> Attestation:
        """The same, with what is exported of the fold among its attachments."""
        attachments = {**self.attachments, **self.exports.render(version, folded)}
        return replace(self, attachments=attachments, report=describe(attachments))

    def _check_plan(self) -> None:
        if (made := digest_of(canonical_json(dict(self.plan)))) != self.plan_digest:
            raise ProvenanceError(f"the plan has the digest {made}, not {self.plan_digest}")
        for problem in find_plan_problems(self.store, self.segments):
            raise ProvenanceError(f"{problem.path}: {problem.message}", "choose another sink")

    def _fold(self, version: int) -> Folded:
        """Write the records, tiles and checksums of a version from the commits."""
        segments = self.segments
        # One listing instead of a request for each part; what no commit names is left over in the end.
        sizes = {info.path: info.bytes for info in self.store.list(DATA)}
        with VersionWriter(self.store, version) as writer:
            for commit in read_segments(self.store, segments.parts, self.workers):
                for table, path in commit.parts.items():
                    self._check_size(sizes.pop(path, None), commit, table)
                writer.add(commit)
            # Parts of shards that are not in this version belong to other plans of the data set.
            others = other_plans(self.store, segments)
            return writer.finish(sorted(path for path in sizes if not others.own(path)))

    def _append(self, version: int, folded: Folded) -> Append | None:
        """The proof that what was folded begins with what the version is appended to."""
        if self.base is None:
            return None
        folder = version_path(version)
        tiles = TileReader(
            lambda path: self.store.read(folder + path, max_bytes=TILE_WIDTH * HASH_BYTES), folded.size
        )
        return Append.prove(tiles, self.base.head.size, self.base.head.root)

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
        """Write the statements, what they name, and then the head of a version.

        The statements come first: they claim the version. Whoever has other attachments finds them and
        takes another version, so no file ever lies beside a statement that does not name it.
        """
        payload = self._claim(version, folded)
        for name, data in self.attachments.items():
            self.store.create(attachment_path(version, name), data)
        head = Head(version=version, statement=digest_of(payload), size=folded.size, root=folded.root)
        self.store.create(head_path(version), head.to_bytes())
        return head

    def _claim(self, version: int, folded: Folded) -> bytes:
        """Write the signed statements of a version, or find those of an earlier try; the first payload.

        Raises `UnsignedError` when a key does not sign: then all but the signatures is kept.
        """
        path = statements_path(version)
        if self.store.exists(path):
            return self._adopt(version, folded)
        payloads = self._payloads(version, folded)
        self._check_unsigned(version, folded)
        try:
            self.store.create(path, envelope_lines(self.signer, payloads))
        except ObjectExistsError:
            return self._adopt(version, folded)
        except SigningError as exc:
            self._keep_unsigned(version, payloads)
            raise UnsignedError(
                f"the data set is complete and kept, but unsigned, as version {version}: {exc.message}",
                f"{exc.hint}; then run the same job again, or: mintage sign {self.store.uri} --key KEY",
            ) from exc
        return payloads[0]

    def _check_unsigned(self, version: int, folded: Folded) -> None:
        """Raise `ObjectExistsError` when the version was left unsigned with something else in it."""
        payloads = read_unsigned(self.store, version)
        if payloads is not None and not self._says_same(payloads, folded):
            raise ObjectExistsError(f"{unsigned_path(version)} holds statements about something else")

    def _keep_unsigned(self, version: int, payloads: Sequence[bytes]) -> None:
        # What an earlier try left says the same, or the version would not have been taken.
        if not self.store.exists(unsigned_path(version)):
            write_unsigned(self.store, version, payloads)
        for name, data in self.attachments.items():
            self.store.create(attachment_path(version, name), data)

    def _payloads(self, version: int, folded: Folded) -> list[bytes]:
        """What is to be signed of a version: the statement about the data set, which names the others."""
        provenance = build_provenance(self.facts, folded.root, self.plan)
        tests = self._tests(folded.root)
        named = (Named(PROVENANCE_TYPE, digest_of(provenance)), *self._named_tests(folded.root))
        payload = build_statement(
            self.facts,
            folded,
            plan_digest=self.plan_digest,
            version=version,
            previous=self._previous(version),
            beside=Beside(report=self.report, statements=named),
            segments=self.segments,
            append=self._append(version, folded),
            older=self.base.statement if self.base else None,
        )
        return [payload, provenance, *tests]

    def _tests(self, root: str) -> list[bytes]:
        """The statement of what the gates said; the same at every try."""
        if self.test_result is None:
            return []
        return [build_test_result(self.facts.name, root, self.test_result, self.report)]

    def _named_tests(self, root: str) -> tuple[Named, ...]:
        return tuple(Named(TEST_RESULT_TYPE, digest_of(test)) for test in self._tests(root))

    def _previous(self, version: int) -> str | None:
        """The statement of the newest version before; numbers may be left out by what was never finished."""
        older = [number for number in versions(self.store) if number < version]
        return read_head(self.store, older[-1]).statement if older else None

    def _adopt(self, version: int, folded: Folded) -> bytes:
        """The statement that an earlier try of ours left, which differs only in its times.

        Raises `ObjectExistsError` when it says something else, or is somebody else's.
        """
        path = statements_path(version)
        keys = self.signer.public_keys
        try:
            lines = statement_lines(self.store, version)
            payloads = [verify(line, keys, threshold=len(keys)) for line in lines]
        except ProvenanceError as exc:
            raise ObjectExistsError(f"{path} holds other statements: {exc}") from exc
        if not self._says_same(payloads, folded):
            raise ObjectExistsError(f"{path} holds a statement about something else")
        return payloads[0]

    def _says_same(self, payloads: Sequence[bytes], folded: Folded) -> bool:
        """Whether these payloads of an earlier try say what is to be said now, but for the times."""
        try:
            statement = Statement.from_payload(payloads[0])
        except (ProvenanceError, IndexError):
            return False
        found = (statement.root, statement.segments, *_judged(statement))
        named = [digest for _, digest in statement.predicate.beside.statements]
        wanted = (folded.root, self.segments, self.report, self._named_tests(folded.root))
        return found == wanted and [digest_of(payload) for payload in payloads[1:]] == named


def _judged(statement: Statement) -> tuple[Mapping[str, Attached], tuple[Named, ...]]:
    """The report and the statements besides that every try at the same version has in common.

    The provenance is left out: it has times.
    """
    beside = statement.predicate.beside
    return beside.report, tuple(named for named in beside.statements if named[0] != PROVENANCE_TYPE)
