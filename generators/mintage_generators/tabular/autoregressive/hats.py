"""Numbers have an order: what a network reads and writes of an ordered column, beside its tokens.

A network that takes a column's tokens as mere names has to learn about each bin from that bin's own
rows. Each token of an ordered column therefore also stands at a place on a line, and its embedding and
its output are sums of piecewise linear functions of the place ("hats", the linear B-splines) at several
scales, as the piecewise linear encoding of Gorishniy et al. (2022, "On Embeddings for Numerical
Features in Tabular Deep Learning") does for inputs. The wide hats let neighbours learn from each other,
the narrow ones tell them apart.
"""

from __future__ import annotations

import numpy as np

from mintage_generators.tabular.autoregressive.layout import Layout
from mintage_generators.tabular.codec import Column, TableCodec
from mintage_generators.tabular.codec.ranks import Ranks

SCALES = (4, 8, 16, 32)
"""Pieces into which the line is cut; a scale of as many pieces as there are tokens is left out."""

LEAST_TOKENS = 8
"""Tokens of a column, at most, that are left as names: so few are learned one by one."""

MOST_TOKENS = 16_384
"""Tokens of a column, at most, for which hats are kept."""


def hats_of_inputs(codec: TableCodec, layout: Layout) -> list[np.ndarray | None]:
    """For each input the hats of its tokens, float32 (tokens, hats); None where order says nothing."""
    ordered = {ranked.index for ranked in Ranks.of(codec, ordered_tokens=LEAST_TOKENS + 1).ordered}
    columns = codec.columns
    return [
        _hats(columns[i]) if i in ordered and LEAST_TOKENS < columns[i].tokens <= MOST_TOKENS else None
        for i in layout.inputs
    ]


def hats_of_groups(hats: np.ndarray, groups: int, size: int) -> np.ndarray:
    """The mean hats of groups of `size` tokens that follow each other: float32 (groups, hats)."""
    starts = np.arange(groups) * size
    counts = np.minimum(starts + size, len(hats)) - starts
    return np.asarray(np.add.reduceat(hats, starts, axis=0) / counts[:, None], np.float32)


def _hats(column: Column) -> np.ndarray:
    """Hats over two lines: the share of rows below a token, and how many tokens are.

    The first places rare values close together, the second common ones: a point mass takes much of the
    first line and one place of the second. Null, NaN and infinities stand on neither.
    """
    usual = ~column.special_tokens
    counts = column.counts[usual] + 1e-3
    share = (np.cumsum(counts) - counts / 2) / counts.sum()
    place = (np.arange(len(counts)) + 0.5) / len(counts)
    found = [
        np.maximum(0.0, 1.0 - np.abs(line[:, None] * scale - np.arange(scale + 1)))
        for line in (share, place)
        for scale in SCALES
        if scale < len(counts)
    ]
    hats = np.zeros((column.tokens, sum(part.shape[1] for part in found)), np.float32)
    hats[usual] = np.concatenate(found, axis=1)
    return hats
