"""The unit of work: a shard, the quotas it must fill, and the batches it asks a model for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mintage.contracts.seeds import impute_rng, sample_rng

Scalar = str | int | float | bool | None
"""A value of a condition, as JSON can carry it. Dates and times are ISO 8601 text; decimals are text."""

KEYS_PER_SHARD = 2**32
"""How many root rows a shard may draw: each shard owns this many keys, so that keys never collide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Values from `minimum` to `maximum`, or below `below`; an end that is None is open."""

    minimum: Scalar = None
    maximum: Scalar = None
    below: Scalar = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a column may hold: one of the values or a value in one of the spans; all others if `inverse`.

    Null is in no span: it is held when it is one of the values, or of none when inverse.
    """

    values: tuple[Scalar, ...] = ()
    spans: tuple[Span, ...] = ()
    inverse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Accepted root rows to be made under the same conditions.

    `fixed` gives columns of the root table one value each; `excluded` gives values that a column
    must not take; `within` gives sets and ranges of values, one of which a column must take.
    """

    rows: int
    fixed: Mapping[str, Scalar] = field(default_factory=dict)
    excluded: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    within: Mapping[str, Choice] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Shard `index` of a plan: a pure function of the plan and this index."""

    index: int
    quotas: tuple[Quota, ...]
    seed: int
    batch_rows: int

    @property
    def rows(self) -> int:
        """Accepted rows of the root table that the shard holds in the end."""
        return sum(quota.rows for quota in self.quotas)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRequest:
    """One batch that a shard asks of a model: a pure function of its fields, whoever runs it.

    `rows` root rows are wanted, exactly. `batch` counts the requests of a shard. `first_key` is the
    ordinal of the first root row among all that the whole run draws: unique, so that a model may
    number its keys `first_key, first_key + 1, …`.
    """

    seed: int
    shard: int
    batch: int
    rows: int
    first_key: int
    fixed: Mapping[str, Scalar] = field(default_factory=dict)
    excluded: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    within: Mapping[str, Choice] = field(default_factory=dict)

    def rng(self) -> np.random.Generator:
        """Counter-based randomness of this request: Philox keyed by (seed, stage, shard, batch)."""
        return sample_rng(self.seed, self.shard, self.batch)

    def torch_seed(self) -> int:
        """A seed in [0, 2**63) for a `torch.Generator` of this request."""
        return int(self.rng().integers(0, 2**63))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImputeRequest:
    """Which cells of a batch of real rows a model is to fill: a pure function of its fields and the rows.

    `columns` are those whose nulls are filled; every cell of those in `renewed` is, null or not.
    """

    seed: int
    batch: int
    columns: tuple[str, ...]
    renewed: tuple[str, ...] = ()

    def rng(self) -> np.random.Generator:
        """Counter-based randomness of this request: Philox keyed by (seed, stage, batch)."""
        return impute_rng(self.seed, self.batch)
