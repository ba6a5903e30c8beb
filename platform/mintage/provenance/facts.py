"""What only the run knows and the commit records do not say: the facts that it wants attested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mintage.contracts import Determinism
from mintage.errors import ProvenanceError
from mintage.provenance.digests import Digest
from mintage.provenance.lineage import Lineage
from mintage.provenance.records import Count

_Text = Annotated[str, Field(min_length=1, max_length=4096)]
_Uri = Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.\-]*:[^\s]+\z", max_length=4096)]

MAX_DEPENDENCIES = 10_000


class ModelFacts(BaseModel):
    """The model that made the rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: Digest | None
    kind: _Text
    fit: dict[str, object] = Field(default_factory=dict)
    """What the generator says of its fit."""


class BuilderFacts(BaseModel):
    """Who made the data set: the URI of the builder, and versions by name of the part."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: _Uri
    versions: dict[str, str]


class EnvironmentFacts(BaseModel):
    """On what the rows were made, as far as it can change them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    versions: dict[str, str]
    hardware: dict[str, str]


def check_builder(uri: str) -> str:
    """The URI of a builder as it was given; raises `ProvenanceError` when it is none."""
    try:
        return BuilderFacts(id=uri, versions={}).id
    except ValidationError as exc:
        raise ProvenanceError(
            f"the builder's id {uri[:200]!r} is not a URI",
            "set MINTAGE_BUILDER_ID to one such as https://example.org/builders/cluster-1",
        ) from exc


class Dependency(BaseModel):
    """Something that a run needed, as an in-toto resource descriptor.

    See https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md. What has no digest
    may change under the same name, and is marked so: `annotations` has `mutable: true`.
    """

    model_config = ConfigDict(frozen=True)

    name: _Text
    uri: _Uri | None = None
    digest: dict[str, _Text] = Field(default_factory=dict)
    """Hexadecimal digests by algorithm, such as `sha256` or `gitCommit`."""
    annotations: dict[str, object] = Field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The descriptor as plain JSON values; without a digest it is marked as mutable."""
        unknown: dict[str, object] = {} if self.digest else {"mutable": True}
        annotations = {**self.annotations, **unknown}
        return {
            "name": self.name,
            **({"uri": self.uri} if self.uri else {}),
            **({"digest": self.digest} if self.digest else {}),
            **({"annotations": annotations} if annotations else {}),
        }


class ProbeFacts(BaseModel):
    """A shard that was minted again before anything was signed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard: Count
    result: Literal["confirmed", "refuted"]
    """Whether the claim of the model held."""
    equality: Determinism = Field(serialization_alias="class")
    """The strongest equality that held."""
    worker: str
    """Who minted it again."""
    committed_by: str = Field(serialization_alias="committedBy")
    """Who had minted what is committed."""


class Facts(BaseModel):
    """The facts about one run; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Text
    """Name of the data set."""
    run_id: _Text
    spec: dict[str, object]
    """The job spec as it was accepted, without secrets."""
    dataset_schema: dict[str, object] = Field(alias="schema")
    """`DatasetSchema.to_json()` of the tables as they were written."""
    kind: _Text
    """Kind of generator, such as `tabular.autoregressive`."""
    model: ModelFacts
    source: Digest | None
    """Digest of what was learned from; None when nothing was."""
    lineage: Lineage | None = None
    """Where the rows come from; None: not known."""
    determinism: Determinism
    """What the model claims about being asked again."""
    environment: EnvironmentFacts | None = None
    """Where it was asked; None where that is not known."""
    probes: tuple[ProbeFacts, ...] = ()
    """What was minted again to see whether the claim holds."""
    builder: BuilderFacts
    dependencies: tuple[Dependency, ...] = Field(default=(), max_length=MAX_DEPENDENCIES)
    """What the run needed: source, files of the model, installed packages."""
    started: _Text
    finished: _Text
    """Times in UTC as ISO 8601 text."""

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Self:
        """The facts in a mapping; raises `ProvenanceError` that names what is missing or wrong."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ProvenanceError(f"the facts to be attested are wrong at {place!r}: {first['msg']}") from exc
