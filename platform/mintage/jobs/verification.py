"""`mintage.verify`: whether a data set is what its signer said, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import pyarrow as pa

from mintage.contracts import Connector, TableSchema
from mintage.errors import ProvenanceError, SpecError
from mintage.jobs.calls import observed_call
from mintage.provenance.heads import find_head, read_statement
from mintage.provenance.policy import Policy
from mintage.provenance.proofs import MAX_PROOF_BYTES, make_proof, verify_proof
from mintage.provenance.scope import Scope
from mintage.provenance.signing import PublicKey
from mintage.provenance.verify import VerifyReport, verify_dataset
from mintage.settings import Settings
from mintage.spec import read_values
from mintage.store import ObjectStore

_MIN_THREADS = 4
"""Parts are read at the same time even on one core: a store that is far away answers slowly."""


def verify(
    uri: str,
    *,
    keys: Sequence[Path | str] | None = None,
    policy: Path | str | None = None,
    rows: bool = False,
    scope: Scope | None = None,
    version: int | None = None,
    storage: Mapping[str, object] | None = None,
) -> VerifyReport:
    """Check the data set at `uri`: signatures, policy, tree, and every byte; with `rows`, every row too.

    `policy` is a file that says whom to trust with what; `keys` are files with public keys, any of which
    may have signed. Without either it is the local identity's key. `version` is the number of an older
    version; `scope` asks for some shards only, and may name the version too. By default all of the newest
    version is checked.

    Nothing of the data set is parsed before its signature holds. Raises `SpecError` for a policy or
    scope that is wrong, and `ProvenanceError` when there is no key to check with; everything that is
    wrong with the data set is in the report.
    """
    store = ObjectStore.open(uri, options=storage)
    scope = scope or Scope()
    if version is not None:
        scope = replace(scope, version=version)
    with observed_call("verify", {}):
        return verify_dataset(
            store,
            trusted_policy(keys, policy),
            scope=scope,
            open_part=_PartReader(store, scope.version) if rows else None,
            workers=max(_MIN_THREADS, Settings.read().cpus),
        )


def verify_part(
    uri: str,
    proof: Path | str,
    *,
    keys: Sequence[Path | str] | None = None,
    policy: Path | str | None = None,
    storage: Mapping[str, object] | None = None,
) -> VerifyReport:
    """Check one part by a proof file that `prove` wrote; the data set itself is not needed.

    `keys` and `policy` are as for `verify`. Raises `SpecError` when the proof file cannot be read.
    """
    folder, _, name = uri.rpartition("/")
    if not name:
        raise SpecError(f"{uri!r} names no file", "name the part that is to be checked")
    store = ObjectStore.open(folder or ("/" if uri.startswith("/") else "."), options=storage)
    return verify_proof(_read_proof(Path(proof)), store, name, trusted_policy(keys, policy))


def prove(
    uri: str, shard: int, *, version: int | None = None, storage: Mapping[str, object] | None = None
) -> bytes:
    """A proof file: what shows, to whoever has the public key, that a shard's parts were signed.

    Its bytes are JSON, for `verify_part`. Raises `ProvenanceError` when the version, the newest by
    default, has no such shard or is not whole.
    """
    return make_proof(ObjectStore.open(uri, options=storage), shard, version=version)


def _read_proof(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PROOF_BYTES + 1)
    except OSError as exc:
        raise SpecError(
            f"the proof file {path} cannot be read: {exc.strerror or exc}", "`mintage prove` writes one"
        ) from exc


def trusted_policy(keys: Sequence[Path | str] | None, policy: Path | str | None) -> Policy:
    """The policy in a file, or that any of the keys in files may sign; the local identity's key by default.

    Raises `SpecError` for a policy that is wrong, or given besides keys, and `ProvenanceError` when there
    is no key.
    """
    if policy is None:
        return Policy.trusting(trusted_keys(keys))
    if keys:
        raise SpecError("--key does not go with --policy", "name the key in the policy file")
    return read_policy(Path(policy))


def read_policy(path: Path) -> Policy:
    """The policy in a YAML or JSON file; the key files that it names are found beside it.

    Raises `SpecError` that says what is wrong.
    """
    values = read_values(path, "policy")
    try:
        return Policy.of(values, load_key=lambda name: PublicKey.load(path.parent / name))
    except SpecError as exc:
        raise SpecError(f"{path}: {exc.message}", exc.hint) from exc


class _PartReader:
    """Decodes parts with the connector that the plan names, found among those installed here.

    Parts are decoded after the plan's digest was checked; the schema is the one that was signed. All
    segments of a version have parts of one layout.
    """

    def __init__(self, store: ObjectStore, version: int | None) -> None:
        self._store = store
        self._version = version
        self._sink: Connector | None = None
        self._lock = Lock()

    def __call__(self, table: TableSchema, stream: BinaryIO) -> Iterator[pa.RecordBatch]:
        with self._lock:
            self._sink = self._sink or self._find()
        return self._sink.scan_part(stream, table.arrow())

    def _find(self) -> Connector:
        # Imported here, because the engine takes longer to load than a shard to verify.
        from mintage.engine.bench import read_sink

        head = find_head(self._store, self._version)
        if head is None:
            raise ProvenanceError(f"{self._store.uri} has no head any more", "verify it again")
        return read_sink(self._store, read_statement(self._store, head, None).segments.newest.first)


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
