"""The state of a fit that is under way, kept beside the data set until there is a model."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from mintage.engine import layout
from mintage.errors import ObjectMissingError, ProvenanceError
from mintage.provenance.canonical import canonical_json, parse_json
from mintage.provenance.digests import sha256_hex
from mintage.store import ObjectStore

FORMAT = "mintage-checkpoint/1"
MAX_RECORD_BYTES = 2**20
MAX_FILE_BYTES = 5 * 2**30
_TRIES = 5
"""How often a checkpoint is looked for that another process replaces at that moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoints:
    """Checkpoints of the fit called `fit_id`: files first, then a record that names them with digests.

    A process that dies between the two leaves files that no record names. Only the newest is kept.
    """

    store: ObjectStore
    fit_id: str
    every_seconds: float | None

    def load(self) -> Mapping[str, bytes] | None:
        """The files of the newest checkpoint, each of which has its digest; None when there is none.

        Raises `ProvenanceError` when a file was altered.
        """
        for attempt in range(_TRIES):
            records = self._records()
            if not records:
                return None
            try:
                return self._read(records[-1])
            except ObjectMissingError:
                # A process that is about to end has just put a newer one in its place.
                if attempt + 1 == _TRIES:
                    raise
        return None

    def save(self, files: Mapping[str, bytes]) -> None:
        """Keep these files, then remove what came before."""
        before = self._records()
        number = int(_name(before[-1]).split("-")[0]) + 1 if before else 1
        name = f"{number:08d}-{secrets.token_hex(4)}"
        for file, data in files.items():
            self.store.create(f"{self._folder}{name}/{file}", data)
        digests = {file: sha256_hex(data) for file, data in files.items()}
        record = {"format": FORMAT, "fit_id": self.fit_id, "files": digests}
        self.store.create(f"{self._folder}{name}.json", canonical_json(record))
        for path in before:
            self._remove(path)

    def clear(self) -> None:
        """Remove all of them: there is a model now."""
        for info in self.store.list(self._folder):
            self.store.discard(info.path)

    @property
    def _folder(self) -> str:
        return f"{layout.CHECKPOINTS}{self.fit_id[:16]}/"

    def _records(self) -> list[str]:
        found = [info.path for info in self.store.list(self._folder)]
        return [path for path in found if "/" not in path.removeprefix(self._folder)]

    def _read(self, path: str) -> dict[str, bytes]:
        value = parse_json(self.store.read(path, max_bytes=MAX_RECORD_BYTES), max_bytes=MAX_RECORD_BYTES)
        if not isinstance(value, dict) or value.get("format") != FORMAT or value["fit_id"] != self.fit_id:
            raise ProvenanceError(f"{path} is no {FORMAT} of this fit", _HINT)
        files = {}
        for file, digest in value["files"].items():
            place = f"{path.removesuffix('.json')}/{file}"
            files[file] = self.store.read(place, max_bytes=MAX_FILE_BYTES)
            if sha256_hex(files[file]) != digest:
                raise ProvenanceError(f"{place} does not have the digest sha256:{digest}", _HINT)
        return files

    def _remove(self, record: str) -> None:
        """The record first, so that none names files that are gone."""
        self.store.discard(record)
        for info in self.store.list(record.removesuffix(".json")):
            self.store.discard(info.path)


_HINT = f"remove the folder {layout.CHECKPOINTS} to start the fit again from its beginning"


def _name(record: str) -> str:
    return record.rsplit("/", 1)[-1].removesuffix(".json")
