"""croissant.json: the data set in Croissant 1.1 (JSON-LD), with the fields for responsible AI.

See https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html and, for `rai:`,
https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html. Paths are relative to the data set's
folder: a copy of the file there lets any reader of Croissant load the rows. What was not said in the
datasheet (licence, creators, URL) is left out, although Croissant wants it: it is not ours to make up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from glob import escape

from mintage.jobs.interchange import sentences
from mintage.jobs.interchange.croissant_fields import record_set, reference
from mintage.jobs.interchange.described import MAX_LISTED, Described, short
from mintage.provenance.attachments import Attached
from mintage.provenance.layout import DATA, attachment_path, checksums_path
from mintage.spec import CreatorSpec

CROISSANT = "croissant.json"

_FORMATS = {
    "parquet": "application/x-parquet",
    "csv": "text/csv",
    "jsonl": "application/jsonlines",
    "ipc": "application/vnd.apache.arrow.file",
}
_CROISSANT_TERMS = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "excludes", "extract", "field",
    "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath",
    "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace",
    "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
_CONTEXT: dict[str, object] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{term: f"cr:{term}" for term in _CROISSANT_TERMS},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}


def render_croissant(version: Described, prov: Mapping[str, object] | None = None) -> bytes:
    """The file, UTF-8; the same version always gives the same bytes. `prov` has keys in `prov:`."""
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        **_general(version),
        **_responsible(version),
        **(prov or {}),
        "distribution": [*_files(version), *(_file_set(version, table) for table in version.schema.names)],
        "recordSet": [
            record_set(table, version.schema, _set_id(table.name)) for table in version.schema.tables
        ],
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1).encode("utf-8") + b"\n"


def _general(version: Described) -> dict[str, object]:
    """What schema.org has words for."""
    sheet = version.datasheet
    told = {
        "name": version.title,
        "description": sheet.description or f"{sentences.what(version)} {sentences.how(version)}",
        "license": sheet.license,
        "url": sheet.url,
        "creator": [_agent(one) for one in sheet.creators],
        "publisher": _agent(sheet.publisher) if sheet.publisher else None,
        "citeAs": sheet.citation,
        "keywords": [*sheet.keywords, "synthetic data"],
        "version": f"{version.version}.0.0",
        "dateCreated": version.made,
        "datePublished": sheet.published or version.made,
        "isLiveDataset": False,
        "identifier": f"urn:mintage:root:{short(version.folded.root)}",
    }
    return {key: value for key, value in told.items() if value not in (None, [])}


def _responsible(version: Described) -> dict[str, object]:
    """The fields for responsible AI."""
    sheet = version.datasheet
    personal = [sheet.personal_information] if sheet.personal_information else []
    told = {
        "rai:dataCollection": sentences.how(version),
        "rai:dataCollectionType": ["Synthetic data", "Others"],
        "rai:dataPreprocessingProtocol": [sentences.rejected(version)],
        "rai:dataUseCases": list(sheet.intended_use),
        "rai:dataLimitations": sentences.limit_sentences(version),
        "rai:dataBiases": sentences.bias_sentences(version),
        "rai:personalSensitiveInformation": [*personal, *sentences.privacy_sentences(version)],
        "rai:dataReleaseMaintenancePlan": sheet.maintenance,
    }
    return {key: value for key, value in told.items() if value not in (None, [])}


def _agent(who: CreatorSpec) -> dict[str, object]:
    agent: dict[str, object] = {"@type": f"sc:{who.kind.title()}", "name": who.name}
    return agent | ({"url": who.url} if who.url else {})


def _files(version: Described) -> list[dict[str, object]]:
    """The single files that are signed: plan, checksums, report."""
    number = version.version
    files = [_file(checksums_path(number), "text/plain", version.listing.file, "Checksums of all parts.")]
    files += [
        _file(attachment_path(number, name), _media_type(name), file, "What was measured of the rows.")
        for name, file in sorted(version.attached.items())
    ]
    plan: dict[str, object] = {
        "@type": "cr:FileObject",
        "@id": version.plan_path,
        "name": version.plan_path.rpartition("/")[2],
        "description": "What the shards were made from.",
        "contentUrl": version.plan_path,
        "encodingFormat": "application/json",
        "sha256": short(version.plan_digest),
    }
    return [*files, plan]


def _file(path: str, media_type: str, file: Attached, description: str) -> dict[str, object]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path.rpartition("/")[2],
        "description": description,
        "contentUrl": path,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": media_type,
        "sha256": file.sha256,
    }


def _media_type(name: str) -> str:
    return {"json": "application/json", "html": "text/html"}.get(name.rpartition(".")[2], "text/plain")


def _file_set(version: Described, table: str) -> dict[str, object]:
    """The parts of a table: one by one, or by a pattern when they are many."""
    listing, number = version.listing, version.version
    parts = [escape(path) for path in listing.parts[table]]
    abandoned = [escape(path) for path in version.folded.abandoned if path.startswith(f"{DATA}{table}/")]
    many = listing.counts[table] > MAX_LISTED
    return {
        "@type": "cr:FileSet",
        "@id": _set_id(table),
        "name": f"{table}: parts",
        "description": (
            f"{listing.counts[table]} parts; their names and SHA-256 are in {checksums_path(number)}."
        ),
        "encodingFormat": _FORMATS.get(version.connector, "application/octet-stream"),
        "includes": f"{DATA}{escape(table)}/part-*" if many else parts,
        **({"excludes": abandoned[:MAX_LISTED]} if many and abandoned else {}),
    }


def _set_id(table: str) -> str:
    return f"parts/{reference(table)}"
