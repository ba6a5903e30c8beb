"""What the gates said of a data set, as a signed in-toto test result.

See https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md for the predicate. Each
gate is a test; the configuration is the gates as the spec has them, by digest. `mintageReport` is an
extension: the digests of the report that the gates were judged by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mintage.errors import ProvenanceError
from mintage.provenance.attachments import Attached, AttachedFiles, attached_json, describe
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import Digest, Sha256Hex, digest_of, raw_digest
from mintage.provenance.signing import Signer
from mintage.provenance.statements import build_in_toto, parse_in_toto

TEST_RESULT_TYPE = "https://in-toto.io/attestation/test-result/v0.1"

Status = Literal["PASSED", "WARNED", "FAILED"]

_CONFIGURATION = "gates"
_KINDS = ("pass", "warn", "fail")
_Names = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=1024)], ...], Field(max_length=10_000)]


class TestResult(BaseModel):
    """Which gates passed, and by which policy they were judged; at least one."""

    __test__: ClassVar[bool] = False  # not a class of tests, whatever pytest thinks of its name
    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: Digest
    """Digest of the gates as canonical JSON."""
    passed: _Names = ()
    warned: _Names = ()
    failed: _Names = ()

    @classmethod
    def of(
        cls, policy: Mapping[str, object], outcomes: Mapping[str, Literal["pass", "warn", "fail"]]
    ) -> Self:
        """The result of gates that were judged.

        >>> result = TestResult.of({"tstr": {"min": 0.8}}, {"tstr": "pass"})
        >>> result.status, result.passed
        ('PASSED', ('tstr',))

        `policy` holds the bounds of each gate as JSON values, `outcomes` what came of each. Raises
        `ProvenanceError` when they speak of other gates, or of none.
        """
        if set(policy) != set(outcomes):
            raise ProvenanceError(
                f"gates and outcomes differ: {', '.join(sorted(set(policy) ^ set(outcomes)))[:500]}"
            )
        names = {kind: tuple(sorted(n for n, o in outcomes.items() if o == kind)) for kind in _KINDS}
        try:
            return cls(
                policy=digest_of(canonical_json(dict(policy))),
                passed=names["pass"],
                warned=names["warn"],
                failed=names["fail"],
            )
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            raise ProvenanceError(f"the result of the gates cannot be signed: {first['msg']}") from exc

    @property
    def status(self) -> Status:
        """The worst of all gates."""
        if self.failed:
            return "FAILED"
        return "WARNED" if self.warned else "PASSED"

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [*self.passed, *self.warned, *self.failed]
        if not names:
            raise ValueError("a result without any test says nothing")
        if len(set(names)) < len(names):
            raise ValueError("a test has two results")
        return self


def build_test_result(name: str, root: str, result: TestResult, report: Mapping[str, Attached]) -> bytes:
    """The canonical JSON of the statement: the same whenever the same gates judge the same report."""
    predicate: dict[str, object] = {
        "result": result.status,
        "configuration": [
            {"name": _CONFIGURATION, "digest": {"sha256": raw_digest(result.policy).hex()}},
        ],
        "passedTests": list(result.passed),
        "warnedTests": list(result.warned),
        "failedTests": list(result.failed),
        "mintageReport": attached_json(report),
    }
    return build_in_toto(name, root, TEST_RESULT_TYPE, predicate)


def sign_test_result(
    signer: Signer, *, name: str, root: str, result: TestResult, attachments: Mapping[str, bytes]
) -> bytes:
    """A DSSE envelope, one line without its newline, that says what the gates found in a data set.

    `root` is the Merkle root of the data set `name`, and `attachments` the report by file name. Needed
    by itself only where no version is signed, as after a gate has failed.
    """
    return signer.sign(build_test_result(name, root, result, describe(attachments)))


class _Configuration(BaseModel):
    name: str
    digest: dict[str, Sha256Hex]


class _Predicate(BaseModel):
    """The predicate; as in-toto asks, unknown keys are left alone."""

    result: Status
    configuration: list[_Configuration] = Field(min_length=1, max_length=1)
    passed: _Names = Field(default=(), alias="passedTests")
    warned: _Names = Field(default=(), alias="warnedTests")
    failed: _Names = Field(default=(), alias="failedTests")
    report: AttachedFiles = Field(default_factory=dict, alias="mintageReport")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStatement:
    """A parsed statement about gates: parse it after its signature was verified, never before."""

    name: str
    root: str
    result: TestResult
    report: Mapping[str, Attached]

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """The statement in a payload; raises `ProvenanceError` when it is none of ours."""
        outer = parse_in_toto(payload, TEST_RESULT_TYPE)
        try:
            predicate = _Predicate.model_validate(outer.predicate)
            result = TestResult(
                policy=f"sha256:{predicate.configuration[0].digest['sha256']}",
                passed=predicate.passed,
                warned=predicate.warned,
                failed=predicate.failed,
            )
        except (ValueError, KeyError) as exc:
            raise ProvenanceError(f"the test result is malformed: {str(exc)[:500]}") from exc
        if result.status != predicate.result:
            raise ProvenanceError(
                f"the test result contradicts itself: {predicate.result}, but its tests are {result.status}"
            )
        return cls(name=outer.name, root=outer.root, result=result, report=predicate.report)
