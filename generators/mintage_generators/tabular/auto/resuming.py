"""A decision that outlives its process: a killed fit goes on with the generator that was chosen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from mintage.contracts import Checkpoints
from mintage_generators.tabular.codec import Document, damaged

DECISION = "auto.json"
MAX_DECISION_BYTES = 1 << 20


class Chosen(Document):
    """Which candidate is fitted in full, under which limit, and what the fit record tells of it."""

    place: int
    """Place among the candidates of the config."""
    seconds: float | None
    record: dict[str, JsonValue]

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()


@dataclass(frozen=True, slots=True)
class DecidedCheckpoints:
    """Keeps the decision beside whatever the chosen generator saves of its fit."""

    inner: Checkpoints
    chosen: Chosen

    @property
    def every_seconds(self) -> float | None:
        """As the platform asks."""
        return self.inner.every_seconds

    def load(self) -> Mapping[str, bytes] | None:
        """The chosen generator's own files; None when it has saved none."""
        files = self.inner.load() or {}
        return {name: data for name, data in files.items() if name != DECISION} or None

    def save(self, files: Mapping[str, bytes]) -> None:
        """Its files and the decision."""
        self.inner.save({**files, DECISION: self.chosen.to_bytes()})


def earlier_choice(checkpoints: Checkpoints, candidates: int) -> Chosen | None:
    """What was decided before the fit was killed; None when nothing was.

    Raises `FitError` for a checkpoint that holds another decision than one among so many candidates.
    """
    files = checkpoints.load()
    if files is None or DECISION not in files:
        return None
    try:
        chosen = Chosen.model_validate_json(files[DECISION][:MAX_DECISION_BYTES])
    except ValidationError as exc:
        raise damaged(str(exc).splitlines()[0][:200]) from exc
    if not 0 <= chosen.place < candidates:
        raise damaged(f"its checkpoint names candidate {chosen.place} of {candidates}")
    return chosen
