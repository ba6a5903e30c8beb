"""Synthetic rows that repeat training rows, beside the holdout's own rate of doing so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation.privacy.rows import identify_rows
from mintage.evaluation.results import Copies
from mintage.evaluation.tables import Tables

Floats = npt.NDArray[np.float64]

_NEAR = 0.01  # quantile of the holdout's distances


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosestRecords:
    """Distances to the closest training row."""

    synthetic: Floats
    """float64 [queries]"""
    holdout: Floats | None


def count_copies(tables: Tables, closest: ClosestRecords | None) -> Copies:
    """Exact copies among all synthetic rows, and near ones among those whose distances are known.

    A row is a near copy when it is no further from a training row than 1 % of the holdout's rows are.
    Where many rows tie there (tables of few categories), the holdout's own share is above 1 %: compare.
    """
    real, *others = identify_rows(tables.all)
    copied = [np.isin(ids, real) for ids in others]
    near = near_holdout = None
    if closest is not None and closest.holdout is not None:
        limit = np.quantile(closest.holdout, _NEAR, method="lower")
        near, near_holdout = closest.synthetic <= limit, closest.holdout <= limit
    return Copies(
        exact=int(copied[0].sum()),
        exact_share=float(copied[0].mean()),
        exact_share_holdout=float(copied[1].mean()) if len(copied) > 1 else None,
        near=int(near.sum()) if near is not None else None,
        near_share=float(near.mean()) if near is not None else None,
        near_share_holdout=float(near_holdout.mean()) if near_holdout is not None else None,
    )
