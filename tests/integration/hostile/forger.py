"""Doing harm to a data set as somebody would who may write to its folder, or even has the signer's key."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_from_raw, digest_of
from mintage.provenance.layout import commit_path, head_path, records_path, statements_path, version_path
from mintage.provenance.merkle import MerkleTree, Tile, leaf_hash
from mintage.provenance.signing import Signer

Change = Callable[[dict[str, Any]], object]


@dataclass(frozen=True, kw_only=True)
class Forger:
    """Changes version 1 of the data set in a folder; `signer` is the stolen key."""

    folder: Path
    signer: Signer

    @property
    def statements(self) -> Path:
        """The file of envelopes."""
        return self.folder / statements_path(1)

    def envelopes(self) -> list[dict[str, Any]]:
        """The envelopes of the version; the first is about the data set."""
        return [json.loads(line) for line in self.statements.read_bytes().splitlines()]

    def write_envelopes(self, envelopes: Iterable[dict[str, Any]]) -> None:
        """Put others in their place."""
        self.statements.write_bytes(b"".join(canonical_json(one) + b"\n" for one in envelopes))

    def change_envelope(self, change: Change) -> None:
        """Change the first envelope, without signing it again."""
        first, *others = self.envelopes()
        change(first)
        self.write_envelopes([first, *others])

    def change_statement(self, change: Change) -> None:
        """Change what the first envelope says, sign it with the stolen key, and make the head fit."""
        first, *others = self.envelopes()
        value = json.loads(base64.b64decode(first["payload"]))
        change(value)
        payload = canonical_json(value)
        self.write_envelopes([json.loads(self.signer.sign(payload)), *others])
        self.change_head(
            statement=digest_of(payload),
            size=value["predicate"]["tree"]["size"],
            root=value["predicate"]["tree"]["root"],
        )

    def change_head(self, **changes: object) -> None:
        """Change what the head says."""
        head = json.loads((self.folder / head_path(1)).read_bytes()) | changes
        (self.folder / head_path(1)).write_bytes(canonical_json(head))

    def change_commit(self, shard: int, change: Change) -> None:
        """Change what the commit of a shard says."""
        path = self.folder / commit_path(shard)
        value = json.loads(path.read_bytes())
        change(value)
        path.write_bytes(canonical_json(value))

    def change_records(self, change: Callable[[list[dict[str, Any]]], object]) -> None:
        """Change the shard records, write the tree anew, and sign it with the stolen key."""
        path = self.folder / records_path(1, 0)
        records = [json.loads(line) for line in path.read_bytes().splitlines()]
        change(records)
        lines = [canonical_json(record) for record in records]
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        tree = MerkleTree(self._write_tile)
        for line in lines:
            tree.append(leaf_hash(line))
        tree.finish()
        root = digest_from_raw(tree.root())

        def rooted(value: dict[str, Any]) -> None:
            value["subject"][0]["digest"]["sha256"] = root.removeprefix("sha256:")
            value["predicate"]["tree"] |= {"size": str(tree.size), "root": root}

        self.change_statement(rooted)

    def _write_tile(self, tile: Tile) -> None:
        path = self.folder / version_path(1) / tile.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tile.hashes)
