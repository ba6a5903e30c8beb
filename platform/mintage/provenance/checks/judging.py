"""Holding what was signed against a policy: who signed, in which role, when, and what is lacking.

Everything here was signed by a key that the policy names, and parsed after that; the question is whether
that key may say such a thing, and whether all that must have been said was said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mintage.errors import ProvenanceError, SignatureError
from mintage.provenance.canonical import parse_json
from mintage.provenance.digests import digest_of
from mintage.provenance.evidence import Evidence, signed_head
from mintage.provenance.lineage import find_flaws
from mintage.provenance.lineage_policy import check_lineage
from mintage.provenance.policy import Policy, Role, parse_time
from mintage.provenance.report import VerifyReport
from mintage.provenance.reviews import REVIEW_TYPE, Reviewed, opinions, pick_reviews
from mintage.provenance.signing import signed_by, verify
from mintage.provenance.statements import MAX_STATEMENT_BYTES, PREDICATE_TYPE, Statement, parse_in_toto

VERIFIER_TYPES = frozenset(
    {"https://slsa.dev/verification_summary/v1", "https://in-toto.io/attestation/svr/v0.2"}
)
"""Statements by somebody who has verified a version."""


def judge(evidence: Evidence, statement: Statement, policy: Policy, report: VerifyReport) -> bool:
    """Whether the policy accepts what was signed; every reason against it goes into the report.

    `report.provenance` must be what the signed provenance says, if there is one.
    """
    before = report.failed
    judgement = _Judgement(evidence, statement, policy, report, _made_at(report))
    judgement.check_identity()
    judgement.check_signers()
    judgement.check_builder()
    judgement.check_required()
    judgement.check_reviews()
    judgement.check_lineage()
    return report.failed == before


def _made_at(report: VerifyReport) -> datetime | None:
    """When the version was made, as its provenance says."""
    try:
        return parse_time(report.provenance.finished)[0] if report.provenance else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Judgement:
    evidence: Evidence
    statement: Statement
    policy: Policy
    report: VerifyReport
    made: datetime | None

    @property
    def version(self) -> int:
        return self.statement.predicate.version

    def check_identity(self) -> None:
        """The data set and version that are accepted at all."""
        wanted = self.policy.dataset
        if wanted is not None and self.statement.name != wanted:
            self._fail(
                "wrong-dataset",
                f"the statement is about {self.statement.name[:200]!r}, and the policy is for {wanted!r}",
            )
        if self.version < self.policy.min_version:
            self._fail(
                "old-version",
                f"this is version {self.version}, and the policy accepts none before "
                f"{self.policy.min_version}: a newer one was withheld, or the policy is for another data set",
            )

    def check_signers(self) -> None:
        """As many valid keys as the role needs have signed the statement about the data set."""
        signers = self._signers(self.evidence.statement)
        valid, reasons = self._valid(signers, "builder", self.made)
        self.report.signers.extend(f"{self.policy.name_of(keyid)}: {keyid}" for keyid in sorted(valid))
        if len(valid) >= (threshold := self.policy.threshold("builder")):
            return
        said = f"{len(valid)} of the {threshold} keys that the role builder needs have signed"
        code = "too-few-signatures" if valid or not reasons else reasons[0][0]
        self._fail(code, "; ".join([said, *(reason for _, reason in reasons)]))

    def check_builder(self) -> None:
        """The builder and the way of building are among those that are allowed."""
        builders, kinds = self.policy.builders, self.policy.build_types
        if builders is None and kinds is None:
            return
        made = self.report.provenance
        if made is None:
            self._fail("wrong-builder", "no signed statement says who made the data set")
            return
        if builders is not None and made.builder not in builders:
            self._fail(
                "wrong-builder",
                f"the builder is {made.builder[:200]!r}, and the policy allows {_listed(builders)}",
            )
        if kinds is not None and made.build_type not in kinds:
            self._fail(
                "wrong-build-type",
                f"the build type is {made.build_type[:200]!r}, and the policy allows {_listed(kinds)}",
            )

    def check_required(self) -> None:
        """Every predicate type that the policy asks for was attested by keys that may."""
        if not self.policy.require:
            return
        attested = {PREDICATE_TYPE, *(kind for kind, _ in self.statement.predicate.beside.statements)}
        for kind in self.policy.require:
            role = _role_for(kind)
            if role == "builder" and kind in attested:
                continue
            count = self._attested_later(kind, role)
            if count < (threshold := self.policy.threshold(role)):
                self._fail(
                    "missing-predicate",
                    f"the policy requires a statement of the type {kind}: {count} of the {threshold} keys "
                    f"that the role {role} needs have signed one about this version",
                )

    def check_reviews(self) -> None:
        """Enough reviewers accept, and none rejects."""
        keys = self.policy.keys_of("reviewer")
        if not keys:
            return
        try:
            found = opinions(
                pick_reviews(self.evidence.attestations, signed_head(self.evidence, self.statement), keys)
            )
        except ProvenanceError as exc:
            self._fail("bad-attestation", exc.message)
            return
        accepts = 0
        for keyid, opinion in found.items():
            if why := self.policy.why_invalid(keyid, self.version, _reviewed_at(opinion)):
                self.report.notes.append(f"a review by the key {self._called(keyid)} does not count: {why}")
            elif opinion.review.verdict == "reject":
                self._fail(
                    "rejected-by-review",
                    f"the reviewer {self._called(keyid)} rejects this version: {opinion.review.note[:500]!r}",
                )
            else:
                accepts += 1
        self.report.accepts = accepts
        if accepts < (wanted := self.policy.reviews.accepts):
            self._fail(
                "too-few-reviews", f"{accepts} reviewers accept this version, and the policy needs {wanted}"
            )

    def check_lineage(self) -> None:
        """What is said of the lineage follows from the parents, and is within the limits."""
        lineage, limits = self.statement.predicate.lineage, self.policy.lineage
        if lineage is None:
            if limits is not None:
                self._fail("refused-lineage", "the statement says nothing of its lineage")
            return
        for flaw in find_flaws(lineage):
            self._fail("wrong-lineage", f"the lineage contradicts itself: {flaw}")
        if lineage.waiver is not None:
            waived = "; ".join(lineage.waiver.problems)[:1000]
            self.report.notes.append(
                f"limits of the lineage were waived ({lineage.waiver.reason[:500]}): {waived}"
            )
        for problem in check_lineage(lineage, limits) if limits else ():
            self._fail("refused-lineage", str(problem))

    def _valid(
        self, signers: Iterable[str], role: Role, moment: datetime | None
    ) -> tuple[set[str], list[tuple[str, str]]]:
        """Of the keys that have signed, those that count for a role; and why the others do not."""
        allowed = {key.keyid for key in self.policy.keys_of(role)}
        valid: set[str] = set()
        reasons: list[tuple[str, str]] = []
        for keyid in sorted(signers):
            if keyid not in allowed:
                roles = " and ".join(self.policy.roles_of(keyid)) or "none"
                reasons.append(
                    ("wrong-role", f"the key {self._called(keyid)} has the role {roles}, not {role}")
                )
            elif why := self.policy.why_invalid(keyid, self.version, moment):
                reasons.append(("expired-key", f"the key {self._called(keyid)} does not count: {why}"))
            else:
                valid.add(keyid)
        return valid, reasons

    def _signers(self, digest: str) -> set[str]:
        """The keys of the policy that have signed a payload, over all envelopes that carry it."""
        signers: set[str] = set()
        for envelope in self.evidence.about(digest):
            try:
                signers |= signed_by(envelope, self.policy.keys).keyids
            except SignatureError:
                continue  # by somebody whom the policy does not name: it says nothing here
        return signers

    def _attested_later(self, kind: str, role: Role) -> int:
        """The most keys of a role that have signed one statement of a type about this version."""
        most = 0
        for attested in self.evidence.attestations:
            try:
                payload = verify(attested.envelope, self.policy.keys_of(role))
                if _predicate_type(payload) != kind:
                    continue
                outer = parse_in_toto(payload, kind)
                if outer.root != self.statement.root:
                    self.report.notes.append(f"{attested.path} is about other rows")
                    continue
            except SignatureError:
                continue
            except ProvenanceError as exc:
                self._fail("bad-attestation", f"{attested.path}: {exc.message}")
                continue
            moment = _verified_at(outer.predicate) if role == "verifier" else self.made
            valid, _ = self._valid(self._signers(digest_of(payload)), role, moment)
            most = max(most, len(valid))
        return most

    def _called(self, keyid: str) -> str:
        return f"{self.policy.name_of(keyid)} ({keyid})"

    def _fail(self, code: str, message: str) -> None:
        self.report.fail(code, self.evidence.path, message)


def _listed(allowed: tuple[str, ...]) -> str:
    return ", ".join(allowed)[:500] or "none"


def _role_for(kind: str) -> Role:
    """The role that may make statements of a type."""
    if kind == REVIEW_TYPE:
        return "reviewer"
    return "verifier" if kind in VERIFIER_TYPES else "builder"


def _predicate_type(payload: bytes) -> object:
    value = parse_json(payload, max_bytes=MAX_STATEMENT_BYTES)
    return value.get("predicateType") if isinstance(value, dict) else None


def _verified_at(predicate: object) -> datetime | None:
    """When a verifier says that it verified: `timeVerified` of a summary, `timeCreated` of a result."""
    said = predicate if isinstance(predicate, dict) else {}
    try:
        return parse_time(str(said.get("timeVerified", said.get("timeCreated"))))[0]
    except ValueError:
        return None


def _reviewed_at(opinion: Reviewed) -> datetime | None:
    try:
        return parse_time(opinion.review.reviewed)[0]
    except ValueError:
        return None
