"""How a version was made, as SLSA provenance: what was asked for, what was done, by whom, from what.

See https://slsa.dev/spec/v1.2/provenance for the predicate and docs/provenance/statements.md for our build
type. The parameters from outside are the job spec as it was accepted, the internal ones the plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from mintage.errors import ProvenanceError
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_of
from mintage.provenance.facts import Dependency, Facts
from mintage.provenance.statements import build_in_toto, parse_in_toto

PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://mintage.dev/synthesis/v1"


def build_provenance(facts: Facts, root: str, plan: Mapping[str, object]) -> bytes:
    """The canonical JSON of the statement about the data set with the Merkle root `root`."""
    predicate: dict[str, object] = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": facts.spec,
            "internalParameters": {"plan": dict(plan)},
            "resolvedDependencies": [dependency.to_json() for dependency in facts.dependencies],
        },
        "runDetails": {
            "builder": {"id": facts.builder.id, "version": facts.builder.versions},
            "metadata": {
                "invocationId": facts.run_id,
                "startedOn": facts.started,
                "finishedOn": facts.finished,
            },
        },
    }
    return build_in_toto(facts.name, root, PROVENANCE_TYPE, predicate)


class _Internal(BaseModel):
    plan: dict[str, object]


class _Definition(BaseModel):
    build_type: str = Field(alias="buildType", max_length=1000)
    external: dict[str, object] = Field(alias="externalParameters")
    internal: dict[str, object] = Field(default_factory=dict, alias="internalParameters")
    dependencies: list[Dependency] = Field(default_factory=list, alias="resolvedDependencies")


class _Builder(BaseModel):
    id: str = Field(max_length=4096)
    version: dict[str, str] = Field(default_factory=dict)


class _Metadata(BaseModel):
    invocation_id: str = Field(default="", alias="invocationId")
    started: str = Field(default="", alias="startedOn")
    finished: str = Field(default="", alias="finishedOn")


class _Details(BaseModel):
    builder: _Builder
    metadata: _Metadata = Field(default_factory=_Metadata)


class _Predicate(BaseModel):
    """The predicate; as in-toto asks, unknown keys are left alone."""

    model_config = ConfigDict(frozen=True)

    definition: _Definition = Field(alias="buildDefinition")
    details: _Details = Field(alias="runDetails")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """A parsed statement about how rows were made: parse it after its signature was verified."""

    name: str
    root: str
    build_type: str
    builder: str
    """URI of who made the data set."""
    versions: Mapping[str, str]
    """Version by name of the part: the distributions, libraries and Python that made the rows."""
    spec: Mapping[str, object]
    """The job spec as it was accepted."""
    plan: Mapping[str, object]
    dependencies: Sequence[Dependency]
    run_id: str
    started: str
    finished: str

    @property
    def plan_digest(self) -> str:
        """The digest of the plan: that of `plan.json`."""
        return digest_of(canonical_json(dict(self.plan)))

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """The statement in a payload; raises `ProvenanceError` when it is none of this build type."""
        outer = parse_in_toto(payload, PROVENANCE_TYPE)
        try:
            predicate = _Predicate.model_validate(outer.predicate)
            definition, details = predicate.definition, predicate.details
            if definition.build_type != BUILD_TYPE:
                raise ProvenanceError(
                    f"the provenance is of the build type {definition.build_type[:200]!r}, not {BUILD_TYPE}"
                )
            plan = _Internal.model_validate(definition.internal).plan
        except ValueError as exc:
            raise ProvenanceError(f"the provenance is malformed: {str(exc)[:500]}") from exc
        return cls(
            name=outer.name,
            root=outer.root,
            build_type=definition.build_type,
            builder=details.builder.id,
            versions=details.builder.version,
            spec=definition.external,
            plan=plan,
            dependencies=definition.dependencies,
            run_id=details.metadata.invocation_id,
            started=details.metadata.started,
            finished=details.metadata.finished,
        )
