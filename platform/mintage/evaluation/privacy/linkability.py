"""Linkability: do synthetic rows connect two halves of a real row that lie in different hands?

An attacker holds some columns of a person in one table, the others in another. Both halves are looked up
among the synthetic rows; when they have a nearest row in common, they are linked (Anonymeter: M. Giomi
et al., A unified framework for quantifying privacy risk in synthetic data, PoPETs 2023).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mintage.evaluation.privacy.intervals import judge_attack
from mintage.evaluation.privacy.space import Space
from mintage.evaluation.privacy.targets import Targets, nearest_over
from mintage.evaluation.results import Attack


def measure_linkability(
    space: Space, synthetic: Targets, real: Targets, holdout: Targets | None, *, neighbours: int = 1
) -> Attack:
    """Attack all rows of `real` and of `holdout`; the columns are dealt out in turns to the two halves.

    Two columns or more are needed. The baseline links rows at random.
    """
    columns = range(len(space.axes))
    halves = (columns[::2], columns[1::2])
    k = min(neighbours, synthetic.rows)
    links = [
        linked(space, halves, targets, synthetic, k) if targets is not None else None
        for targets in (real, holdout)
    ]
    assert links[0] is not None
    # Two random sets of k of n rows have none in common with this chance.
    apart = float(np.prod(1 - k / (synthetic.rows - np.arange(k)).astype(np.float64)))
    return judge_attack(
        "linkability",
        (float(links[0].sum()), float(real.rows)),
        None if links[1] is None else (float(links[1].sum()), float(len(links[1]))),
        ((1 - apart) * real.rows, float(real.rows)),
        detail={"neighbours": float(k)},
        notes=[],
    )


def linked(
    space: Space, halves: tuple[range, range], targets: Targets, synthetic: Targets, k: int
) -> npt.NDArray[np.bool_]:
    """Bool [targets]: whether the nearest rows over one half of the columns and over the other meet."""
    one, other = (nearest_over(space, half, targets, synthetic, k) for half in halves)
    common: npt.NDArray[np.bool_] = (one[:, :, None] == other[:, None, :]).any(axis=(1, 2))
    return common
