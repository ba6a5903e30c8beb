"""How a spec travels with its job: as text in one environment variable of the process that runs it."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterator, Mapping

from mintage._version import __version__
from mintage.errors import SpecError
from mintage.spec import IN_MEMORY, JobSpec, SourceSpec

VARIABLE = "MINTAGE_SPEC"

MAX_PACKED = 96 * 1024
"""Characters of the variable: Linux carries 128 KiB in one, and Ray puts JSON around it."""

_MAX_BYTES = 8 * 1024 * 1024
_MEMORY = ("frame:", "memory:")
_SCHEME = re.compile(r"(?!file:[^/])[a-z][a-z0-9+.-]*:")


def pack_spec(spec: JobSpec) -> str:
    """A spec as text for the variable, with the version of who wrote it.

    Raises `SpecError` when it is too large to travel.
    """
    values = {"version": __version__, "spec": spec.to_json()}
    packed = base64.b64encode(zlib.compress(json.dumps(values).encode("utf-8"), 9)).decode("ascii")
    if len(packed) > MAX_PACKED:
        raise SpecError(
            f"the spec is too large to travel with a job: {len(packed):,} characters when packed, at most "
            f"{MAX_PACKED:,}",
            "a spec names data, it holds none: put long lists of values into a file that an operator reads",
        )
    return packed


def unpack_spec(packed: str) -> JobSpec:
    """The spec in the variable. Raises `SpecError`, with both versions when its writer had another one."""
    try:
        reader = zlib.decompressobj()
        text = reader.decompress(base64.b64decode(packed, validate=True), _MAX_BYTES)
        values = json.loads(text)
        version, spec = str(values["version"]), values["spec"]
    except (binascii.Error, zlib.error, ValueError, RecursionError, KeyError, TypeError) as exc:
        raise SpecError(
            f"{VARIABLE} holds no spec: {type(exc).__name__}: {exc}",
            "jobs are submitted by mintage.Client or `mintage submit`",
        ) from exc
    try:
        return JobSpec.model_validate(spec)
    except SpecError as exc:
        if version == __version__:
            raise
        raise SpecError(
            f"{exc.message}\n  the spec was submitted by Mintage {version}, here is {__version__}",
            f"install Mintage {version} on the cluster, or submit with {__version__}. {exc.hint}".rstrip(),
        ) from exc


def check_travels(spec: JobSpec, address: str) -> None:
    """Raise `SpecError` for places that another machine would look for in vain."""
    problems = [
        f"{key}: {place!r} {why}" for key, place in _places(spec) if (why := _why_it_stays(place)) is not None
    ]
    if _hands_over_tables(spec.source):
        problems.append(f"source.kind: {IN_MEMORY!r} is a table in this process")
    if problems:
        raise SpecError(
            f"the job goes to {address}, where these places are not: " + "; ".join(problems),
            "name them by s3:// or another remote URI, or by an absolute path that all machines share",
        )


def _why_it_stays(place: str) -> str | None:
    if place.startswith(_MEMORY):
        return "is memory of this process"
    if _SCHEME.match(place) is None and not place.startswith("/"):
        return "is relative to a folder of this machine"
    return None


def _hands_over_tables(source: SourceSpec | None) -> bool:
    if source is None:
        return False
    return IN_MEMORY in {source.kind, *(table.kind for table in source.tables.values())}


def _places(spec: JobSpec) -> Iterator[tuple[str, str]]:
    """Each place that the spec names, with its key."""
    named = spec.to_json()
    yield from _uris(named.get("source"), "source")
    yield from _uris(named.get("model"), "model")
    yield from _uris(named.get("evaluation"), "evaluation")
    yield "sink.uri", spec.sink.uri
    yield from ((f"sink.trust[{index}]", key) for index, key in enumerate(spec.sink.trust))
    yield from ((f"signing.keys[{index}]", key) for index, key in enumerate(spec.signing.keys))
    if spec.signing.key is not None:
        yield "signing.key", spec.signing.key
    if (lineage := spec.telemetry.openlineage) is not None:
        yield "telemetry.openlineage.to", lineage.to


def _uris(value: object, path: str) -> Iterator[tuple[str, str]]:
    """The places in a source or model, however its tables are nested."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in {"uri", "attestation"} and isinstance(inner, str):
                yield f"{path}.{key}", inner
            elif key not in {"options", "storage", "columns"}:
                yield from _uris(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _uris(inner, f"{path}[{index}]")
