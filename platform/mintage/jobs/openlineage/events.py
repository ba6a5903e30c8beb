"""OpenLineage events as plain JSON values.

See https://openlineage.io/docs/spec/object-model for the model, and https://openlineage.io/spec/2-0-2/OpenLineage.json
for the form. The outcome of the gates is told as a run of its own, a test with the data set as its
input, because that is where the specification has a place for assertions.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mintage._version import __version__
from mintage.contracts import TableSchema
from mintage.contracts.arrow_types import type_name
from mintage.evaluation.results import GateResult
from mintage.jobs.result import Result
from mintage.spec import JobSpec, OpenLineageSpec
from mintage.store.url_policy import expand_uri, scheme_of

PRODUCER = f"https://mintage.dev/releases/{__version__}"

_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = {
    "schema": "1-2-0/SchemaDatasetFacet",
    "version": "1-0-1/DatasetVersionDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
    "dataQualityAssertions": "1-1-0/DataQualityAssertionsDatasetFacet",
    "parent": "1-2-0/ParentRunFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet",
    "jobType": "2-0-4/JobTypeJobFacet",
}
_MAX_MESSAGE = 4000

EventType = Literal["START", "COMPLETE", "FAIL", "ABORT"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageRun:
    """One call of a job, as events name it."""

    spec: JobSpec
    asked: OpenLineageSpec
    run_id: str
    """A UUID; another at each call, as a call that resumes is another attempt."""

    @classmethod
    def begin(cls, spec: JobSpec, asked: OpenLineageSpec) -> LineageRun:
        """A new run."""
        return cls(spec=spec, asked=asked, run_id=str(uuid.uuid4()))

    def start(self, at: str) -> dict[str, object]:
        """The run begins."""
        return self._event("START", at, inputs=self._inputs(), outputs=[self._output()])

    def complete(self, at: str, result: Result) -> dict[str, object]:
        """The run is over, and its data set is signed."""
        return self._event("COMPLETE", at, inputs=self._inputs(), outputs=[self._output(result)])

    def fail(self, at: str, message: str, *, aborted: bool = False) -> dict[str, object]:
        """The run ended without a signed data set."""
        error = {"message": message[:_MAX_MESSAGE], "programmingLanguage": "Python"}
        kind: EventType = "ABORT" if aborted else "FAIL"
        facets = {"errorMessage": _facet("errorMessage", error)}
        return self._event(kind, at, inputs=self._inputs(), outputs=[self._output()], facets=facets)

    def gates(self, at: str, result: Result) -> dict[str, object] | None:
        """What the gates said, as a run of its own below this one; None when there are none."""
        report = result.report()
        if report is None or not report.gates:
            return None
        tested = {
            **self._output(),
            "inputFacets": {
                "dataQualityAssertions": _facet(
                    "dataQualityAssertions", {"assertions": [_assertion(gate) for gate in report.gates]}
                )
            },
        }
        parent = {
            "run": {"runId": self.run_id},
            "job": {"namespace": self.asked.namespace, "name": self.spec.name},
        }
        return {
            **_outer("COMPLETE", at),
            "run": {"runId": str(uuid.uuid4()), "facets": {"parent": _facet("parent", parent)}},
            "job": self._job(f"{self.spec.name}.gates"),
            "inputs": [tested],
            "outputs": [],
        }

    def _event(
        self,
        kind: EventType,
        at: str,
        *,
        inputs: list[dict[str, object]],
        outputs: list[dict[str, object]],
        facets: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        engine = {"version": __version__, "name": "mintage", "openlineageAdapterVersion": __version__}
        run: dict[str, object] = {"processing_engine": _facet("processing_engine", engine)}
        if (parent := self.asked.parent) is not None:
            run["parent"] = _facet(
                "parent",
                {
                    "run": {"runId": parent.run_id},
                    "job": {"namespace": parent.namespace, "name": parent.name},
                },
            )
        return {
            **_outer(kind, at),
            "run": {"runId": self.run_id, "facets": {**run, **(facets or {})}},
            "job": self._job(self.spec.name),
            "inputs": inputs,
            "outputs": outputs,
        }

    def _job(self, name: str) -> dict[str, object]:
        kind = {"processingType": "BATCH", "integration": "MINTAGE", "jobType": "JOB"}
        return {
            "namespace": self.asked.namespace,
            "name": name,
            "facets": {"jobType": _facet("jobType", kind)},
        }

    def _inputs(self) -> list[dict[str, object]]:
        """The places of the source; what is in memory has none."""
        source = self.spec.source
        if source is None:
            return []
        uris = [table.uri for table in source.tables.values()] if source.tables else [source.uri]
        return [_dataset(uri) for uri in dict.fromkeys(uris) if uri and scheme_of(uri) != "memory"]

    def _output(self, result: Result | None = None) -> dict[str, object]:
        dataset = _dataset(self.spec.sink.uri)
        if result is None:
            return dataset
        statement = result.manifest.statement
        tables = statement.predicate.tables
        fields = [
            _column(column.name, type_name(column.type)) for column in statement.schema.root_table.columns
        ]
        if len(statement.schema.tables) > 1:
            fields = [_table(table) for table in statement.schema.tables]
        version = f"{statement.predicate.version}/{statement.root}"
        statistics = {
            "rowCount": tables[result.root].rows,
            "size": sum(table.bytes for table in tables.values()),
            "fileCount": statement.predicate.tree.size * len(tables),
        }
        return {
            **dataset,
            "facets": {
                "schema": _facet("schema", {"fields": fields}),
                "version": _facet("version", {"datasetVersion": version}),
            },
            "outputFacets": {"outputStatistics": _facet("outputStatistics", statistics)},
        }


def _outer(kind: EventType, at: str) -> dict[str, object]:
    return {"eventType": kind, "eventTime": at, "producer": PRODUCER, "schemaURL": _EVENT}


def _facet(name: str, said: Mapping[str, object]) -> dict[str, object]:
    place = _FACETS[name]
    title = place.partition("/")[2]
    return {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}/facets/{place}.json#/$defs/{title}", **said}


def _dataset(uri: str) -> dict[str, object]:
    """The name of a data set by the conventions for files and buckets, so that other tools mean the same."""
    expanded = expand_uri(uri)
    if scheme_of(expanded) == "file":
        return {"namespace": "file", "name": expanded}
    scheme, _, rest = expanded.partition("://")
    place, _, path = rest.partition("/")
    return {"namespace": f"{scheme}://{place}", "name": path or "/"}


def _column(name: str, type_: str) -> dict[str, object]:
    return {"name": name, "type": type_}


def _table(table: TableSchema) -> dict[str, object]:
    columns = [_column(column.name, type_name(column.type)) for column in table.columns]
    return {"name": table.name, "type": "table", "fields": columns}


def _assertion(gate: GateResult) -> dict[str, object]:
    bounds = [f"at least {gate.min:g}"] if gate.min is not None else []
    bounds += [f"at most {gate.max:g}"] if gate.max is not None else []
    return {
        "assertion": "custom_metric",
        "name": gate.figure,
        "success": gate.status == "pass",
        "severity": "warn" if gate.action == "warn" else "error",
        "description": gate.reason,
        "expected": ", ".join(bounds),
        **({} if gate.value is None else {"actual": f"{gate.value:g}"}),
    }
