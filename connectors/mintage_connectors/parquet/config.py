"""Options of Parquet."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mintage.errors import SpecError
from mintage_connectors.files.config import FilesConfig


class ParquetConfig(FilesConfig):
    """How Parquet parts are compressed."""

    compression: Literal["zstd", "snappy", "lz4", "none"] = Field(
        default="zstd", description="Codec of the pages."
    )
    level: int | None = Field(
        default=None, ge=1, le=22, description="Level of zstd, 1 (fastest) to 22; 1 when not given."
    )

    @model_validator(mode="after")
    def _level_is_of_zstd(self) -> Self:
        if self.level is not None and self.compression != "zstd":
            raise SpecError(
                f"level: {self.level} has no meaning with compression {self.compression}", "remove the level"
            )
        return self
