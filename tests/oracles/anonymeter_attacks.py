"""Attack a synthetic table with Anonymeter; run by a Python that has it, and printed as JSON.

    python anonymeter_attacks.py REAL.parquet SYNTHETIC.parquet HOLDOUT.parquet SECRET,SECRET... PREDICATES

All rows of REAL and HOLDOUT are attacked, which leaves nothing to chance but the baselines and the
multivariate predicates. PREDICATES is how many univariate ones are asked for.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import warnings

import pandas as pd


def main(real: str, synthetic: str, holdout: str, secrets: str, predicates: str) -> None:
    """Print the successes, the rates and the risk of each attack."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    evaluators = importlib.import_module("anonymeter.evaluators")
    train, made, fresh = (pd.read_parquet(path) for path in (real, synthetic, holdout))
    names = list(train.columns)
    tables = {"ori": train, "syn": made, "control": fresh}
    link = evaluators.LinkabilityEvaluator(
        **tables, aux_cols=(names[::2], names[1::2]), n_attacks=len(train), n_neighbors=1
    )
    found = {"linkability": _figures(link.evaluate(n_jobs=1), link._attack_links.count_links(1))}
    for secret in secrets.split(","):
        inference = evaluators.InferenceEvaluator(
            **tables,
            aux_cols=[name for name in names if name != secret],
            secret=secret,
            regression=pd.api.types.is_float_dtype(train[secret]),
            n_attacks=len(train),
        )
        evaluated = inference.evaluate(n_jobs=1)
        found[secret] = _figures(evaluated, evaluated._n_success)
    for mode, attempts in (("univariate", int(predicates)), ("multivariate", 500)):
        single = evaluators.SinglingOutEvaluator(**tables, n_attacks=attempts, seed=1)
        evaluated = single.evaluate(mode=mode)
        found[mode] = _figures(evaluated, evaluated._n_success)
    print(json.dumps(found))


def _figures(evaluated: object, successes: int) -> dict[str, object]:
    results = evaluated.results()  # type: ignore[attr-defined]  # Anonymeter has no types
    risk = results.risk()
    return {
        "successes": int(successes),
        "success": [results.attack_rate.value, results.attack_rate.error],
        "control": [results.control_rate.value, results.control_rate.error],
        "baseline": [results.baseline_rate.value, results.baseline_rate.error],
        "risk": [risk.value, *risk.ci],
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
