"""Fit time to a peer's quality: the shortest of doubling time limits with which we score as well."""

from __future__ import annotations

from tabular_contestants import enter, ours
from tabular_scores import score
from tabular_sets import BenchmarkSet
from tabular_tables import Run

KIND = "tabular.autoregressive"
LIMITS = (2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
REACHED = ("c2st_train", "c2st_holdout", "trend_fixed")
"""Figures that all have to be as good as the peer's."""


def seconds_to_quality(
    data: BenchmarkSet, peer: Run, threads: int, limits: tuple[float, ...] = LIMITS
) -> dict[str, object]:
    """Seconds of the first fit as good as the peer's, its figures, and how many times as long the peer took.

    Each limit is a fit of its own from the start, because a fit paces itself by its limit. Of a peer without
    a figure, none is asked. `tries` has all fits; `fit_seconds` is missing where none was good enough.
    """
    tries: list[dict[str, object]] = []
    for limit in limits:
        made = enter(ours(KIND, seconds=limit), data, seed=0, rate_rows=0, threads=threads)
        if made.rows is None:
            tries.append({"max_seconds": limit, "failure": made.failure})
            continue
        found = {**made.report, **score(data, made.rows, seed=0, threads=threads)}
        tries.append({"max_seconds": limit, **{name: found.get(name) for name in ("fit_seconds", *REACHED)}})
        if all(_at_least(found.get(name), peer.get(name)) for name in REACHED):
            ratio = _number(peer.get("fit_seconds")) / _number(found.get("fit_seconds"))
            return {**found, "peer_took_times_as_long": ratio, "tries": tries}
    return {"failure": f"no fit of up to {limits[-1]:.0f} seconds was as good", "tries": tries}


def _at_least(ours_: object, theirs: object) -> bool:
    if not isinstance(theirs, int | float):
        return True
    return isinstance(ours_, int | float) and ours_ >= theirs


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
