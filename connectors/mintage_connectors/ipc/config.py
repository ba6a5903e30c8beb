"""Options of Arrow IPC."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mintage_connectors.files.config import FilesConfig


class IpcConfig(FilesConfig):
    """How Arrow IPC parts are compressed."""

    compression: Literal["zstd", "lz4", "none"] = Field(
        default="none", description="Codec of the buffers; none lets readers map a file into memory."
    )
