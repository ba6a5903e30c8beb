"""What is written down about a shard: the shard record (a leaf of the tree) and the commit record.

A shard record holds nothing that another attempt at the same shard would change, so that a plan has
one root. What belongs to the attempt (file names, worker, times) is in the commit record around it.
Counts are text in JSON, because they may pass 2**53. Unknown keys are refused: a later format has
another name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal, NotRequired, Required, Self

from pydantic import BaseModel, ConfigDict, Field, GetPydanticSchema, ValidationError
from pydantic_core import core_schema
from typing_extensions import TypedDict

from mintage.contracts import TableSchema
from mintage.errors import ProvenanceError
from mintage.provenance.canonical import canonical_json, canonical_texts, parse_json
from mintage.provenance.digests import Digest, Sha256Hex, digest_of

MAX_RECORD_BYTES = 16 * 2**20
"""Size that a shard record or commit record may have."""

_COUNTS = 2**64

# Made of what pydantic has compiled: a million records have some ten million counts.
_COUNT = core_schema.union_schema(
    [
        core_schema.int_schema(strict=True, ge=0, lt=_COUNTS),
        core_schema.chain_schema(
            [
                core_schema.str_schema(strict=True, pattern=r"^(0|[1-9][0-9]{0,19})\z"),
                core_schema.int_schema(strict=False, lt=_COUNTS),
            ]
        ),
    ],
    mode="left_to_right",
    custom_error_type="count",
    custom_error_message="Input should be a whole number from 0 to 2**64 - 1, as decimal text in JSON",
    serialization=core_schema.to_string_ser_schema(when_used="always"),
)

Count = Annotated[int, GetPydanticSchema(lambda _source, _handler: _COUNT)]
"""A whole number that is decimal text in JSON."""

_ALGORITHM = core_schema.custom_error_schema(
    core_schema.literal_schema(["mintage-content-sha256/1"]),
    custom_error_type="content_algorithm",
    custom_error_message="cannot be checked: this content algorithm is not known to this version of Mintage",
)

KnownAlgorithm = Annotated[str, GetPydanticSchema(lambda _source, _handler: _ALGORITHM)]
"""The name of the content digest; rows that were digested in another way are never called sound."""

_Name = Annotated[str, Field(min_length=1, max_length=1024)]


class Record(BaseModel):
    """A frozen JSON object with one spelling."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def to_json(self) -> dict[str, object]:
        """The record as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)

    def to_bytes(self) -> bytes:
        """The RFC 8785 form."""
        if self._in_order() and (data := self.__pydantic_serializer__.to_json(self, by_alias=True)).isascii():
            return data
        return canonical_json(self.to_json())

    def _in_order(self) -> bool:
        """Whether fields and maps stand in the order of their names, and no number has a fraction.

        Then pydantic's own JSON is the RFC 8785 form, as long as it is ASCII: where it is not, that form
        has another order of names. A class may say so whose fields are declared in that order.
        """
        return False

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
            # Counts as numbers, left-out defaults: another spelling of the same record.
            raise ProvenanceError(f"a {cls.__name__} is not in its one canonical spelling")
        return record

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The record that `to_bytes` wrote; strict, and with a cap on size and depth."""
        if (quick := cls._read_quickly(data)) is not None:
            return quick
        record = cls.from_json(parse_json(data, max_bytes=MAX_RECORD_BYTES))
        if record.to_bytes() != data:
            raise ProvenanceError(f"a {cls.__name__} is not in its one canonical spelling")
        return record

    @classmethod
    def _read_quickly(cls, data: bytes) -> Self | None:
        """The record, or None where the slower way has to tell what is wrong, if anything is.

        Whatever is written again to the very same bytes was read right, by whichever parser.
        """
        if len(data) > MAX_RECORD_BYTES:
            return None
        try:
            record = cls.model_validate_json(data)
        except ValidationError:
            return None
        return record if record.to_bytes() == data else None


class _Column(TypedDict):
    """What `ColumnStatistics.to_json` says of one column."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    max: NotRequired[str]
    min: NotRequired[str]
    name: Required[str]
    nulls: Required[str]


# Fields stand in the order of their names in JSON from here on; see `Record._in_order`.


class VerdictCounts(Record):
    """What the operators said about the rows of one table in one shard."""

    accepted: Count
    """Rows that were kept."""
    drawn: Count
    """Rows that the model made."""
    orphaned: Count = 0
    """Rows dropped because the row they belong to was."""
    rejected: dict[_Name, Count] = Field(default_factory=dict)
    """Rows dropped, by the first reason that applied."""
    surplus: Count = 0
    """Rows without fault that the shard did not need."""
    tagged: dict[_Name, Count] = Field(default_factory=dict)
    """Rows kept although a rule with action `tag` spoke against them, by reason."""
    violations: dict[_Name, Count] = Field(default_factory=dict)
    """Rows drawn that break each rule, whatever became of them."""

    def _in_order(self) -> bool:
        return _sorted(self.rejected, self.tagged, self.violations)


class TableRecord(Record):
    """One table's part in one shard."""

    bytes: Count
    """Size of the part."""
    content: Digest
    """Digest of the rows, by the algorithm below."""
    content_algorithm: KnownAlgorithm = "mintage-content-sha256/1"
    rows: Count
    schema_id: Digest = Field(validation_alias="schema", serialization_alias="schema")
    """`schema_id` of the table."""
    sha256: Sha256Hex
    """Digest of the part's bytes."""
    statistics: list[Annotated[dict[str, str], GetPydanticSchema(lambda _, handler: handler(_Column))]]
    """`ColumnStatistics.to_json()`."""
    verdicts: VerdictCounts

    model_config = ConfigDict(populate_by_name=True)

    def _in_order(self) -> bool:
        return self.verdicts._in_order()


class ShardRecord(Record):
    """All that any attempt at this shard would say; the leaf of the tree."""

    format: Literal["mintage-shard-record/1"] = "mintage-shard-record/1"
    index: Annotated[int, Field(ge=0, lt=2**53)]
    model: Digest | None
    """Digest of the model that made the rows."""
    seed_path: Annotated[str, Field(pattern=r"^[0-9]+(/[0-9]+)*\z", max_length=200)]
    """Root seed and spawn key of the shard's randomness, such as `7/1/17`."""
    tables: Annotated[dict[_Name, TableRecord], Field(min_length=1)]

    def content_leaf(self) -> bytes:
        """What stands for this shard in the content tree: the content digests of its tables."""
        return canonical_texts({name: table.content for name, table in self.tables.items()})

    def _in_order(self) -> bool:
        return _sorted(self.tables) and all(table._in_order() for table in self.tables.values())


class RejectRecord(Record):
    """Rejected rows that were kept, of one table."""

    path: str
    rows: Count
    sha256: Sha256Hex


class SketchRecord(Record):
    """What was counted of one table's rows while the shard was minted."""

    bytes: Count
    path: str
    sha256: Sha256Hex


class CommitRecord(Record):
    """One attempt's claim that a shard is done; the first one that is created wins."""

    attempt: Annotated[str, Field(min_length=1, max_length=200)]
    finished: Annotated[str, Field(max_length=64)]
    """As `started`."""
    format: Literal["mintage-commit/1"] = "mintage-commit/1"
    parts: dict[_Name, str]
    """Path of each table's part, relative to the data set."""
    plan: Digest
    record: ShardRecord
    rejects: dict[_Name, RejectRecord] = Field(default_factory=dict)
    run_id: Annotated[str, Field(min_length=1, max_length=200)]
    sketches: dict[_Name, SketchRecord] = Field(default_factory=dict)
    """Counts of the accepted rows of each table that is measured; empty when nothing was learned from."""
    started: Annotated[str, Field(max_length=64)]
    """Time in UTC as ISO 8601 text."""
    worker: Annotated[str, Field(max_length=200)]

    @cached_property
    def leaf(self) -> bytes:
        """The canonical bytes of the shard record."""
        return self.record.to_bytes()

    def to_bytes(self) -> bytes:
        """The RFC 8785 form, put around the leaf, which is made once."""
        if self._in_order():
            outer = self.__pydantic_serializer__.to_json(self, by_alias=True, exclude={"record"})
            # The last such text is the commit's own field: no map behind it has text for values.
            before, plan, after = outer.rpartition(f'"plan":"{self.plan}"'.encode())
            if outer.isascii():
                return b"".join((before, plan, b',"record":', self.leaf, after))
        return super().to_bytes()

    def _in_order(self) -> bool:
        return _sorted(self.parts, self.rejects, self.sketches)


def schema_id(table: TableSchema) -> str:
    """The digest of a table's schema: names, types, meaning, nullability and keys of its columns."""
    return digest_of(canonical_json(table.to_json()))


def _sorted(*maps: Mapping[str, object]) -> bool:
    for names in maps:  # noqa: SIM110  # a million records: a generator for each takes longer than the work
        if len(names) > 1 and [*names] != sorted(names):
            return False
    return True
