"""`mintage.verify`: whether a data set is what its signer said, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import pyarrow as pa

from mintage.contracts import Connector, TableSchema
from mintage.engine.bench import read_sink
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
    return verify_dataset(store, trusted_keys(keys), open_part=_PartReader(store))


class _PartReader:
    """Decodes parts with the connector that the plan names, found among those installed here.

    Parts are decoded after the plan's digest was checked; the schema is the one that was signed.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._sink: Connector | None = None
        self._lock = Lock()

    def __call__(self, table: TableSchema, stream: BinaryIO) -> Iterator[pa.RecordBatch]:
        with self._lock:
            self._sink = self._sink or read_sink(self._store)
        return self._sink.scan_part(stream, table.arrow())


def trusted_keys(keys: Sequence[Path | str] | None) -> list[PublicKey]:
    """The public keys in files; without any, that of the local identity.

    Raises `ProvenanceError` when there is none.
    """
    if keys:
        return [PublicKey.load(key) for key in keys]
    own = Path(f"{Settings.read().identity}.pub")
    if not own.exists():
        raise ProvenanceError(
            "there is no key to check the signature with: this machine has no identity of its own",
            "give the signer's public key with --key",
        )
    return [PublicKey.load(own)]
