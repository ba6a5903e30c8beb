"""Histograms of a column, of the real and the synthetic values side by side, small enough for a report."""

from __future__ import annotations

import numpy as np

from mintage.evaluation.coding import Integers, quantiles
from mintage.evaluation.results import Histogram
from mintage.evaluation.tables import Floats

MAX_BINS = 40
MAX_LABELS = 30
_TRIM = 0.005


def draw_values(real: Floats, synthetic: Floats) -> Histogram:
    """At most 40 bins of a continuous column; both arrays are ascending, without missing values.

    The bins are equally wide over all but the outermost real half per cent on each side; the first and
    the last bin reach out to the least and the greatest value of both tables, so that outliers neither
    squeeze the rest into one bin nor vanish. Bins of whole numbers end between two of them.
    """
    if not len(real) and not len(synthetic):
        return Histogram(edges=[0.0, 1.0], real=[0.0], synthetic=[0.0])
    edges = _edges(real if len(real) else synthetic, real, synthetic)
    return Histogram(
        edges=edges.tolist(), real=_shares(real, edges).tolist(), synthetic=_shares(synthetic, edges).tolist()
    )


def draw_levels(levels: tuple[str, ...], real: Integers, synthetic: Integers) -> Histogram:
    """At most 30 levels of a discrete column with their shares; what is left out is added up as `other`."""
    held = np.flatnonzero((real > 0) | (synthetic > 0))
    order = held[np.lexsort((held, -synthetic[held], -real[held]))][:MAX_LABELS]
    shares = [counts / max(1, counts.sum()) for counts in (real, synthetic)]
    rest = [float(max(0.0, min(1.0, share.sum() - share[order].sum()))) for share in shares]
    return Histogram(
        labels=[levels[int(level)] for level in order],
        real=shares[0][order].tolist(),
        synthetic=shares[1][order].tolist(),
        other=(rest[0], rest[1]) if len(held) > len(order) else (0.0, 0.0),
    )


def _edges(reference: Floats, real: Floats, synthetic: Floats) -> Floats:
    low, high = quantiles(reference, [_TRIM, 1 - _TRIM])
    ends = [side[end] for side in (real, synthetic) if len(side) for end in (0, -1)]
    least, greatest = float(min(ends)), float(max(ends))
    if np.array_equal(reference, np.floor(reference)) and greatest / 2 - least / 2 < 2**51:
        width = max(1.0, np.ceil((high - low + 1) / (MAX_BINS - 2)))
        inner = np.arange(np.floor(low) - 0.5, np.floor(high) + 0.5 + width, width)
    else:
        inner = 2 * np.linspace(low / 2, high / 2, MAX_BINS - 1)  # the span may be more than a float holds
    if not len(inner):  # whole numbers so large that half of one is lost
        inner = np.array([least, greatest])
    inside = inner[(inner > least) & (inner < greatest)]
    whole_ends = (min(least, inner[0]), max(greatest, inner[-1]))
    edges = np.unique(np.concatenate([whole_ends[:1], inside, whole_ends[1:]]))
    if len(edges) < 2:  # a single value
        wide = least - 0.5 < least < least + 0.5
        return np.array([least - 0.5, least + 0.5]) if wide else np.array([least, least])
    return edges


def _shares(ordered: Floats, edges: Floats) -> Floats:
    upto = np.searchsorted(ordered, edges[1:-1], "left")
    return np.diff(np.concatenate([[0], upto, [len(ordered)]])) / max(1, len(ordered))
