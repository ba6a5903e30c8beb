"""Seeds: every stream of randomness is keyed by what it is for, never by who runs it.

A stream is `SeedSequence(root, spawn_key=(stage, …))` of numpy feeding Philox, a counter-based
generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). Adding numbers to
a seed (`seed + rank`) would make streams of neighbouring jobs overlap, so nothing here does.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

MAX_SEED = 2**64 - 1


class Stage(IntEnum):
    """What randomness is used for; part of the key, so the numbers are never reused."""

    FIT = 0
    SAMPLE = 1
    IMPUTE = 2
    EPOCH = 3


def sample_rng(seed: int, shard: int, batch: int) -> np.random.Generator:
    """The stream of one batch of one shard.

    >>> a, b = sample_rng(7, 3, 0), sample_rng(7, 3, 0)
    >>> bool((a.random(4) == b.random(4)).all())
    True
    """
    return _rng(seed, Stage.SAMPLE, shard, batch)


def impute_rng(seed: int, batch: int) -> np.random.Generator:
    """The stream of one batch of a table whose nulls are filled."""
    return _rng(seed, Stage.IMPUTE, batch)


def fit_rng(seed: int) -> np.random.Generator:
    """The stream of one fit."""
    return _rng(seed, Stage.FIT)


def _rng(seed: int, *key: int) -> np.random.Generator:
    sequence = np.random.SeedSequence(seed, spawn_key=tuple(int(part) for part in key))
    return np.random.Generator(np.random.Philox(sequence))
