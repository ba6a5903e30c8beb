"""Tables for tests of privacy: a population, samples of it, and generators that leak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mintage.evaluation.options import Options
from mintage.evaluation.tables import Tables, align


@dataclass(frozen=True)
class Population:
    """Where rows are drawn from: related numbers and categories, some missing."""

    seed: int = 0

    def draw(self, rows: int, number: int) -> pa.Table:
        """Sample `number` of it."""
        rng = np.random.default_rng([self.seed, number])
        wealth, age = rng.normal(size=rows), rng.normal(size=rows)
        noise = rng.normal(size=(rows, 4))
        income = np.exp(10 + wealth + 0.3 * noise[:, 0])
        group = np.clip(np.floor(2 * wealth + noise[:, 1] + 4), 0, 7).astype(int)
        return pa.table(
            {
                "income": income,
                "age": np.clip(40 + 15 * age, 18, 90),
                "hours": pa.array(40 + 5 * noise[:, 2], mask=rng.random(rows) < 0.1),
                "group": [f"g{level}" for level in group],
                "region": [f"r{level}" for level in rng.integers(0, 5, rows)],
                "married": age + noise[:, 3] > 0,
            }
        )


def leak(train: pa.Table, fresh: pa.Table, share: float) -> pa.Table:
    """Fresh rows, of which a share is replaced by training rows."""
    copied = int(share * fresh.num_rows)
    return pa.concat_tables([train.slice(0, copied), fresh.slice(copied)])


def tables_of(real: pa.Table, synthetic: pa.Table, holdout: pa.Table | None, **options: object) -> Tables:
    """Aligned with those options."""
    return align(real, synthetic, holdout, Options(**options))  # type: ignore[arg-type]  # as the caller names them
