"""Published figures of the best generators, to stand beside ours.

From the re-runs with one code base in Scassola et al. 2026 (TabPC, arXiv 2603.23016, tables of its
repository): mean of five trained models each, on a GPU. C2ST is 1 - (2 max(.5, AUC) - 1) of XGBoost with
default parameters against the training rows, three folds; trend and shape are SDMetrics' scores; TSTR is the
AUC of a tuned XGBoost on the test rows, for Beijing the RMSE of the logarithm of the target; DCR is the share
of rows closer to train than to an equally large holdout after training on half of the rows.
"""

from __future__ import annotations

SETS = ("adult", "default", "shoppers", "magic", "beijing")

_TABLE: dict[str, dict[str, tuple[float, ...]]] = {
    "TabSyn": {
        "c2st_train": (0.7942, 0.4024, 0.6554, 0.7602, 0.5266),
        "trend": (0.9795, 0.9712, 0.9771, 0.9918, 0.9550),
        "shape": (0.9921, 0.9868, 0.9852, 0.9902, 0.9739),
        "tstr": (0.9104, 0.7590, 0.9144, 0.9370, 0.6260),
        "dcr_share": (0.507, 0.508, 0.507, 0.505, 0.502),
        "fit_seconds": (3083, 3439, 2441, 2271, 3321),
    },
    "TabDiff": {
        "c2st_train": (0.8409, 0.5914, 0.7361, 0.7732, 0.7723),
        "trend": (0.9846, 0.9726, 0.9809, 0.9916, 0.9741),
        "shape": (0.9932, 0.9884, 0.9851, 0.9920, 0.9895),
        "tstr": (0.9130, 0.7625, 0.9170, 0.9358, 0.5642),
        "dcr_share": (0.549, 0.522, 0.512, 0.501, 0.514),
        "fit_seconds": (11605, 13899, 10321, 11643, 14418),
    },
    "TabPC": {
        "c2st_train": (0.8554, 0.2617, 0.8936, 0.8602, 0.5704),
        "trend": (0.9856, 0.9496, 0.9822, 0.9830, 0.9781),
        "shape": (0.9942, 0.9946, 0.9910, 0.9902, 0.9943),
        "tstr": (0.9162, 0.7442, 0.8970, 0.9324, 0.6558),
        "dcr_share": (0.543, 0.507, 0.513, 0.530, 0.516),
        "fit_seconds": (273, 78, 51, 39, 582),
    },
    "independent columns": {
        "c2st_train": (0.0160, 0.0002, 0.0211, 0.0052, 0.0172),
        "trend": (0.9251, 0.8875, 0.9367, 0.8696, 0.9101),
        "shape": (0.9961, 0.9954, 0.9934, 0.9938, 0.9949),
    },
}


def published(name: str) -> dict[str, dict[str, float]]:
    """Figures of each published generator on a set; empty for a set that they did not use."""
    if name not in SETS:
        return {}
    at = SETS.index(name)
    return {who: {figure: row[at] for figure, row in figures.items()} for who, figures in _TABLE.items()}
