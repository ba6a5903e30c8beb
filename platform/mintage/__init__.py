"""Mintage makes synthetic data at scale, and can prove where every row came from.

    import mintage

    result = mintage.run("flights.yaml")
    result.scan().head().collect()
    assert mintage.verify(result.store.uri).ok

A plugin needs nothing but what is exported here. Names are imported when they are first used, so
that `import mintage` loads neither torch nor Ray.
"""

from typing import TYPE_CHECKING

from mintage._lazy import lazy_exports

if TYPE_CHECKING:
    from mintage._version import __version__
    from mintage.contracts import (
        ColumnSchema,
        Connector,
        ConnectorConfig,
        DatasetJudge,
        DatasetSchema,
        Determinism,
        FitContext,
        FitProgress,
        ForeignKey,
        Generator,
        GeneratorConfig,
        ImputeRequest,
        Model,
        Operator,
        OperatorConfig,
        PartWriter,
        RowJudge,
        SampleRequest,
        Semantics,
        Source,
        TableBatch,
        TableReader,
        TableSchema,
    )
    from mintage.errors import MintageError
    from mintage.evaluation import Report
    from mintage.jobs import (
        Attested,
        Collection,
        Imputed,
        Regenerated,
        Result,
        attest,
        evaluate,
        gc,
        impute,
        preview,
        prove,
        regenerate,
        review,
        review_page,
        reviews,
        run,
        verify,
        verify_part,
        write_report,
    )
    from mintage.spec import JobSpec

_CONTRACTS = (
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
    "Operator",
    "OperatorConfig",
    "PartWriter",
    "RowJudge",
    "SampleRequest",
    "Semantics",
    "Source",
    "TableBatch",
    "TableReader",
    "TableSchema",
)

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        **dict.fromkeys(_CONTRACTS, "mintage.contracts"),
        "JobSpec": "mintage.spec",
        "MintageError": "mintage.errors",
        "Report": "mintage.evaluation",
        "Result": "mintage.jobs",
        "__version__": "mintage._version",
        "Attested": "mintage.jobs",
        "Imputed": "mintage.jobs",
        "attest": "mintage.jobs",
        "Collection": "mintage.jobs",
        "evaluate": "mintage.jobs",
        "gc": "mintage.jobs",
        "impute": "mintage.jobs",
        "Regenerated": "mintage.jobs",
        "preview": "mintage.jobs",
        "prove": "mintage.jobs",
        "regenerate": "mintage.jobs",
        "review": "mintage.jobs",
        "review_page": "mintage.jobs",
        "reviews": "mintage.jobs",
        "run": "mintage.jobs",
        "verify": "mintage.jobs",
        "verify_part": "mintage.jobs",
        "write_report": "mintage.jobs",
    },
)

__all__ = [
    "Attested",
    "Collection",
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
    "Imputed",
    "JobSpec",
    "MintageError",
    "Model",
    "Operator",
    "OperatorConfig",
    "PartWriter",
    "Regenerated",
    "Report",
    "Result",
    "RowJudge",
    "SampleRequest",
    "Semantics",
    "Source",
    "TableBatch",
    "TableReader",
    "TableSchema",
    "__version__",
    "attest",
    "evaluate",
    "gc",
    "impute",
    "preview",
    "prove",
    "regenerate",
    "review",
    "review_page",
    "reviews",
    "run",
    "verify",
    "verify_part",
    "write_report",
]
