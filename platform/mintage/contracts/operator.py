"""What an operator implements: judging rows, as polars expressions that run in one pass per batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import polars as pl
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from mintage.contracts.schema import TableSchema
from mintage.contracts.source import Source


class OperatorConfig(BaseModel):
    """Options that every operator has; a subclass adds its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{1,100}$")] | None = Field(
        default=None,
        description="Reason code of rows that break this rule; made from kind and columns when not given.",
    )
    table: str | None = Field(
        default=None, description="Table whose rows are judged; the root table when not given."
    )
    action: Literal["reject", "fail", "tag"] = Field(
        default="reject",
        description="reject: drop the row and draw another. fail: as reject, and fail the job when more "
        "than `above` of the rows drawn break the rule. tag: keep the row and name the rule in its `_tags`.",
    )
    above: float = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="Share of the rows drawn, in [0, 1), that action `fail` tolerates.",
    )


class RowJudge(ABC):
    """Judges the batches of one table in one shard, in order; may remember the rows accepted so far."""

    @abstractmethod
    def violation(self) -> pl.Expr:
        """A boolean expression over a batch: true where a row breaks the rule, never null.

        Asked for anew before each batch.
        """

    def accept(self, rows: pl.DataFrame) -> None:
        """Learn which rows of the last batch were kept. Stateless judges leave this as it is."""
        del rows


class DatasetJudge(ABC):
    """Judges the rows of one table over all shards, when all are committed and none is signed yet."""

    @abstractmethod
    def add(self, batch: pa.RecordBatch) -> None:
        """Take in rows that were committed, in shard order."""

    @abstractmethod
    def problem(self) -> str:
        """What is wrong with the table as a whole, with numbers; empty when nothing is."""


class Operator(ABC):
    """A rule about the rows of one table. Made once per use with its validated config."""

    Config: ClassVar[type[OperatorConfig]] = OperatorConfig

    def __init__(self, config: OperatorConfig) -> None:
        self.config = config

    @property
    @abstractmethod
    def reason(self) -> str:
        """Code under which violations are counted; the config's `name` when it gives one."""

    @abstractmethod
    def check(self, table: TableSchema) -> None:
        """Raise `SpecError` when the rule makes no sense for this table, naming what is wrong."""

    def prepare(self, source: Source | None, table: TableSchema) -> bytes:
        """Read the source once, before anything is minted; what comes back reaches every `judge`.

        Most rules need nothing of the source and return no bytes. The bytes are kept beside the
        model and bound by digest, so they must be a pure function of the source and the config.
        """
        del source, table
        return b""

    @abstractmethod
    def judge(self, table: TableSchema, prepared: bytes) -> RowJudge:
        """A judge for the rows of one shard; `prepared` is what `prepare` returned."""

    def dataset_judge(self, table: TableSchema) -> DatasetJudge | None:
        """A judge for what no single shard can see; None, as for most rules, when there is no such thing.

        A problem that it finds fails the job: rows of committed shards are never taken back.
        """
        del table
        return None


Prepared = Mapping[str, bytes]
"""What the operators of a plan prepared, by their reason."""
