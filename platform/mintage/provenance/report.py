"""What verifying a data set found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from mintage.provenance.gate_statement import TestResult
from mintage.provenance.scope import Sample
from mintage.provenance.slsa import Provenance
from mintage.provenance.statements import Head

MAX_FAILURES = 1000
"""Failures that a report lists; of more it keeps the number."""


class VerifyFailure(NamedTuple):
    """One thing that is not as it was signed."""

    code: str
    """What kind of failure, for programs; all codes stand in docs/manifest-format.md."""
    path: str
    """The object concerned, relative to the data set."""
    message: str


@dataclass(slots=True)
class Checked:
    """How much was looked at."""

    shards: int = 0
    parts: int = 0
    bytes: int = 0
    contents: int = 0
    """Parts whose rows were decoded and digested."""
    rows: int = 0
    """Rows of these parts."""
    attachments: int = 0
    """Files such as reports whose bytes are those that were signed."""

    def add(self, other: Checked) -> None:
        """Count in what another one has seen."""
        self.shards += other.shards
        self.parts += other.parts
        self.bytes += other.bytes
        self.contents += other.contents
        self.rows += other.rows
        self.attachments += other.attachments

    def to_json(self) -> dict[str, int]:
        """The counts by name."""
        return {
            "shards": self.shards,
            "parts": self.parts,
            "bytes": self.bytes,
            "contents": self.contents,
            "rows": self.rows,
            "attachments": self.attachments,
        }


@dataclass(slots=True)
class VerifyReport:
    """What was checked, what failed, and what was not checked."""

    checked: Checked = field(default_factory=Checked)
    failures: list[VerifyFailure] = field(default_factory=list)
    """The first `MAX_FAILURES` failures."""
    failed: int = 0
    """How many failures there are."""
    notes: list[str] = field(default_factory=list)
    """What was not checked, and why."""
    head: Head | None = None
    gates: TestResult | None = None
    """What the signed test result says of the gates, once it was checked."""
    provenance: Provenance | None = None
    """What the signed SLSA provenance says of the run, once it was checked."""
    signers: list[str] = field(default_factory=list)
    """The keys that count for the statement: the policy's name and the id of each."""
    accepts: int | None = None
    """Reviewers that accept the version; None when the policy asks nobody."""
    decoded: bool = False
    """Whether rows were decoded, and not only bytes compared."""
    sample: Sample | None = None
    """The shards that were drawn, when not all were checked."""
    read: dict[str, int] = field(default_factory=dict)
    """Bytes that were read besides the parts, and requests, when only some shards were checked."""
    accepted: bool = True
    """Whether the policy accepts what was signed; nothing else was looked at where it does not."""
    resumed: int = 0
    """Shards whose parts were not read again, because a journal says that they were sound."""

    @property
    def ok(self) -> bool:
        """Whether everything is as it was signed."""
        return self.failed == 0

    def fail(self, code: str, path: str, message: str) -> None:
        """Note a failure."""
        self.failed += 1
        if len(self.failures) < MAX_FAILURES:
            self.failures.append(VerifyFailure(code, path, message))

    def take(self, checked: Checked, failures: Iterable[VerifyFailure]) -> None:
        """Add what came of a part of the work."""
        self.checked.add(checked)
        for failure in failures:
            self.fail(*failure)

    def to_json(self) -> dict[str, object]:
        """The report as plain JSON values."""
        return {
            "ok": self.ok,
            "accepted": self.accepted,
            "checked": self.checked.to_json(),
            "failures": [failure._asdict() for failure in self.failures],
            "failed": self.failed,
            "notes": list(self.notes),
            "version": self.head.version if self.head else None,
            "root": self.head.root if self.head else None,
            "statement": self.head.statement if self.head else None,
            "gates": self.gates.status if self.gates else None,
            "builder": self.provenance.builder if self.provenance else None,
            "signers": list(self.signers),
            "accepts": self.accepts,
            "mode": "rows" if self.decoded else "bytes",
            "sample": self.sample.to_json() if self.sample else None,
            "read": dict(self.read) or None,
            "resumed": self.resumed,
        }
