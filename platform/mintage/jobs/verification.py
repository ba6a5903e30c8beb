"""`mintage.verify`: whether a data set is what its signer said, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import pyarrow as pa

from mintage.contracts import Connector, DatasetSchema
from mintage.engine.bench import read_plan, read_sink, stored_schema
from mintage.errors import ProvenanceError
from mintage.provenance.signing import PublicKey
from mintage.provenance.verify import VerifyReport, verify_dataset
from mintage.settings import Settings
from mintage.store import ObjectStore


def verify(
    uri: str, *, keys: Sequence[Path | str] | None = None, storage: Mapping[str, object] | None = None
) -> VerifyReport:
    """Check the newest version of the data set at `uri`: signature, tree, and every byte and row.

    `keys` are files with the public keys that are trusted; without them it is the local identity's.
    Nothing of the data set is parsed before its signature holds. Raises `ProvenanceError` when there
    is no key to check with; everything that is wrong with the data set is in the report.
    """
    store = ObjectStore.open(uri, options=storage)
    return verify_dataset(store, _trusted(keys), open_part=_PartReader(store))


class _PartReader:
    """Decodes parts with the connector of the plan, which is read once its digest has been checked."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._schema: DatasetSchema | None = None
        self._sink: Connector | None = None
        self._lock = Lock()

    def __call__(self, table: str, stream: BinaryIO) -> Iterator[pa.RecordBatch]:
        with self._lock:
            if self._sink is None or self._schema is None:
                plan = read_plan(self._store)
                if plan is None:
                    raise ProvenanceError(f"{self._store.uri} has no plan", "restore it from a copy")
                self._schema, self._sink = stored_schema(plan), read_sink(self._store)
        return self._sink.scan_part(stream, self._schema.table(table).arrow())


def _trusted(keys: Sequence[Path | str] | None) -> list[PublicKey]:
    if keys:
        return [PublicKey.load(key) for key in keys]
    own = Path(f"{Settings.read().identity}.pub")
    if not own.exists():
        raise ProvenanceError(
            "there is no key to check the signature with: this machine has no identity of its own",
            "give the signer's public key with --key",
        )
    return [PublicKey.load(own)]
