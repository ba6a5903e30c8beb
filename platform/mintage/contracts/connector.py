"""What a connector implements: reading tables from, and writing parts in, one format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import BinaryIO, ClassVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from mintage.contracts.source import TableReader
from mintage.errors import SpecError


class ConnectorConfig(BaseModel):
    """Options of a connector; a subclass adds its own. Secrets never belong here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PartWriter(ABC):
    """Writes one part of one table into a stream that somebody else opens and closes."""

    @abstractmethod
    def write(self, batch: pa.RecordBatch) -> None:
        """Encode a batch (one row group, where the format has them)."""

    @abstractmethod
    def close(self) -> None:
        """Write what the format needs at its end; the stream stays open."""


class Connector(ABC):
    """A format or a place outside: made once per use with its validated config.

    `suffixes` are the file endings by which a location is recognised when the spec names no kind,
    e.g. `(".parquet",)`; the first one is that of the parts it writes.
    """

    Config: ClassVar[type[ConnectorConfig]] = ConnectorConfig
    suffixes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: ConnectorConfig) -> None:
        self.config = config

    @abstractmethod
    def read(self, location: object) -> TableReader:
        """A reader of the table at `location`: a URI, or a Python object for in-memory kinds.

        Raises `SourceError` when there is nothing that can be read, before any row is.
        """

    def write(self, stream: BinaryIO, schema: pa.Schema) -> PartWriter:
        """A writer of one part; a connector that only reads leaves this as it is."""
        del stream, schema
        raise SpecError(
            f"{type(self).__name__} cannot write parts", "choose another sink.format, such as parquet"
        )

    def scan_part(self, stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a part that `write` wrote, in order and of exactly this schema.

        Verification compares their content digest with the one taken while writing, so every value
        must come back as it was. The stream is seekable. Raises `SourceError` for a damaged part.
        """
        del stream, schema
        raise SpecError(
            f"{type(self).__name__} cannot read parts back", "choose another sink.format, such as parquet"
        )
