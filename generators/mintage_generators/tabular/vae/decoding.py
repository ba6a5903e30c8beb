"""Rows out of the decoder, with conditions or without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mintage_generators.tabular.codec import Conditions, Pieces

CANDIDATES = 16
"""Latent vectors from which each row under a condition is chosen."""

LEAST_CANDIDATES = 4096
"""Candidates of a request of few rows."""

_CHUNK = 8192


@dataclass(frozen=True, slots=True)
class Decoder:
    """The decoder's weights by name, as `VaeNetwork` names them, and the columns that they are for."""

    pieces: Pieces
    weights: Mapping[str, np.ndarray]

    def calibrated(self, rng: np.random.Generator) -> Decoder:
        """The same with biases of the last layer such that each piece is drawn by its share of the rows."""
        size = len(self.weights["decoder.0.weight"][0])
        output = self._output(rng.standard_normal((_CHUNK, size), np.float32))
        bias = self.weights["decoder.4.bias"].copy()
        bias[: sum(self.pieces.sizes)] += self.pieces.biases(output[:, : sum(self.pieces.sizes)])
        return Decoder(self.pieces, {**self.weights, "decoder.4.bias": bias})

    def draw(
        self, rows: int, conditions: Conditions, rng: np.random.Generator
    ) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Tokens and draws by column of the codec."""
        vectors = self._vectors(rows, conditions, rng)
        starts = range(0, max(rows, 1), _CHUNK)
        parts = [self._rows(vectors[start : start + _CHUNK], conditions, rng) for start in starts]
        return {
            i: (np.concatenate([p[i][0] for p in parts]), np.concatenate([p[i][1] for p in parts]))
            for i in parts[0]
        }

    def _rows(
        self, vectors: np.ndarray, conditions: Conditions, rng: np.random.Generator
    ) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        output = self._output(vectors)
        spread = np.exp(np.clip(self.weights["log_spread"], -5.0, 1.0))
        drawn = {}
        for j, (start, end, column) in enumerate(self.pieces.blocks):
            i = column.ranked.index
            mean = np.tanh(output[:, j - len(self.pieces.columns)])
            places = mean + spread[j] * rng.standard_normal(len(vectors), np.float32)
            drawn[i] = column.draw(output[:, start:end], places, rng, conditions.allowed.get(i))
        return drawn

    def _vectors(self, rows: int, conditions: Conditions, rng: np.random.Generator) -> np.ndarray:
        """Latent vectors of the rows: from the prior, and under conditions chosen by how well they meet them.

        Sampling, importance resampling (Rubin 1988): the share of candidates that are kept follows the
        likelihood of the conditions.
        """
        size = len(self.weights["decoder.0.weight"][0])
        given = [b for b in self.pieces.blocks if b[2].ranked.index in conditions.allowed]
        if not given:
            return rng.standard_normal((rows, size), np.float32)
        candidates = rng.standard_normal((max(LEAST_CANDIDATES, rows * CANDIDATES), size), np.float32)
        likelihood = np.concatenate(
            [
                self._likelihood(candidates[i : i + _CHUNK], conditions)
                for i in range(0, len(candidates), _CHUNK)
            ]
        )
        steps = np.cumsum(np.exp(likelihood - likelihood.max()))
        wanted = (np.arange(rows) + rng.random()) / max(rows, 1) * steps[-1]
        chosen = np.minimum(np.searchsorted(steps, wanted, side="right"), len(steps) - 1)
        return candidates[rng.permutation(chosen)]

    def _likelihood(self, vectors: np.ndarray, conditions: Conditions) -> np.ndarray:
        """Logarithm of the conditions' probability given each vector, float64."""
        output = self._output(vectors).astype(np.float64)
        total = np.zeros(len(vectors))
        for start, end, column in self.pieces.blocks:
            if (allowed := conditions.allowed.get(column.ranked.index)) is not None:
                logits = output[:, start:end]
                weights = np.exp(logits - logits.max(axis=1, keepdims=True))
                kept = weights @ column.fractions(allowed)
                total += np.log(np.maximum(kept, 1e-300)) - np.log(weights.sum(axis=1))
        return total

    def _output(self, vectors: np.ndarray) -> np.ndarray:
        for layer in (0, 2, 4):
            weight, bias = (self.weights[f"decoder.{layer}.{part}"] for part in ("weight", "bias"))
            vectors = vectors @ weight.T + bias
            if layer < 4:
                vectors = np.maximum(vectors, 0.0)
        return vectors
