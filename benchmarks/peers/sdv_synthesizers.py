"""SDV's GaussianCopula, CTGAN and TVAE (option `model`); `epochs` limits the last two."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from _protocol import run
from sdv.metadata import Metadata
from sdv.single_table import CTGANSynthesizer, GaussianCopulaSynthesizer, TVAESynthesizer

MODELS = {
    "gaussian_copula": GaussianCopulaSynthesizer,
    "ctgan": CTGANSynthesizer,
    "tvae": TVAESynthesizer,
}


def fit(data: pd.DataFrame, kinds: dict[str, str], options: dict[str, Any]) -> Callable[[int], pd.DataFrame]:
    """One synthesizer with its defaults, told what the columns are."""
    warnings.simplefilter("ignore")
    np.random.seed(options["seed"])  # SDV draws from the process's own randomness
    torch.manual_seed(options["seed"])
    described = {
        name: {"sdtype": "categorical" if kind == "category" else "numerical"} for name, kind in kinds.items()
    }
    metadata = Metadata.load_from_dict({"tables": {"data": {"columns": described}}})
    limits = {"epochs": options["epochs"]} if options.get("epochs") else {}
    model = MODELS[options["model"]](metadata, **limits)
    model.fit({"data": data})
    return lambda rows: model.sample(rows)["data"]


if __name__ == "__main__":
    run(fit)
