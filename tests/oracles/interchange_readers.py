"""Reads what Mintage wrote with the reference readers: runs in an environment of its own.

`croissant FILE` prints as JSON what mlcroissant warns of, and the records of each table.
`openlineage FILE` prints the events as the official client's classes write them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def read_croissant(path: str) -> dict[str, object]:
    import mlcroissant

    data = mlcroissant.Dataset(jsonld=path)
    records = {
        found.uuid: [
            {key: plain(value) for key, value in record.items()} for record in data.records(found.uuid)
        ]
        for found in data.metadata.record_sets
    }
    return {
        "errors": sorted(data.metadata.ctx.issues.errors),
        "warnings": sorted(data.metadata.ctx.issues.warnings),
        "version": str(data.metadata.ctx.conforms_to.value),
        "limitations": data.metadata.data_limitations,
        "records": records,
    }


def plain(value: Any) -> object:  # noqa: ANN401  # any value of a record
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return value.item() if hasattr(value, "item") else value


def read_openlineage(path: str) -> list[object]:
    from openlineage.client import event_v2, facet_v2
    from openlineage.client.serde import Serde

    facets = {
        "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
        "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
        "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
        "dataQualityAssertions": facet_v2.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet,
        "parent": facet_v2.parent_run.ParentRunFacet,
        "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
        "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
        "jobType": facet_v2.job_type_job.JobTypeJobFacet,
    }
    parts = {
        "fields": lambda items: [field(item) for item in items],
        "assertions": lambda items: [
            facet_v2.data_quality_assertions_dataset.Assertion(**item) for item in items
        ],
        "run": lambda run: facet_v2.parent_run.Run(**run),
        "job": lambda job: facet_v2.parent_run.Job(**job),
    }

    def field(item: dict[str, Any]) -> object:
        nested = {"fields": [field(inner) for inner in item["fields"]]} if "fields" in item else {}
        return facet_v2.schema_dataset.SchemaDatasetFacetFields(**{**item, **nested})

    def made(named: dict[str, dict[str, Any]]) -> dict[str, Any]:
        built = {}
        for name, said in named.items():
            values = {key: value for key, value in said.items() if not key.startswith("_")}
            values = {key: parts.get(key, lambda item: item)(value) for key, value in values.items()}
            built[name] = facets[name](producer=said["_producer"], **values)
        return built

    def dataset(kind: Any, said: dict[str, Any]) -> Any:  # noqa: ANN401  # classes of the client
        more = {key: made(said[key]) for key in ("facets", "inputFacets", "outputFacets") if key in said}
        return kind(namespace=said["namespace"], name=said["name"], **more)

    found = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        event = event_v2.RunEvent(
            eventTime=said["eventTime"],
            producer=said["producer"],
            eventType=event_v2.RunState[said["eventType"]],
            run=event_v2.Run(runId=said["run"]["runId"], facets=made(said["run"]["facets"])),
            job=event_v2.Job(
                namespace=said["job"]["namespace"],
                name=said["job"]["name"],
                facets=made(said["job"]["facets"]),
            ),
            inputs=[dataset(event_v2.InputDataset, one) for one in said["inputs"]],
            outputs=[dataset(event_v2.OutputDataset, one) for one in said["outputs"]],
        )
        found.append(Serde.to_dict(event))
    return found


if __name__ == "__main__":
    read = {"croissant": read_croissant, "openlineage": read_openlineage}[sys.argv[1]]
    print(json.dumps(read(sys.argv[2])))
