"""Adversarial random forests (arfpy, by the method's authors; synthcity wraps the same)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from _protocol import run
from arfpy import arf


def fit(data: pd.DataFrame, kinds: dict[str, str], options: dict[str, Any]) -> Callable[[int], pd.DataFrame]:
    """A forest and its densities; rows with missing values are left out, which it cannot take."""
    np.random.seed(options["seed"])  # arfpy draws from the process's own randomness
    texts = {name: "object" for name, kind in kinds.items() if kind == "category"}
    with contextlib.redirect_stdout(io.StringIO()):  # it prints whatever `verbose` says
        forest = arf.arf(
            x=data.dropna().astype(texts).reset_index(drop=True),
            num_trees=options.get("trees", 30),
            verbose=False,
            random_state=options["seed"],
        )
        forest.forde()
    return lambda rows: forest.forge(n=rows)


if __name__ == "__main__":
    run(fit)
