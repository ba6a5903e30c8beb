"""Conditions and balance as quotas: exact numbers of accepted rows under the same conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mintage.contracts.shard import Choice, Quota, Scalar
from mintage.errors import SpecError


def plan_quotas(
    rows: int,
    conditions: Iterable[tuple[Mapping[str, Scalar | Choice], int]] = (),
    balance: tuple[str, Sequence[tuple[Scalar | Choice, float]]] | None = None,
) -> tuple[Quota, ...]:
    """The quotas of a job: first each condition's rows, then the rest, balanced when asked.

    `conditions` are (values or choices, rows); `balance` is (column, (value or choice, share)…). The
    shares apply to the rows that no condition takes. Shares that leave something over leave it to all other
    values of the column. Counts come from the largest remainders, so they sum to `rows` exactly.

    >>> [(q.rows, dict(q.fixed)) for q in plan_quotas(10, balance=("sex", [("F", 0.5), ("M", 0.5)]))]
    [(5, {'sex': 'F'}), (5, {'sex': 'M'})]

    Raises `SpecError` when the conditions ask for more rows than there are.
    """
    fixed = [_quota(count, values) for values, count in conditions]
    rest = rows - sum(quota.rows for quota in fixed)
    if rest < 0:
        raise SpecError(
            f"conditions ask for {rows - rest} rows, but rows is {rows}",
            "raise rows, or lower the rows of the conditions",
        )
    return tuple(quota for quota in (*fixed, *_balanced(rest, balance)) if quota.rows)


def _quota(rows: int, values: Mapping[str, Scalar | Choice]) -> Quota:
    return Quota(
        rows=rows,
        fixed={name: value for name, value in values.items() if not isinstance(value, Choice)},
        within={name: value for name, value in values.items() if isinstance(value, Choice)},
    )


def _balanced(rows: int, balance: tuple[str, Sequence[tuple[Scalar | Choice, float]]] | None) -> list[Quota]:
    if balance is None:
        return [Quota(rows=rows)]
    column, shares = balance
    values = [value for value, _ in shares]
    weights = [share for _, share in shares]
    # Within rounding of 1 nothing is left over for the values that balance does not name.
    left_over = max(0.0, 1.0 - sum(weights))
    counts = _largest_remainders(rows, [*weights, left_over if left_over > 1e-9 else 0.0])
    named = [_quota(n, {column: value}) for value, n in zip(values, counts, strict=False)]
    return [*named, _others(counts[-1], column, values)]


def _others(rows: int, column: str, values: Sequence[Scalar | Choice]) -> Quota:
    """Rows that have none of the values."""
    single = tuple(value for value in values if not isinstance(value, Choice))
    choices = [value for value in values if isinstance(value, Choice)]
    if not choices:
        return Quota(rows=rows, excluded={column: single})
    rest = Choice(
        values=(*single, *(value for choice in choices for value in choice.values)),
        spans=tuple(span for choice in choices for span in choice.spans),
        inverse=True,
    )
    return Quota(rows=rows, within={column: rest})


def _largest_remainders(total: int, weights: Sequence[float]) -> list[int]:
    """Integers in proportion to `weights` that sum to `total` (Hamilton's method)."""
    # Fractions, not floats: total may be far above 2**53.
    from fractions import Fraction

    exact = [Fraction(weight).limit_denominator(10**12) for weight in weights]
    ideal = [total * weight / sum(exact) for weight in exact]
    counts = [int(value) for value in ideal]
    by_remainder = sorted(range(len(ideal)), key=lambda i: (counts[i] - ideal[i], i))
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return counts
