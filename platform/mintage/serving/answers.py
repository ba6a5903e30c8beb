"""What answers say, as pydantic models: OpenAPI is made from them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ErrorAnswer(_Answer):
    """What went wrong."""

    type: str = Field(description="The kind of the error.")
    message: str = Field(description="What happened, with which value.")
    hint: str = Field(description="What to do next.")


class ColumnAnswer(_Answer):
    """A column of a table."""

    name: str
    type: str = Field(description="Arrow type.")
    semantics: str
    nullable: bool


class TableAnswer(_Answer):
    """A table that the model makes."""

    name: str
    columns: list[ColumnAnswer]


class ConditionsAnswer(_Answer):
    """Which conditions the model takes; a value may still be one that it never saw."""

    values: bool = Field(description="Single values, and values to be left out.")
    ranges: bool = Field(description="Ranges and sets of values.")


class ProvenanceAnswer(_Answer):
    """The signed statement that the model was taken from."""

    dataset: str
    version: int
    statement: str = Field(description="Digest of the signed statement.")
    root: str = Field(description="Merkle root of the data set.")
    run_id: str
    signers: list[str] = Field(description="Keys whose signatures were counted.")
    privacy: dict[str, object] = Field(description="The privacy claim of the statement.")


class ModelAnswer(_Answer):
    """A model that is served."""

    name: str
    digest: str
    generator: str
    determinism: str = Field(description="How equal the rows of one seed are that two machines draw.")
    root: str = Field(description="The table whose rows are counted.")
    tables: list[TableAnswer]
    rules: list[str] = Field(description="Rules that rows have to meet, by their reason codes.")
    conditions: ConditionsAnswer
    rows: int = Field(description="Rows that one request may ask for.")
    provenance: ProvenanceAnswer


class ModelsAnswer(_Answer):
    """The models that are served."""

    models: list[ModelAnswer]


class StateAnswer(_Answer):
    """Whether the replica that answers is ready, and what it does."""

    ready: bool
    models: int
    answering: int = Field(description="Requests for rows that are being answered.")
    waiting: int = Field(description="Requests for rows that wait for their turn.")
