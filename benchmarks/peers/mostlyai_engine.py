"""MOSTLY AI's engine (TabularARGN) with its defaults; `max_epochs` and `max_minutes` can be limited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from _protocol import run
from mostlyai.engine import TabularARGN


def fit(data: pd.DataFrame, kinds: dict[str, str], options: dict[str, Any]) -> Callable[[int], pd.DataFrame]:
    """One model; categories are text, so the engine sees by itself what they are."""
    del kinds
    limits = {"max_epochs": options.get("max_epochs"), "max_training_time": options.get("max_minutes")}
    given = {name: value for name, value in limits.items() if value is not None}
    model = TabularARGN(random_state=options["seed"], verbose=0, **given)
    model.fit(data)
    return lambda rows: model.sample(n_samples=rows)


if __name__ == "__main__":
    run(fit)
