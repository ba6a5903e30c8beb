"""Rows out of the maker, with a wish for one listed column or wishes drawn by their shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mintage.errors import ConditionError
from mintage_generators.tabular.codec import Conditions, PiecedColumn, Pieces
from mintage_generators.tabular.gan.wishes import Wishes

_CHUNK = 8192
_NORM_FLOOR = 1e-5
"""What torch's batch normalisation adds to the variance."""

Drawn = dict[int, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Maker:
    """The maker's weights by name, as `RowMaker` names them, and the columns that they are for."""

    pieces: Pieces
    weights: Mapping[str, np.ndarray]
    noise: int

    def check(self, conditions: Conditions) -> None:
        """Raise `ConditionError` unless the conditions are on one column, every value of which is listed."""
        asked = [c for c in self.pieces.columns if c.ranked.index in conditions.allowed]
        names = [column.ranked.column.name for column in asked]
        hint = (
            "make these conditions with tabular.autoregressive or tabular.copula, which take any, or leave "
            f"one of them; tabular.gan takes one on: {self._conditionable()}"
        )
        if len(asked) > 1:
            raise ConditionError(
                f"tabular.gan takes conditions on one column at a time, not on {', '.join(names[:10])}", hint
            )
        if asked and not asked[0].listed:
            raise ConditionError(
                f"tabular.gan takes conditions on columns of few listed values, and {names[0]!r} is none",
                hint,
            )

    def calibrated(self, rng: np.random.Generator) -> Maker:
        """The same with biases of the last layer such that each piece is drawn by its share of the rows."""
        wishes = Wishes(self.pieces)
        chosen, wanted = wishes.draw(_CHUNK, rng, evenly=False)
        noise = rng.standard_normal((_CHUNK, self.noise), np.float32)
        output = self._output(np.concatenate([noise, wishes.vectors(chosen, wanted)], axis=1))
        bias = self.weights["last.bias"].copy()
        bias[: sum(self.pieces.sizes)] += self.pieces.biases(output[:, : sum(self.pieces.sizes)])
        return Maker(self.pieces, {**self.weights, "last.bias": bias}, self.noise)

    def draw(self, rows: int, conditions: Conditions, rng: np.random.Generator) -> Drawn:
        """Tokens and draws by column of the codec."""
        starts = range(0, max(rows, 1), _CHUNK)
        parts = [self._rows(min(_CHUNK, rows - start), conditions, rng) for start in starts]
        return {
            i: (np.concatenate([p[i][0] for p in parts]), np.concatenate([p[i][1] for p in parts]))
            for i in parts[0]
        }

    def _rows(self, rows: int, conditions: Conditions, rng: np.random.Generator) -> Drawn:
        wishes = Wishes(self.pieces)
        chosen, wanted = wishes.draw(rows, rng, evenly=False)
        given: PiecedColumn | None = None
        for k, (_, column) in enumerate(wishes.columns):
            if (allowed := conditions.allowed.get(column.ranked.index)) is not None:
                given, shares = column, column.shares * column.fractions(allowed)
                chosen, wanted = np.full(rows, k), rng.choice(column.pieces, rows, p=shares / shares.sum())
        noise = rng.standard_normal((rows, self.noise), np.float32)
        output = self._output(np.concatenate([noise, wishes.vectors(chosen, wanted)], axis=1))
        drawn = {}
        for j, (start, end, column) in enumerate(self.pieces.blocks):
            places = np.tanh(output[:, j - len(self.pieces.columns)])
            if column is given:
                drawn[column.ranked.index] = column.decode(wanted, places, rng)
            else:
                drawn[column.ranked.index] = column.draw(output[:, start:end], places, rng)
        return drawn

    def _output(self, values: np.ndarray) -> np.ndarray:
        for name in ("first", "second"):
            hidden = self._linear(f"{name}.linear", values)
            mean, variance = (self.weights[f"{name}.norm.running_{of}"] for of in ("mean", "var"))
            scale = self.weights[f"{name}.norm.weight"] / np.sqrt(variance + np.float32(_NORM_FLOOR))
            hidden = (hidden - mean) * scale + self.weights[f"{name}.norm.bias"]
            values = np.concatenate([np.maximum(hidden, 0.0), values], axis=1)
        return self._linear("last", values)

    def _linear(self, name: str, values: np.ndarray) -> np.ndarray:
        return np.asarray(values @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"])

    def _conditionable(self) -> str:
        names = [column.ranked.column.name for _, column in Wishes(self.pieces).columns]
        return ", ".join(names[:20]) or "no column of this table"
