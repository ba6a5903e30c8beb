"""Options that all connectors of files have."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue, field_validator

from mintage.contracts import ConnectorConfig, parse_type


class FilesConfig(ConnectorConfig):
    """Where files are stored, and what the names of their folders mean."""

    storage: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Options of the store, such as endpoint_url; credentials come from the environment.",
    )
    partitions: Literal["hive", "none"] = Field(
        default="hive",
        description="hive: folders called `column=value` below the location are columns of the table, of the "
        "type that their values suggest. none: names of folders mean nothing.",
    )
    partition_types: dict[str, str] = Field(
        default_factory=dict,
        description="Arrow types of partition columns, such as {zip: string}, instead of the suggested ones.",
    )

    @field_validator("partition_types")
    @classmethod
    def _are_types(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value.values():
            parse_type(name)
        return value
