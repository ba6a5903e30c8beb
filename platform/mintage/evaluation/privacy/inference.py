"""Attribute inference: do synthetic rows tell a secret column to one who knows all the others?

The guess is the secret of the nearest synthetic row over the other columns (Anonymeter: M. Giomi et al.,
A unified framework for quantifying privacy risk in synthetic data, PoPETs 2023).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mintage.contracts import Semantics
from mintage.evaluation.privacy.intervals import judge_attack
from mintage.evaluation.privacy.space import Rows, Space
from mintage.evaluation.privacy.targets import Targets, column_distance, total_distance
from mintage.evaluation.results import Attack
from mintage.evaluation.tables import Column, Table, Tables

_SECRETS = 12
_TOLERANCE = 0.05


def choose_secrets(tables: Tables, target: str | None) -> list[int]:
    """Positions of the columns to be guessed: the target first, then in order, twelve at most.

    A column with one value only is no secret.
    """
    columns = tables.real.columns
    order = sorted(range(len(columns)), key=lambda i: columns[i].name != target)
    return [i for i in order if _varies(columns[i])][:_SECRETS]


def measure_inference(
    space: Space,
    secrets: Sequence[int],
    synthetic: Table,
    attacked: tuple[Table, Table | None],
    *,
    seed: int,
) -> list[Attack]:
    """Guess each secret of all rows of the attacked tables, training rows and holdout rows.

    A guess is right when it equals the secret, or both are missing. A number may differ by 5 % of the
    guess, as in Anonymeter; a time, which has no zero, by 5 % of the range of the training rows.
    Baseline: the secret of a random synthetic row.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 5]))
    others = Targets.of(space.points(synthetic, mismatch=1.0))
    found = [
        _nearest_without(space, secrets, Targets.of(space.points(table, mismatch=1.0)), others)
        if table is not None
        else None
        for table in attacked
    ]
    real, holdout = attacked
    assert found[0] is not None
    attacks = []
    for position, secret in enumerate(secrets):
        truth, guesses = real.columns[secret], synthetic.columns[secret]
        random = rng.integers(0, synthetic.rows, real.rows)
        control = None
        if holdout is not None and found[1] is not None:
            right = guessed(holdout.columns[secret], guesses, found[1][position], truth)
            control = (float(right.sum()), float(len(right)))
        attacks.append(
            judge_attack(
                truth.name,
                (float(guessed(truth, guesses, found[0][position], truth).sum()), float(real.rows)),
                control,
                (float(guessed(truth, guesses, random, truth).sum()), float(real.rows)),
                detail={},
                notes=[],
            )
        )
    return sorted(attacks, key=lambda attack: -attack.risk.value if attack.risk else 1.0)


def guessed(truth: Column, guesses: Column, rows: Rows, real: Column) -> npt.NDArray[np.bool_]:
    """Bool [rows]: whether the guess, the synthetic value at that row, is right for each true value."""
    guess, secret = guesses.values[rows], truth.values
    if truth.kind == "discrete":
        same: npt.NDArray[np.bool_] = guess == secret
        return same
    missing = np.isnan(guess) & np.isnan(secret)
    allowed = _TOLERANCE * np.abs(guess)
    if truth.semantics is Semantics.DATETIME:
        known = real.values[~real.missing].astype(np.float64)
        allowed = np.full(len(guess), _TOLERANCE * float(np.ptp(known)))
    near: npt.NDArray[np.bool_] = np.abs(guess - secret) <= allowed
    return near | missing


def _nearest_without(
    space: Space, secrets: Sequence[int], targets: Targets, others: Targets
) -> npt.NDArray[np.int64]:
    """int64 [secrets, targets]: the nearest row over all columns but the secret one."""
    found = np.empty((len(secrets), targets.rows), np.int64)
    for part, block in targets.blocks(others.rows):
        total = total_distance(space, range(len(space.axes)), block, others)
        for position, secret in enumerate(secrets):
            rest = total - column_distance(space, secret, block, others)
            found[position, part] = rest.argmin(axis=1)
    return found


def _varies(column: Column) -> bool:
    if column.kind == "discrete":
        return len(np.unique(column.values)) > 1
    known = column.values[~column.missing]
    return len(known) > 0 and (bool((known != known[0]).any()) or len(known) < len(column.values))
