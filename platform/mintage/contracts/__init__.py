"""The interfaces that plugins implement, and the types that they exchange.

A generator, a connector or an operator needs nothing of Mintage but what stands here. What runs
them (engine), stores their results (store) or proves them (provenance) does not belong here.
"""

from mintage.contracts.arrow_types import parse_type, type_name
from mintage.contracts.connector import Connector, ConnectorConfig, PartWriter
from mintage.contracts.generator import (
    Checkpoints,
    Determinism,
    FitContext,
    FitProgress,
    Generator,
    GeneratorConfig,
    Model,
    NoCheckpoints,
    TableBatch,
)
from mintage.contracts.marks import mark_of, only_mark, with_mark
from mintage.contracts.operator import DatasetJudge, Operator, OperatorConfig, RowJudge
from mintage.contracts.schema import (
    ColumnSchema,
    DatasetSchema,
    ForeignKey,
    Semantics,
    TableSchema,
)
from mintage.contracts.shard import (
    KEYS_PER_SHARD,
    Choice,
    ImputeRequest,
    Quota,
    SampleRequest,
    Scalar,
    Shard,
    Span,
)
from mintage.contracts.source import ATTESTATION_SUFFIX, SCAN_ROWS, Source, TableReader

__all__ = [
    "ATTESTATION_SUFFIX",
    "KEYS_PER_SHARD",
    "SCAN_ROWS",
    "Checkpoints",
    "Choice",
    "ColumnSchema",
    "Connector",
    "ConnectorConfig",
    "DatasetJudge",
    "DatasetSchema",
    "Determinism",
    "FitContext",
    "FitProgress",
    "ForeignKey",
    "Generator",
    "GeneratorConfig",
    "ImputeRequest",
    "Model",
    "NoCheckpoints",
    "Operator",
    "OperatorConfig",
    "PartWriter",
    "Quota",
    "RowJudge",
    "SampleRequest",
    "Scalar",
    "Semantics",
    "Shard",
    "Source",
    "Span",
    "TableBatch",
    "TableReader",
    "TableSchema",
    "mark_of",
    "only_mark",
    "parse_type",
    "type_name",
    "with_mark",
]
