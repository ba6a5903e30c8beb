"""Whose rows these are: how many rows an identity has, and which columns speak of the same one.

The rows of a request are cut into runs as long as identities had rows in the source, and the runs
are shuffled. A run's number is that of its first row, so identities of different requests and
shards never meet, and nothing has to be remembered between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage_generators.tabular.codec.column import count_values
from mintage_generators.tabular.codec.made import Owners, RowRange

MAX_LENGTHS = 256
"""Different numbers of rows per identity that are kept, at most."""

_STREAM = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Identities of `lengths[i]` rows are `weights[i]` of all; int64 ascending, and int64 counts.

    A subject with a `leader` takes its identities from those of that earlier subject: the same one
    in a share `same` of the rows, and another row's in the rest. `leader` is -1 without one.
    """

    lengths: np.ndarray
    weights: np.ndarray
    leader: int = -1
    same: float = 0.0


def learn_lengths(array: pa.Array, min_support: int) -> tuple[np.ndarray, np.ndarray]:
    """How many rows identities have, and how many identities have so many; both int64.

    A number of rows that fewer than `min_support` identities have is averaged with its neighbours
    until as many stand behind it.
    """
    _, counts = count_values(pa.chunked_array([array.drop_null()]))
    counts = np.sort(counts)
    if len(counts) < min_support:
        return np.ones(1, np.int64), np.ones(1, np.int64)
    lengths, weights = np.unique(counts, return_counts=True)
    kept = weights >= min_support
    rare = np.sort(np.repeat(lengths[~kept], weights[~kept]))
    groups = min(MAX_LENGTHS // 2, len(rare) // min_support)
    found = dict(zip(lengths[kept].tolist(), weights[kept].tolist(), strict=True))
    if groups:
        for part in np.array_split(rare, groups):
            mean = max(1, int(np.rint(part.mean())))
            found[mean] = found.get(mean, 0) + len(part)
    ordered = sorted(found.items(), key=lambda pair: -pair[1])[:MAX_LENGTHS]
    pairs = np.array(sorted(ordered), np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def identities(subjects: tuple[Subject, ...], rows: RowRange) -> list[np.ndarray]:
    """The number of each row's identity for every subject, uint64, shape (count,) each."""
    found: list[np.ndarray] = []
    spaces = np.uint64(len(subjects))
    for index, subject in enumerate(subjects):
        # Below the stages of a run's own streams lies nothing else with this key.
        key = np.random.SeedSequence(rows.seed, spawn_key=(_STREAM, index, rows.first))
        rng = np.random.Generator(np.random.Philox(key))
        if subject.leader < 0:
            runs = _runs(subject, rows, rng)
            found.append(runs * spaces + np.uint64(index))
            continue
        led = found[subject.leader]
        same = rng.random(rows.count) < subject.same
        found.append(np.where(same, led, rng.permutation(led)))
    return found


def owners(subjects: tuple[Subject, ...], rows: RowRange) -> dict[int, Owners]:
    """The owners of the rows by subject; those of -1 are the rows themselves."""
    found = {-1: Owners.of(rows.numbers(), rows.seed)}
    for index, numbers in enumerate(identities(subjects, rows)):
        found[index] = Owners.of(numbers, rows.seed)
    return found


def shared_share(first: pa.Array, second: pa.Array, *, least: float = 0.5) -> float | None:
    """In which share of rows two columns hold the same identifier; None when they share few values.

    They share values when at least `least` of the distinct values of the one with fewer are in the other.
    """
    one, other = first.drop_null().unique(), second.drop_null().unique()
    if not len(one) or not len(other):
        return None
    small, large = (one, other) if len(one) <= len(other) else (other, one)
    if pc.mean(pc.is_in(small, value_set=large)).as_py() < least:
        return None
    equal = pc.equal(first, second).drop_null()
    return float(pc.mean(equal).as_py()) if len(equal) else 0.0


def _runs(subject: Subject, rows: RowRange, rng: np.random.Generator) -> np.ndarray:
    numbers = rows.numbers()
    if subject.lengths[-1] == 1:
        return numbers
    mean = np.average(subject.lengths, weights=subject.weights)
    shares = subject.weights / subject.weights.sum()
    ends = np.zeros(0, np.int64)
    while not len(ends) or ends[-1] < rows.count:
        drawn = rng.choice(subject.lengths, int(rows.count / mean * 1.2) + 8, p=shares)
        ends = np.concatenate([ends, (ends[-1] if len(ends) else 0) + np.cumsum(drawn)])
    starts = np.concatenate([[0], ends])[: np.searchsorted(ends, rows.count, side="left") + 1]
    run = np.searchsorted(starts, np.arange(rows.count), side="right") - 1
    return np.asarray(rng.permutation(numbers[starts[run]]))
