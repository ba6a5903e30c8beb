"""Finding one shard's record in a version, and showing that it is in the tree, by reading very little.

The tiles give the leaf hash and its proof against the signed root. The record is a line of a file of
thousands: its place is guessed from the file's size, and the line is known by its hash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from mintage.errors import ObjectMissingError, ProvenanceError
from mintage.provenance.digests import raw_digest
from mintage.provenance.layout import RECORDS_PER_FILE, records_path, version_path
from mintage.provenance.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    TileReader,
    inclusion_proof,
    leaf_hash,
    verify_inclusion,
)
from mintage.provenance.records import MAX_RECORD_BYTES, ShardRecord
from mintage.provenance.report import VerifyFailure
from mintage.provenance.statements import Statement
from mintage.store import ObjectStore

_MAX_GUESSES = 64
_MIN_WINDOW = 4096
_INDEX = re.compile(rb'"index":([0-9]{1,16})[,}]')


class Included(NamedTuple):
    """A record that is in the signed tree."""

    record: ShardRecord
    place: int
    proof: list[bytes]
    """Hashes of RFC 9162, from the leaf upwards."""


@dataclass(slots=True)
class Finder:
    """Finds records of one version by their places in its tree; reads each tile once."""

    store: ObjectStore
    statement: Statement
    _tiles: TileReader = field(init=False)

    def __post_init__(self) -> None:
        self._tiles = TileReader(self._fetch, self.statement.predicate.tree.size)

    def find(self, place: int) -> Included | VerifyFailure:
        """The record at that place of the tree, with its proof, or what is wrong."""
        try:
            leaf, proof = self._leaf(place), inclusion_proof(self._tiles, place)
        except ObjectMissingError as exc:
            return VerifyFailure(
                "missing-tile", self._tile_folder, f"a tile of the tree is missing: {exc.message}"
            )
        except ProvenanceError as exc:
            return VerifyFailure("changed-tile", self._tile_folder, exc.message)
        size = self.statement.predicate.tree.size
        if not verify_inclusion(leaf, place, size, proof, raw_digest(self.statement.root)):
            return VerifyFailure(
                "changed-tile",
                self._tile_folder,
                f"the tiles do not lead from leaf {place} to the signed root",
            )
        return self._record(place, leaf, proof)

    def _record(self, place: int, leaf: bytes, proof: list[bytes]) -> Included | VerifyFailure:
        path = records_path(self._version, place // RECORDS_PER_FILE)
        try:
            line = self._line(path, place, leaf)
            if line is None:
                return VerifyFailure(
                    "changed-records",
                    path,
                    f"the file does not hold the record that was signed as number {place}",
                )
        except ObjectMissingError:
            return VerifyFailure("missing-records", path, "a file of shard records is missing")
        try:
            record = ShardRecord.from_bytes(line)
        except ProvenanceError as exc:
            return VerifyFailure("bad-record", path, exc.message)
        if record.index != self._number(place):
            return VerifyFailure(
                "bad-record",
                path,
                f"the record of shard {record.index} stands in the place of {self._number(place)}",
            )
        return Included(record, place, proof)

    def _line(self, path: str, place: int, leaf: bytes) -> bytes | None:
        """The line with that leaf hash, by interpolation: lines are of about equal size, and in order."""
        first = place - place % RECORDS_PER_FILE
        lines = min(RECORDS_PER_FILE, self.statement.predicate.tree.size - first)
        size = self.store.size(path)
        mean = max(1, size // lines)
        low, high, window = 0, size, max(_MIN_WINDOW, 3 * mean)
        guess = (place - first) * mean - mean
        for _ in range(_MAX_GUESSES):
            start = max(low, min(guess, high - window), 0)
            end = min(high, start + window)
            found = _lines(
                self.store.read_range(path, start, end - start), start, first=start == low, last=end == high
            )
            for line in found:
                if leaf_hash(line.data) == leaf:
                    return line.data
            ahead, behind = self._steer(found, place)
            if ahead is None or behind is None:
                if start == low and end == high:
                    return None
                window *= 2  # not one whole line with a number that can be read: look at more
                guess = start
                if window > 4 * (MAX_RECORD_BYTES + 2):
                    return None
            elif behind > 0:
                high = found[0].start
                guess = high - behind * mean - mean
            elif ahead > 0:
                low = found[-1].start + len(found[-1].data) + 1
                guess = low + (ahead - 1) * mean - mean
            else:
                return None  # it would have to stand among these lines
            if low >= high:
                return None
        return None

    def _steer(self, found: list[_Line], place: int) -> tuple[int | None, int | None]:
        """How many lines the place is behind the last line found, and before the first: a mere hint."""
        if not found:
            return None, None
        number = self._number(place)
        first, last = _number_in(found[0].data), _number_in(found[-1].data)
        return (None if last is None else number - last), (None if first is None else first - number)

    def _leaf(self, place: int) -> bytes:
        return self._tiles.range_hash(place, place + 1)

    def _number(self, place: int) -> int:
        return self.statement.segments.shard_at(place)

    @property
    def _version(self) -> int:
        return self.statement.predicate.version

    @property
    def _tile_folder(self) -> str:
        return f"{version_path(self._version)}tile/"

    def _fetch(self, path: str) -> bytes:
        return self.store.read_range(version_path(self._version) + path, 0, TILE_WIDTH * HASH_BYTES + 1)


class _Line(NamedTuple):
    data: bytes
    start: int


def _lines(block: bytes, start: int, *, first: bool, last: bool) -> list[_Line]:
    """The whole lines of a block from byte `start` on; `first`, `last`: its ends are those of lines."""
    found = []
    at = 0 if first else block.find(b"\n") + 1
    if not first and at == 0:
        return []
    while (end := block.find(b"\n", at)) >= 0:
        found.append(_Line(block[at:end], start + at))
        at = end + 1
    if last and at < len(block):
        found.append(_Line(block[at:], start + at))
    return found


def _number_in(line: bytes) -> int | None:
    match = _INDEX.search(line, 0, 1024)
    return int(match[1]) if match else None
