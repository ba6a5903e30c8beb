"""Rows being drawn under rules: the masks of the next column, and the values settled so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mintage.errors import GenerationError
from mintage_generators.tabular.codec.axes import Axis
from mintage_generators.tabular.codec.column import UNKNOWN, plain
from mintage_generators.tabular.codec.combinations import GroupState
from mintage_generators.tabular.codec.domains import Domain
from mintage_generators.tabular.codec.grid import Grid
from mintage_generators.tabular.codec.physical import from_numbers, numbers
from mintage_generators.tabular.codec.relations import Sum
from mintage_generators.tabular.codec.ruling import Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A column's values: numbers, on its scale and its own, null where not `valid`.

    `ordered` is False for null and NaN, which no inequality binds.
    """

    own: np.ndarray
    scaled: np.ndarray
    valid: np.ndarray
    ordered: np.ndarray


class RuledRows:
    """Some rows that are drawn under a ruling. `draws` are uniform numbers by column, in [0, 1).

    `given` are columns that are there before, as arrays of all rows; `near` are the nearest tokens of
    their values, `UNKNOWN` where there is none. `failed` tells the rows that
    cannot be completed, which happens only when what is given breaks the rules.
    """

    def __init__(
        self, ruling: Ruling, rows: int, draws: Mapping[int, np.ndarray], given: Mapping[int, pa.Array]
    ) -> None:
        self.ruling, self.rows, self.draws = ruling, rows, draws
        self.given = set(given)
        self.failed = np.zeros(rows, np.bool_)
        self.settled: dict[int, Settled] = {}
        self.tokens: dict[int, np.ndarray] = {}
        self.near: dict[int, np.ndarray] = {}
        self._groups = [GroupState(levels, np.zeros(rows, np.int64)) for levels in ruling.levels]
        for i, array in given.items():
            self._take(i, array)
        self._reach = self._reached() if given else {}
        self._bounds: dict[int, tuple[np.ndarray | None, np.ndarray | None]] = {}
        self._check_given()

    def mask(self, i: int) -> np.ndarray | None:
        """The tokens that column `i` may have now, bool (rows, tokens); None for all that its domain has."""
        masks = [
            state.allowed(i) for state in self._groups if i in state.levels.group.columns and state.known
        ]
        low, high = self._between(i)
        if low is not None or high is not None:
            masks.append(self._compared(self.ruling.axes[i], low, high))
        masks += [
            (self.tokens[f.result][:, None] < 0) | (f.table[None] == self.tokens[f.result][:, None])
            for f in self.ruling.functions
            if f.source == i and f.result in self.given
        ]
        if not masks:
            return None
        mask = np.logical_and.reduce(masks)
        static = self.ruling.conditions.allowed.get(i)
        mask = mask if static is None else mask & static
        none = ~mask.any(axis=1)
        if none.any():
            self._fail(none, i)
            mask = np.where(none[:, None], True if static is None else static, mask)
        return np.asarray(mask)

    def settle(self, i: int, tokens: np.ndarray) -> None:
        """Column `i` has these tokens, int (rows,): its values are drawn where the rules look at them."""
        self.tokens[i] = tokens
        for state in self._groups:
            if i in state.levels.group.columns:
                state.learn(i, tokens)
        if (axis := self.ruling.axes.get(i)) is None:
            return
        low, high = self._between(i)
        own = axis.domain.draw(
            tokens,
            self.draws.get(i, np.zeros(self.rows)),
            None if low is None else _rows(axis.at_least(low), self.rows),
            None if high is None else _rows(axis.at_most(high), self.rows),
        )
        decoded = axis.domain.column.decode(tokens, np.zeros(self.rows))
        self._keep(i, own, _valid(decoded))

    def computed(self) -> Iterator[tuple[int, np.ndarray]]:
        """Columns that can be computed now, and their tokens: totals, or a total's only unknown part."""
        for rule in self.ruling.rules.sums:
            unknown = [i for i in (rule.total, *rule.parts) if i not in self.settled]
            if unknown == [rule.total]:
                yield rule.total, self._compute(rule, rule.total)
            elif len(unknown) == 1 and rule.total in self.given:
                yield unknown[0], self._compute(rule, unknown[0])

    def arrays(self) -> dict[int, pa.Array]:
        """The settled columns as Arrow arrays."""
        return {
            i: from_numbers(s.own, None if s.valid.all() else ~s.valid, self.ruling.columns[i].type)
            for i, s in self.settled.items()
        }

    def _take(self, i: int, array: pa.Array) -> None:
        array = plain(array)
        column = self.ruling.columns[i]
        self.tokens[i] = column.encode(array)
        self.near[i] = column.approximate(array, self.tokens[i])
        for state in self._groups:
            if i in state.levels.group.columns:
                state.learn(i, self.tokens[i])
        if i in self.ruling.axes:
            self._keep(i, numbers(array), _valid(array))

    def _keep(self, i: int, own: np.ndarray, valid: np.ndarray) -> None:
        axis = self.ruling.axes[i]
        ordered = valid & ~np.isnan(own) if own.dtype == np.float64 else valid
        self.settled[i] = Settled(own=own, scaled=axis.scaled(own), valid=valid, ordered=ordered)

    def _fail(self, rows: np.ndarray, i: int) -> None:
        if not self.given:
            raise GenerationError(
                f"no value of column {self.ruling.columns[i].name!r} is left for {int(rows.sum())} rows",
                "report this: constraints that were accepted must leave one",
            )
        self.failed |= rows

    def _between(self, i: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Bounds of column `i` by what is settled, on its scale; None: no more than its domain has."""
        low: list[np.ndarray] = []
        high: list[np.ndarray] = []
        for rule in self.ruling.rules.inequalities:
            other = rule.lower if rule.upper == i else rule.upper
            if i not in (rule.lower, rule.upper) or other not in self.settled:
                continue
            known, axis, up = self.settled[other], self.ruling.axes[i], rule.lower == i
            bound = rule.below(known.scaled) if up else rule.above(known.scaled)
            (high if up else low).append(np.where(known.ordered, bound, axis.nothing(up=up)))
        reach = self._reach.get(i, {})
        low += [reach[False]] if False in reach else []
        high += [reach[True]] if True in reach else []
        return (
            np.maximum.reduce(low) if low else None,
            np.minimum.reduce(high) if high else None,
        )

    def _compared(self, axis: Axis, low: np.ndarray | None, high: np.ndarray | None) -> np.ndarray:
        low = axis.nothing(up=False) if low is None else low
        high = axis.nothing(up=True) if high is None else high
        allowed = axis.domain.allowed(
            _rows(axis.at_least(low), self.rows), _rows(axis.at_most(high), self.rows)
        )
        return allowed

    def _reached(self) -> dict[int, dict[bool, np.ndarray]]:
        """How far up (True) or down (False) a column may go for those given that come later, by row."""
        reach: dict[int, dict[bool, np.ndarray]] = {}
        rules = self.ruling.rules
        for _ in range(len(rules.scales)):
            changed = False
            for rule in rules.inequalities:
                up = rules.rising[rule.lower]
                i, later = (rule.lower, rule.upper) if up else (rule.upper, rule.lower)
                bound = self._reach_of(later, up, reach)
                if i in self.given or bound is None:
                    continue
                bound = rule.below(bound) if up else rule.above(bound)
                before = reach.get(i, {}).get(up)
                both = (np.minimum if up else np.maximum)(bound, bound if before is None else before)
                if before is None or not np.array_equal(both, before):
                    reach[i], changed = {up: both}, True
            if not changed:
                break
        return reach

    def _reach_of(
        self, later: int, up: bool, reach: Mapping[int, Mapping[bool, np.ndarray]]
    ) -> np.ndarray | None:
        axis = self.ruling.axes[later]
        if later in self.settled:
            known = self.settled[later]
            return np.where(known.ordered, known.scaled, axis.nothing(up=up))
        if later not in reach or axis.nullable or later in self.ruling.rules.totals:
            return None
        values, found = (axis.highest if up else axis.lowest)(reach[later][up])
        return np.where(found, values, reach[later][up])

    def _check_given(self) -> None:
        """Rows of which more than one part of a given total is missing cannot be completed."""
        for sum_ in self.ruling.rules.sums:
            missing = [part for part in sum_.parts if part not in self.settled]
            if sum_.total in self.settled and len(missing) > 1:
                # Which parts make up a given total is not for masks to say.
                self.failed |= self.settled[sum_.total].valid

    def _compute(self, rule: Sum, wanted: int) -> np.ndarray:
        """The total, or the part that is left of a given total."""
        axis, column = self.ruling.axes[wanted], self.ruling.columns[wanted]
        others = [self.settled[i] for i in (rule.total, *rule.parts) if i != wanted]
        signs = [1] * len(others) if wanted == rule.total else [1] + [-1] * (len(others) - 1)
        with np.errstate(invalid="ignore"):
            total = others[0].scaled * signs[0]
            for sign, other in zip(signs[1:], others[1:], strict=True):
                total = total + sign * other.scaled
        valid = np.logical_and.reduce([other.valid for other in others])
        if axis.floats:
            own = _rounded(total, axis.domain)
        else:
            valid, own = valid & (total % axis.factor == 0), total // axis.factor
        self._keep(wanted, np.where(valid, own, 0).astype(axis.domain.low.dtype), valid)
        array = from_numbers(self.settled[wanted].own, ~valid, column.type)
        tokens = column.approximate(array, column.encode(array))
        # The network reads the nearest token there is; the value written out is the sum itself.
        tokens = np.where(tokens == UNKNOWN, int(np.argmax(column.counts)), tokens).astype(np.int32)
        self.tokens[wanted] = tokens
        return tokens


def _rounded(total: np.ndarray, domain: Domain) -> np.ndarray:
    """Float sums without the last bits that adding decimal fractions leaves: 0.1 + 0.2 is 0.3."""
    finite = domain.low[np.isfinite(domain.low)]
    grid = Grid.of(finite, domain.column.type) if len(finite) else None
    return total if grid is None else np.round(total, max(0, grid.decimals))


def _valid(array: pa.Array) -> np.ndarray:
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False))


def _rows(bounds: np.ndarray, rows: int) -> np.ndarray:
    return np.broadcast_to(bounds, (rows,))
