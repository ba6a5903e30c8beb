"""Fair outcomes: the same rate of each outcome in every group of a protected column.

While a row is drawn, all other columns come first, as they were learned; then the probabilities of the
outcome are multiplied by a factor for the row's group and normalised. The factors are chosen after
training, on rows that the model itself draws, so that the mean probability of each outcome is the same
in all groups: the one it has over all rows learned from. So everything but the outcome keeps its
distribution, and within a group rows keep the order of their chances. TabularARGN (Tiwald et al., 2025)
goes the same way with targets for the mean; statistical parity is that of Dwork et al. (2012).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mintage.errors import SpecError
from mintage_generators.tabular.autoregressive.config import FairnessOptions
from mintage_generators.tabular.codec import Arrays, TableCodec, damaged

MAX_GROUPS = 50
MAX_OUTCOMES = 256
CALIBRATION_ROWS = 65_536
"""Rows drawn to choose the factors, shared out among the groups."""

_ROUNDS = 500
_CLOSE = 1e-6
_LARGEST = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Columns by number, and factors: float32 (tokens of the protected, tokens of the outcome)."""

    outcome: int
    protected: int
    factors: np.ndarray


def named_columns(codec: TableCodec, options: FairnessOptions) -> tuple[int, int]:
    """The outcome and the protected column by number; raises `SpecError` for what cannot be either."""
    index = {column.name: i for i, column in enumerate(codec.columns)}
    found = []
    for what, name, most in (
        ("outcome", options.outcome, MAX_OUTCOMES),
        ("protected", options.protected, MAX_GROUPS),
    ):
        if name not in index:
            raise SpecError(
                f"fairness.{what}: there is no column {name!r}",
                f"known columns: {', '.join(list(index)[:20])}",
            )
        column = codec.columns[index[name]]
        if not (column.exact and 2 <= column.tokens <= most):
            raise SpecError(
                f"fairness.{what}: column {name!r} has {column.tokens} values or ranges of them",
                f"name a column of 2 to {most} values; group its values before, such as ages by decade",
            )
        found.append(index[name])
    outcome, protected = found
    if outcome == protected:
        raise SpecError(f"fairness: {options.outcome!r} is outcome and protected at once", "name two columns")
    for function in codec.functions:
        if function.result == outcome:
            source = codec.columns[function.source].name
            raise SpecError(
                f"fairness.outcome: {options.outcome!r} is not drawn: it is a function of column {source!r}",
                f"leave {source!r} out of the source",
            )
    return outcome, protected


def read_parity(columns: tuple[int, int] | None, codec: TableCodec, arrays: Arrays) -> Parity | None:
    """The factors of a saved model; raises `FitError` when they do not fit its columns."""
    if columns is None:
        return None
    if not all(0 <= i < len(codec.columns) and codec.columns[i].exact for i in columns):
        raise damaged("its fairness is of columns that are not there")
    outcome, protected = columns
    shape = (codec.columns[protected].tokens, codec.columns[outcome].tokens)
    factors = arrays.get("parity.factors", np.float32, shape)
    if (
        not (np.isfinite(factors).all() and (factors > 0).all() and min(shape) > 1)
        or max(shape) > MAX_OUTCOMES
    ):
        raise damaged("its factors of fairness are out of range")
    return Parity(outcome=outcome, protected=protected, factors=factors)


def calibrate(
    codec: TableCodec, columns: tuple[int, int], shares: Callable[[int, int], np.ndarray]
) -> tuple[Parity, dict[str, object]]:
    """The factors, and what the fit record tells of them.

    `shares(group, rows)` draws that many rows of a group (a token of the protected column) and gives
    the probabilities of the outcome of each: float (rows, outcomes).
    """
    outcome, protected = columns
    counts = codec.columns[outcome].counts + 0.0
    wanted = counts / counts.sum()
    groups = codec.columns[protected].tokens
    factors = np.ones((groups, len(wanted)))
    before = np.zeros((groups, len(wanted)))
    after = np.zeros_like(before)
    for group in range(groups):
        learned = shares(group, CALIBRATION_ROWS // groups)
        before[group] = learned.mean(axis=0)
        factors[group], after[group] = _factors(learned, wanted)
    names = {"outcome": codec.columns[outcome].name, "protected": codec.columns[protected].name}
    gap = {"gap_learned": round(_gap(before), 6), "gap_left": round(_gap(after), 6)}
    parity = Parity(outcome=outcome, protected=protected, factors=factors.astype(np.float32))
    return parity, {"fairness": {**names, **gap}}


def _factors(learned: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factors that bring the mean of the normalised rows to what is wanted, and the mean they reach."""
    factors, mean = np.ones(len(wanted)), learned.mean(axis=0)
    for _ in range(_ROUNDS):
        drawn = learned * factors
        drawn /= drawn.sum(axis=1, keepdims=True)
        mean = drawn.mean(axis=0)
        if np.abs(mean - wanted).max() < _CLOSE:
            break
        # An outcome that the group never has (a constraint may say so) cannot be given to it.
        ratio = np.divide(wanted, mean, out=np.ones_like(mean), where=mean > 0)
        factors = np.clip(factors * ratio, 1 / _LARGEST, _LARGEST)
        factors /= factors.max()
    return factors, mean


def _gap(means: np.ndarray) -> float:
    """The largest difference between two groups in the rate of one outcome."""
    return float((means.max(axis=0) - means.min(axis=0)).max())
