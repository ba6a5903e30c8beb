"""Sets of row hashes: frozen ones that `prepare` leaves behind, and growing ones that a shard keeps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mintage.errors import ProvenanceError, SpecError
from mintage.operators.row_hash import Words

MAX_HASHES = 2**27
"""Hashes that a prepared set holds at most: 1 GiB."""

_MAGIC = b"mintage-row-hashes/1\n"


def collect(chunks: Iterable[Words], rule: str, limit: int = MAX_HASHES) -> bytes:
    """The distinct hashes of all chunks, sorted, as bytes.

    Raises `SpecError` when there are more than `limit`.
    """
    grown = GrowingSet()
    for chunk in chunks:
        grown.add(chunk[~grown.contains(chunk)])
        if len(grown) > limit:
            raise SpecError(
                f"{rule}: the source has more than {limit:,} distinct values to remember",
                "name fewer columns, or leave the rule out",
            )
    return _MAGIC + grown.sorted().astype("<u8").tobytes()


def restore(data: bytes, rule: str) -> Words:
    """The sorted hashes that `collect` left. Raises `ProvenanceError` for other bytes."""
    if not data.startswith(_MAGIC) or (len(data) - len(_MAGIC)) % 8:
        raise ProvenanceError(
            f"what {rule} prepared is damaged: {len(data)} bytes that are no set of row hashes",
            "run the job again from its spec",
        )
    return np.frombuffer(data, dtype="<u8", offset=len(_MAGIC)).astype(np.uint64, copy=False)


def is_member(hashes: Words, members: Words) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of the hashes are among the sorted members."""
    if not members.size:
        return np.zeros(len(hashes), dtype=np.bool_)
    places = np.minimum(np.searchsorted(members, hashes), members.size - 1)
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = members[places] == hashes
    return found


class GrowingSet:
    """A set that is added to in bulk: sorted runs of doubling length, eight bytes for each hash.

    Each hash takes part in a logarithmic number of merges, and a look-up in as many searches.
    """

    def __init__(self) -> None:
        self._runs: list[Words] = []

    def __len__(self) -> int:
        return sum(run.size for run in self._runs)

    def contains(self, hashes: Words) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which of the hashes were added before."""
        found = np.zeros(len(hashes), dtype=np.bool_)
        for run in self._runs:
            found |= is_member(hashes, run)
        return found

    def add(self, hashes: Words) -> None:
        """Add hashes."""
        run = _distinct(np.sort(hashes))
        while self._runs and self._runs[-1].size <= 2 * run.size:
            # Merge sort of two sorted runs: numpy's stable sort finds them and takes linear time.
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if run.size:
            self._runs.append(run)

    def sorted(self) -> Words:
        """All hashes, sorted."""
        return _distinct(np.sort(np.concatenate([np.zeros(0, dtype=np.uint64), *self._runs])))


def _distinct(hashes: Words) -> Words:
    """Sorted hashes without repetitions; `np.unique` would hash them once more, which is slower."""
    if not hashes.size:
        return hashes
    distinct: Words = hashes[np.append([True], hashes[1:] != hashes[:-1])]
    return distinct
