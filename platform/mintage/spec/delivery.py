"""Where a job writes, who audits, signs and observes it. Only `shard_rows` changes rows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mintage.spec._base import Flag, Kind, Options, Real, SpecModel, Uri, Whole

DEFAULT_SHARD_ROWS = 100_000
MAX_KEYS = 15
"""Keys that may sign besides the first one."""

_Label = Annotated[str, Field(min_length=1, max_length=300)]


class SinkSpec(SpecModel):
    """Where the data set is written."""

    uri: Uri = Field(description="Path or URI of the data set's folder, without credentials.")
    format: Kind = Field(default="parquet", description="Connector that writes the parts.")
    options: Options = Field(
        default_factory=dict, description="Options of that connector, see its documentation."
    )
    mode: Literal["create", "append", "supersede"] = Field(
        default="create",
        description="create: a data set of its own. append: a new version, with the shards of this job "
        "behind those that are there. supersede: a new version, with the shards of this job alone.",
    )
    trust: tuple[Uri, ...] = Field(
        default=(),
        max_length=100,
        description="Files of public keys that may have signed the version that is appended to, besides "
        "the key that signs.",
    )
    storage: Options = Field(
        default_factory=dict, description="Options of the store, such as endpoint_url; never credentials."
    )
    shard_rows: Whole = Field(
        default=DEFAULT_SHARD_ROWS,
        ge=1,
        le=10**8,
        description="Accepted root rows in a shard, the unit of work and of commit: 1 to 10^8. "
        "Another value draws other rows.",
    )
    keep_rejects: Flag = Field(
        default=False, description="Whether rejected rows are written beside the data set."
    )


class SigningSpec(SpecModel):
    """Who signs the manifest."""

    key: Uri | None = Field(
        default=None,
        description="Path or URI of the private key, see `mintage keygen`; null for the local "
        "identity, which is created once.",
    )
    keys: tuple[Uri, ...] = Field(
        default=(),
        max_length=MAX_KEYS,
        description="Further private keys: each signs besides `key`, or instead of the local identity.",
    )


class AuditSpec(SpecModel):
    """What is minted a second time before anything is signed."""

    shards: Whole | None = Field(
        default=None,
        ge=0,
        le=10_000,
        description="Committed shards that another worker mints again, to compare them, before the "
        "manifest is signed; null: one when there are 20 or more and the model claims that rows repeat, "
        "else none.",
    )


class ParentRunSpec(SpecModel):
    """The run that started this one, such as a task of a workflow."""

    namespace: _Label = Field(description="Namespace of the parent's job.")
    name: _Label = Field(description="Name of the parent's job.")
    run_id: str = Field(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="UUID of the parent run."
    )


class OpenLineageSpec(SpecModel):
    """Where OpenLineage events go. What goes wrong with them is a warning, and the run goes on."""

    to: Uri = Field(
        description="URL that events are posted to, such as http://host:5000/api/v1/lineage, or a file that "
        "they are appended to, one a line."
    )
    namespace: _Label = Field(default="mintage", description="Namespace of the job.")
    timeout_seconds: Real = Field(
        default=5.0, gt=0, le=60, description="Seconds that an event may take; then no more are sent."
    )
    parent: ParentRunSpec | None = Field(default=None, description="The run that started this one.")


class TelemetrySpec(SpecModel):
    """What traces and metrics carry."""

    attributes: dict[str, str] = Field(
        default_factory=dict, max_length=64, description="Attributes of every span, such as team: risk."
    )
    openlineage: OpenLineageSpec | None = Field(
        default=None, description="Where OpenLineage events go; null for nowhere."
    )
