"""What a user asks for: the job spec, its parts, and how it is read. No behaviour: nothing here runs a job.

A spec is plain data that is checked when it is made; whether its source exists, its plugins are
installed and its columns are known is found out by those who use it.
"""

from mintage.spec._overrides import read_options
from mintage.spec._problems import nearest, spec_errors
from mintage.spec._yaml import dump_yaml
from mintage.spec.datasheet import CreatorSpec, DatasheetSpec
from mintage.spec.delivery import (
    DEFAULT_SHARD_ROWS,
    OpenLineageSpec,
    ParentRunSpec,
    SigningSpec,
    SinkSpec,
    TelemetrySpec,
)
from mintage.spec.evaluation import EvaluationSpec, GateSpec, HoldoutSpec
from mintage.spec.job import MAX_SHARDS, JobSpec
from mintage.spec.lineage import LineageSpec
from mintage.spec.read import json_schema, read_spec, read_values
from mintage.spec.request import (
    DEFAULT_GENERATOR,
    MAX_ROWS,
    AnyOfSpec,
    BalanceSpec,
    ConditionSpec,
    GeneratorSpec,
    ModelSpec,
    OperatorSpec,
    RangeSpec,
    ShareSpec,
)
from mintage.spec.resources import PlaceSpec, ResourcesSpec
from mintage.spec.sampling import SampleAsk
from mintage.spec.serving import ServedModelSpec, ServingSpec, read_serving_spec
from mintage.spec.source import IN_MEMORY, ForeignKeySpec, FurtherSpec, SourceSpec, TableSpec

__all__ = [
    "DEFAULT_GENERATOR",
    "DEFAULT_SHARD_ROWS",
    "IN_MEMORY",
    "MAX_ROWS",
    "MAX_SHARDS",
    "AnyOfSpec",
    "BalanceSpec",
    "ConditionSpec",
    "CreatorSpec",
    "DatasheetSpec",
    "EvaluationSpec",
    "ForeignKeySpec",
    "FurtherSpec",
    "GateSpec",
    "GeneratorSpec",
    "HoldoutSpec",
    "JobSpec",
    "LineageSpec",
    "ModelSpec",
    "OpenLineageSpec",
    "OperatorSpec",
    "ParentRunSpec",
    "PlaceSpec",
    "RangeSpec",
    "ResourcesSpec",
    "SampleAsk",
    "ServedModelSpec",
    "ServingSpec",
    "ShareSpec",
    "SigningSpec",
    "SinkSpec",
    "SourceSpec",
    "TableSpec",
    "TelemetrySpec",
    "dump_yaml",
    "json_schema",
    "nearest",
    "read_options",
    "read_serving_spec",
    "read_spec",
    "read_values",
    "spec_errors",
]
