"""What is written down about a shard: the shard record (a leaf of the tree) and the commit record.

A shard record holds nothing that another attempt at the same shard would change, so that a plan has
one root. What belongs to the attempt (file names, worker, times) is in the commit record around it.
Counts are text in JSON, because they may pass 2**53. Unknown keys are refused: a later format has
another name.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from mintage.contracts import TableSchema
from mintage.errors import ProvenanceError
from mintage.provenance.canonical import canonical_json, parse_json
from mintage.provenance.digests import Digest, Sha256Hex, digest_of

MAX_RECORD_BYTES = 16 * 2**20
"""Size that a shard record or commit record may have."""


def _count(value: object) -> object:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    return value


Count = Annotated[int, BeforeValidator(_count), Field(ge=0, lt=2**64), PlainSerializer(str, return_type=str)]
"""A whole number that is decimal text in JSON."""

_Name = Annotated[str, Field(min_length=1, max_length=1024)]


class Record(BaseModel):
    """A frozen JSON object with one spelling."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def to_json(self) -> dict[str, object]:
        """The record as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)

    def to_bytes(self) -> bytes:
        """The RFC 8785 form."""
        return canonical_json(self.to_json())

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The record that `to_json` gave; raises `ProvenanceError` for anything else."""
        try:
            record = cls.model_validate(value)
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ProvenanceError(
                f"a {cls.__name__} is wrong at {place or 'its root'}: {first['msg']}"
            ) from exc
        if record.to_json() != value:
            # Counts as numbers, leading zeros, left-out defaults: another spelling of the same record.
            raise ProvenanceError(f"a {cls.__name__} is not in its one canonical spelling")
        return record

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The record that `to_bytes` wrote; strict, and with a cap on size and depth."""
        return cls.from_json(parse_json(data, max_bytes=MAX_RECORD_BYTES))


class VerdictCounts(Record):
    """What the operators said about the rows of one table in one shard."""

    drawn: Count
    """Rows that the model made."""
    accepted: Count
    """Rows that were kept."""
    rejected: dict[_Name, Count] = Field(default_factory=dict)
    """Rows dropped, by the first reason that applied."""
    tagged: dict[_Name, Count] = Field(default_factory=dict)
    """Rows kept although a rule with action `tag` spoke against them, by reason."""
    violations: dict[_Name, Count] = Field(default_factory=dict)
    """Rows drawn that break each rule, whatever became of them."""
    orphaned: Count = 0
    """Rows dropped because the row they belong to was."""
    surplus: Count = 0
    """Rows without fault that the shard did not need."""


class TableRecord(Record):
    """One table's part in one shard."""

    rows: Count
    bytes: Count
    """Size of the part."""
    sha256: Sha256Hex
    """Digest of the part's bytes."""
    content: Digest
    """Digest of the rows, by the algorithm below."""
    content_algorithm: Literal["mintage-content-sha256/1"] = "mintage-content-sha256/1"
    schema_id: Digest = Field(validation_alias="schema", serialization_alias="schema")
    """`schema_id` of the table."""
    statistics: list[dict[str, str]]
    """`ColumnStatistics.to_json()`."""
    verdicts: VerdictCounts

    model_config = ConfigDict(populate_by_name=True)


class ShardRecord(Record):
    """All that any attempt at this shard would say; the leaf of the tree."""

    format: Literal["mintage-shard-record/1"] = "mintage-shard-record/1"
    index: Annotated[int, Field(ge=0, lt=2**53)]
    seed_path: Annotated[str, Field(pattern=r"^[0-9]+(/[0-9]+)*\z", max_length=200)]
    """Root seed and spawn key of the shard's randomness, such as `7/1/17`."""
    model: Digest | None
    """Digest of the model that made the rows."""
    tables: Annotated[dict[_Name, TableRecord], Field(min_length=1)]

    def content_leaf(self) -> bytes:
        """What stands for this shard in the content tree: the content digests of its tables."""
        return canonical_json({name: table.content for name, table in self.tables.items()})


class RejectRecord(Record):
    """Rejected rows that were kept, of one table."""

    path: str
    sha256: Sha256Hex
    rows: Count


class SketchRecord(Record):
    """What was counted of one table's rows while the shard was minted."""

    path: str
    sha256: Sha256Hex
    bytes: Count


class CommitRecord(Record):
    """One attempt's claim that a shard is done; the first one that is created wins."""

    format: Literal["mintage-commit/1"] = "mintage-commit/1"
    plan: Digest
    run_id: Annotated[str, Field(min_length=1, max_length=200)]
    attempt: Annotated[str, Field(min_length=1, max_length=200)]
    worker: Annotated[str, Field(max_length=200)]
    started: Annotated[str, Field(max_length=64)]
    finished: Annotated[str, Field(max_length=64)]
    """Times in UTC as ISO 8601 text."""
    parts: dict[_Name, str]
    """Path of each table's part, relative to the data set."""
    rejects: dict[_Name, RejectRecord] = Field(default_factory=dict)
    sketches: dict[_Name, SketchRecord] = Field(default_factory=dict)
    """Counts of the accepted rows of each table that is measured; empty when nothing was learned from."""
    record: ShardRecord

    @cached_property
    def leaf(self) -> bytes:
        """The canonical bytes of the shard record."""
        return self.record.to_bytes()


def schema_id(table: TableSchema) -> str:
    """The digest of a table's schema: names, types, meaning, nullability and keys of its columns."""
    return digest_of(canonical_json(table.to_json()))
