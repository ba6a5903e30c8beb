"""A generator under test: its config, what it learns from, and the model that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mintage.contracts import (
    KEYS_PER_SHARD,
    Determinism,
    FitContext,
    Generator,
    GeneratorConfig,
    Model,
    SampleRequest,
    Scalar,
    Source,
)
from mintage.testing._tables import Rows, difference
from mintage.testing.errors import require


@dataclass(frozen=True, kw_only=True)
class GeneratorCase:
    """What the generator checks look at; the model is fitted once, when first asked for.

    The source should vary: of a constant table, no seed can make different rows.

    Attributes:
        generator: The class, importable by name (a worker imports it so).
        config: A valid config of it. Fit for few steps: the suite is about the contract, not quality.
        source: What it learns from; None when it needs nothing.
        fixed: Conditions that the model has to accept, as a column's one value.
        excluded: Conditions that the model has to accept, as values a column must not take.
        rows: Root rows of an ordinary request.
        seed: Seed of the fit and of ordinary requests.
        refit: Whether fitting twice must give the same bytes; false for a fit that stops by the clock.
    """

    generator: type[Generator]
    config: GeneratorConfig
    source: Source | None = None
    fixed: Mapping[str, Scalar] = field(default_factory=dict)
    excluded: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    rows: int = 200
    seed: int = 7
    refit: bool = True

    @cached_property
    def model(self) -> Model:
        """The fitted model."""
        return self.fit()

    def fit(self) -> Model:
        """Fit anew, with the seed of the case."""
        return self.generator(self.config).fit(self.source, FitContext(seed=self.seed))

    def reloaded(self) -> Model:
        """The model as another process would see it: saved and loaded, with nothing sampled before."""
        return self.generator.load(self.model.save())

    def request(
        self,
        shard: int = 0,
        batch: int = 0,
        *,
        rows: int | None = None,
        fixed: Mapping[str, Scalar] | None = None,
        excluded: Mapping[str, tuple[Scalar, ...]] | None = None,
    ) -> SampleRequest:
        """The request of that batch of that shard, with the keys that it would have in a job."""
        rows = self.rows if rows is None else rows
        first_key = shard * KEYS_PER_SHARD + batch * rows
        return SampleRequest(
            seed=self.seed,
            shard=shard,
            batch=batch,
            rows=rows,
            first_key=first_key,
            fixed=fixed or {},
            excluded=excluded or {},
        )

    def require_same(self, check: str, first: Rows, second: Rows, when: str) -> None:
        """Fail unless both are the same rows; nothing is asked of models that do not claim to repeat."""
        if self.model.determinism in (Determinism.BYTES, Determinism.CONTENT):
            found = difference(first, second)
            require(not found, check, f"{when}: {found}")
