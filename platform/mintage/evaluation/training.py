"""What a fit record tells of a training, read with suspicion: any generator may have written it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from mintage.evaluation.results import Training

MAX_POINTS = 10_000
"""Points of a learning curve at most."""


def read_training(record: Mapping[str, object]) -> tuple[Training | None, str]:
    """The training, or None, and why a record that holds a learning curve could not be read.

    >>> read_training({"rows": 7})
    (None, '')
    >>> read_training({"learning_curve": [1, 2]})[1]
    'the fit record holds a learning curve that cannot be shown: steps: Field required'
    """
    if "learning_curve" not in record:
        return None, ""
    known = {name: record[name] for name in Training.model_fields if name in record}
    try:
        training = Training.model_validate(known)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return None, _unreadable(f"{where}: {first['msg']}")
    curve = training.learning_curve
    if not len(curve.step) == len(curve.training_loss) == len(curve.held_out_loss):
        return None, _unreadable("its lists are not of one length")
    if len(curve.step) > MAX_POINTS:
        return None, _unreadable(f"it has {len(curve.step)} points, more than {MAX_POINTS}")
    return (training, "") if curve.step else (None, "")


def _unreadable(why: str) -> str:
    return f"the fit record holds a learning curve that cannot be shown: {why}"
