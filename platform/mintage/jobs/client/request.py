"""What is asked of a back end for one spec: the job's id, which says what it makes, and its attempts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mintage._version import __version__
from mintage.jobs.client.backend import JobRecord, Submission
from mintage.jobs.client.luggage import VARIABLE, pack_spec
from mintage.provenance.canonical import canonical_json
from mintage.spec import JobSpec
from mintage.telemetry import carrier

ENTRYPOINT = "python -m mintage.jobs.client.entrypoint"

JOB = "mintage.job"
ATTEMPT = "mintage.attempt"
NAME = "mintage.name"
DATASET = "mintage.dataset"
STORAGE = "mintage.storage"
SPEC = "mintage.spec"
SECTIONS = "mintage.sections"
VERSION = "mintage.version"

_NAME_LENGTH = 30
_BESIDE_THE_RUN = {
    "resources",
    "telemetry",
    "signing",
    "audit",
    "evaluation",
    "gates",
    "lineage",
    "datasheet",
}
"""Keys that say on what and for whom; the same rows come of it, whatever they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A spec on its way to a back end.

    `id` names the job by what it makes and where: `<name>-<12 hex digits>`. `digest` is that of the
    whole spec, `sections` those of its keys, by which two requests for one job are told apart.
    """

    spec: JobSpec
    id: str
    digest: str
    sections: Mapping[str, str]

    @classmethod
    def make(cls, spec: JobSpec) -> JobRequest:
        """The request for a spec; equal specs make equal requests, wherever they are written."""
        # The seed may pass what canonical JSON carries as a number.
        values = spec.to_json(complete=True) | {"seed": str(spec.seed)}
        run = {key: value for key, value in values.items() if key not in _BESIDE_THE_RUN}
        run["holdout"] = spec.evaluation.split
        return cls(
            spec=spec,
            id=f"{_dns_name(spec.name)}-{_digest(run)[:12]}",
            digest=_digest(values),
            sections={key: _digest(value)[:8] for key, value in values.items()},
        )

    def submission(self, attempt: int) -> Submission:
        """One attempt, ready to be handed over; it carries the span that is current here.

        Raises `SpecError` when the spec is too large to travel.
        """
        sink = self.spec.sink
        carried = {name.upper(): value for name, value in carrier().items()}
        return Submission(
            id=submission_id(self.id, attempt),
            spec=self.spec,
            entrypoint=ENTRYPOINT,
            environment={VARIABLE: pack_spec(self.spec), **carried},
            metadata={
                JOB: self.id,
                ATTEMPT: str(attempt),
                NAME: self.spec.name,
                DATASET: sink.uri,
                SPEC: self.digest,
                SECTIONS: json.dumps(self.sections),
                VERSION: __version__,
                **({STORAGE: json.dumps(sink.storage)} if sink.storage else {}),
            },
        )

    def is_asked_by(self, record: JobRecord) -> bool:
        """Whether a submission was made for the very same spec."""
        return record.metadata.get(SPEC) == self.digest

    def differences(self, record: JobRecord) -> list[str]:
        """The keys in which the spec of a submission differs from this one."""
        theirs = read_mapping(record, SECTIONS)
        keys = sorted({*theirs, *self.sections})
        return [key for key in keys if theirs.get(key) != self.sections.get(key)]


def submission_id(job: str, attempt: int) -> str:
    """The id of an attempt: a DNS label of at most 47 characters, as KubeRay wants it."""
    return f"{job}-{attempt}"


def attempt_of(record: JobRecord) -> int:
    """The number of an attempt, from 1; 0 for a submission that is none of ours."""
    number = record.metadata.get(ATTEMPT, "")
    return int(number) if number.isascii() and number.isdigit() else 0


def read_mapping(record: JobRecord, key: str) -> dict[str, object]:
    """A mapping that metadata hold as JSON; empty when there is none."""
    try:
        value = json.loads(record.metadata.get(key, "{}"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _digest(value: object) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _dns_name(name: str) -> str:
    """A name as the beginning of a DNS label, which starts with a letter.

    >>> _dns_name("Flights_2013 (v2)"), _dns_name("2013")
    ('flights-2013-v2', 'job-2013')
    """
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    label = label if label[:1].isalpha() else f"job-{label}".rstrip("-")
    return label[:_NAME_LENGTH].strip("-")
