"""Accuracy as MOSTLY AI's quality report defines it.

It is 1 - the mean total variation distance over single columns, pairs and triples, each cut at the real
table's deciles or in its ten most frequent levels and the others; missing values have a bin of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from mintage.evaluation.coding import BINS, TOP_LEVELS, Coding
from mintage.evaluation.results import Accuracy
from mintage.evaluation.tables import Floats
from mintage.evaluation.trend import PairScores

_CODES = max(BINS, TOP_LEVELS) + 2
_FEWEST_TRIPLES, _MOST_TRIPLES = 100, 2000
_COUNTED = 30_000_000
"""Rows times triples that are counted per table, between the fewest and the most triples."""
_BLOCK = 2**14


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracies:
    """Accuracy of each table that is compared with the real one, and how many triples were looked at."""

    found: tuple[Accuracy, ...]
    triples: int
    all_triples: int


def measure_accuracy(
    codings: Sequence[Coding], names: Sequence[str], pairs: PairScores, seed: int
) -> Accuracies:
    """Measure all columns and pairs, and all triples or, when these are many, a sample drawn by `seed`."""
    single = np.array([_similarities(_marginals(coding)) for coding in codings]).mean(axis=0)
    triples = _choose_triples(codings, names, seed)
    threes = _score_triples(codings, triples)
    upper = np.triu_indices(len(codings), 1)
    found = tuple(
        Accuracy(
            univariate=float(single[number]),
            bivariate=float(pairs.accuracy[number][upper].mean()) if len(upper[0]) else None,
            trivariate=float(threes[number]) if len(triples) else None,
        )
        for number in range(len(single))
    )
    return Accuracies(found=found, triples=len(triples), all_triples=comb(len(codings), 3))


def _marginals(coding: Coding) -> Floats:
    counts = [table.counts("accuracy", coding.sizes["accuracy"]) for table in coding.tables]
    return np.array([table / table.sum() for table in counts])


def _similarities(shares: Floats) -> Floats:
    found: Floats = np.maximum(0, 1 - np.abs(shares[1:] - shares[0]).sum(axis=1) / 2)
    return found


def _choose_triples(codings: Sequence[Coding], names: Sequence[str], seed: int) -> npt.NDArray[np.int64]:
    """Positions of three columns each; the choice does not depend on the order of the columns."""
    size = len(codings)
    rows = max(len(table.codes) for table in codings[0].tables)
    wanted = min(max(_FEWEST_TRIPLES, _COUNTED // rows), _MOST_TRIPLES)
    by_name = np.array(sorted(range(size), key=lambda number: names[number]), dtype=np.int64)
    if comb(size, 3) <= wanted:
        every = np.array(list(combinations(range(size), 3)), dtype=np.int64).reshape(-1, 3)
        return by_name[every]
    generator = np.random.default_rng(np.random.SeedSequence(seed))
    drawn = np.sort(generator.integers(0, size, (8 * wanted + 100, 3)), axis=1)
    apart = drawn[(drawn[:, 0] < drawn[:, 1]) & (drawn[:, 1] < drawn[:, 2])]
    _, first = np.unique(apart, axis=0, return_index=True)
    return by_name[apart[np.sort(first)[:wanted]]]


def _score_triples(codings: Sequence[Coding], triples: npt.NDArray[np.int64]) -> Floats:
    """Mean similarity over the triples, of each table with the first."""
    if not len(triples):
        return np.zeros(0)
    shares = [_share_of_triples(table, triples) for table in _stacks(codings)]
    scores = [_similarities(np.stack(of_triple)) for of_triple in zip(*shares, strict=True)]
    mean: Floats = np.mean(scores, axis=0)
    return mean


def _stacks(codings: Sequence[Coding]) -> Iterator[npt.NDArray[np.uint8]]:
    """The codes of each table's columns: columns x rows."""
    for number in range(len(codings[0].tables)):
        tables = [coding.tables[number] for coding in codings]
        yield np.stack([table.views["accuracy"].astype(np.uint8)[table.codes] for table in tables])


def _share_of_triples(codes: npt.NDArray[np.uint8], triples: npt.NDArray[np.int64]) -> Floats:
    """Share of the rows in each cell of each triple's joint table; triples x cells."""
    counts = np.zeros((len(triples), _CODES**3), dtype=np.int64)
    for start in range(0, codes.shape[1], _BLOCK):
        third = codes[:, start : start + _BLOCK].astype(np.int64)
        second = third * _CODES
        first = second * _CODES
        for number, (left, middle, right) in enumerate(triples):
            counts[number] += np.bincount(first[left] + second[middle] + third[right], minlength=_CODES**3)
    share: Floats = counts / codes.shape[1]
    return share
