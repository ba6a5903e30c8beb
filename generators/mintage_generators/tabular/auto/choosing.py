"""The decision: by figures alone, so that equal trials give equal choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from mintage_generators.tabular.auto.candidates import Candidate
from mintage_generators.tabular.auto.judging import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of a candidate: a judgement, or why there is none."""

    candidate: Candidate
    judgement: Judgement | None = None
    failure: str = ""
    limit: dict[str, JsonValue] | None = None
    """What the trial was given: seconds or steps."""

    def to_json(self) -> dict[str, JsonValue]:
        """A row of the table in the fit record."""
        row: dict[str, JsonValue] = {"kind": self.candidate.kind, "options": self.candidate.options}
        row |= self.limit or {}
        row |= self.judgement.to_json() if self.judgement else {}
        if self.failure:
            row["failure"] = self.failure
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Candidates by merit, the best first, and why that one."""

    order: tuple[int, ...]
    reason: str


def choose(trials: Sequence[Trial]) -> Choice:
    """Rank the candidates of the trials.

    Rows that are too near to those learned from come last, whatever else they score: a copy of the rows
    learned from looks as real as they are. Then the lower AUC against held-out rows wins. Candidates whose
    95 % interval meets that of the lowest are as good as it is: among those of one kind the likelihood
    of held-out rows decides (they share a codec and what was held out; between kinds nats have different
    measures), then the order in which they were named. Candidates without a judgement stand at the end.
    """
    judged = [(i, trial.judgement) for i, trial in enumerate(trials) if trial.judgement]
    failed = [i for i, trial in enumerate(trials) if not trial.judgement]
    if not judged:
        return Choice(order=tuple(failed), reason="no trial could be judged, so they are tried as named")
    sound = [(i, found) for i, found in judged if not found.too_near]
    pool = sound or judged
    lowest = min((found for _, found in pool), key=lambda found: found.auc.value)
    level = [i for i, found in pool if found.auc.low <= lowest.auc.high]
    best, reason = _among(trials, level)
    rest = sorted((found.too_near and bool(sound), found.auc.value, i) for i, found in judged if i != best)
    dropped = len(judged) - len(sound) if sound else 0
    if dropped:
        reason += f"; {dropped} came too near to the rows learned from"
    if not sound:
        reason += "; all came too near to the rows learned from"
    return Choice(order=(best, *(i for _, _, i in rest), *failed), reason=reason)


def _among(trials: Sequence[Trial], level: Sequence[int]) -> tuple[int, str]:
    """The one to take of those that the trees hold for equally good, and why."""
    first = level[0]
    name = trials[first].candidate.kind
    if len(level) == 1:
        judgement = trials[first].judgement
        assert judgement is not None
        others = len([trial for trial in trials if trial.judgement]) - 1
        against = f", below {others} other{'s' if others > 1 else ''}" if others else ", the only one judged"
        return first, f"{name} has the lowest AUC against held-out rows, {judgement.auc.value:.3f}{against}"
    told = {i: nats for i in level if trials[i].candidate.kind == name and (nats := _nats(trials[i]))}
    if len(told) > 1:
        best = min(told, key=lambda i: (told[i], i))
        return best, (
            f"{len(level)} candidates are as hard to tell from held-out rows, and of {name} "
            f"{trials[best].candidate.describe()} finds held-out rows likeliest ({told[best]:.4f} nats)"
        )
    return first, f"{len(level)} candidates are as hard to tell from held-out rows, and {name} is named first"


def _nats(trial: Trial) -> float | None:
    return trial.judgement.nats if trial.judgement else None
