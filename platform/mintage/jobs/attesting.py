"""`mintage.attest`: somebody who may say so declares a source to be real, and signs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from mintage.contracts import TableReader, type_name
from mintage.errors import ObjectExistsError, SourceError, SpecError
from mintage.jobs.datasets import find_dataset
from mintage.jobs.signers import open_key
from mintage.jobs.source_attestations import Place, place_at, place_beside
from mintage.jobs.sources import make_connector, open_reader
from mintage.plugins import connector
from mintage.provenance.digests import digest_of
from mintage.provenance.source_statement import RealSource, SourceColumn
from mintage.settings import Settings
from mintage.spec import IN_MEMORY, SourceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """A declaration that was signed and kept."""

    source: RealSource
    uri: str
    """Where it lies."""
    statement: str
    """Digest of the signed payload: what data sets that learn from the source name as their parent."""
    keyid: str

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "attestation": self.uri,
            "statement": self.statement,
            "digest": self.source.digest,
            "rows": self.source.rows,
            "key_id": self.keyid,
        }


def attest(
    source: object,
    *,
    key: Path | str | None = None,
    name: str | None = None,
    owner: str | None = None,
    license: str | None = None,
    note: str | None = None,
    out: Path | str | None = None,
    kind: str | None = None,
    storage: Mapping[str, object] | None = None,
) -> Attested:
    """Declare that a table is real, and sign that with `key` (the local identity's by default).

    `source` is a path or URI of a file, a folder or a pattern; or a pandas, polars or Arrow table, and
    then `out` says where the attestation is written. By default it lies beside the file, or inside the
    folder, where jobs look for it. It is never overwritten.

    Raises `SourceError` for what says of itself that it is synthetic, and for a table without rows;
    `ObjectExistsError` when an attestation is there already.
    """
    settings = Settings.read()
    signer = open_key(key, settings)
    place = _place(source, out, storage)
    if place.store.exists(place.path):
        raise ObjectExistsError(
            f"{place.uri} is there already, and is never overwritten",
            "write to another file with --out, or remove the old one when the source has changed",
        )
    if isinstance(source, str | Path) and find_dataset(str(source), storage) is not None:
        raise _synthetic(source, "a data set that Mintage made")
    reader = _open(source, kind, storage)
    _refuse_synthetic(source, reader)
    declared = _declare(source, reader, {"name": name, "owner": owner, "license": license, "note": note})
    payload = declared.to_payload()
    place.store.create(place.path, signer.sign(payload) + b"\n")
    return Attested(source=declared, uri=place.uri, statement=digest_of(payload), keyid=signer.keyid)


def _place(source: object, out: Path | str | None, storage: Mapping[str, object] | None) -> Place:
    if out is not None:
        place = place_at(str(out), storage if "://" in str(out) else None)
        if place is None:
            raise SpecError(f"out: {str(out)!r} names no file", "name the file to write")
        return place
    if not isinstance(source, str | Path):
        raise SpecError("out: is missing, and a table in memory lies nowhere", "name the file to write")
    return place_beside(str(source), storage)


def _open(source: object, kind: str | None, storage: Mapping[str, object] | None) -> TableReader:
    if not isinstance(source, str | Path):
        return make_connector(connector(IN_MEMORY), {}, "source").read(source)
    # Refuses credentials before anything is read.
    SourceSpec(uri=str(source))
    options = {"storage": dict(storage)} if storage else {}
    return open_reader(str(source), kind=kind, options=options)


def _refuse_synthetic(source: object, reader: TableReader) -> None:
    for mark in reader.marks():
        if "synthetic" in mark:
            raise _synthetic(source, f"synthetic, of generation {mark.get('generation', 'unknown')[:40]}")


def _synthetic(source: object, what: str) -> SourceError:
    return SourceError(
        f"{_title(source)} says of itself that it is {what}",
        "only real rows are attested as real; name the data set itself as the source of a job",
    )


def _declare(source: object, reader: TableReader, said: Mapping[str, str | None]) -> RealSource:
    rows = sum(batch.num_rows for batch in reader.scan(reader.schema.names[:1]))
    if not rows:
        raise SourceError(f"{_title(source)} has no rows", "there is nothing to attest")
    try:
        return RealSource(
            **{**said, "name": said["name"] or _title(source)},  # type: ignore[arg-type]  # checked by pydantic
            digest=reader.digest(),
            rows=rows,
            columns=tuple(
                SourceColumn(name=field.name, type=type_name(field.type)) for field in reader.schema
            ),
            declared=datetime.now(UTC).isoformat(timespec="seconds"),
        )
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        raise SpecError(
            f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}", "say it in other words"
        ) from exc


def _title(source: object) -> str:
    """The last step of a location, which is no place of this machine; or what a frame is."""
    if isinstance(source, str | Path):
        return str(source).rstrip("/").rpartition("/")[2][:1000] or "source"
    return "table in memory"
