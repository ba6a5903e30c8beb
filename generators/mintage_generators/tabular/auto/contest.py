"""The trials of all candidates: short fits on the same rows, each judged in the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from pydantic import JsonValue

from mintage.contracts import FitContext, FitProgress, Model, NoCheckpoints, Source
from mintage.errors import CancelledError, ClusterError, MintageError, SpecError
from mintage.evaluation.options import Options
from mintage.evaluation.tables import Tables, align
from mintage_generators.tabular.auto.candidates import (
    Candidate,
    Limits,
    make_generator,
    runs_by_a_clock,
    share_of_steps,
)
from mintage_generators.tabular.auto.choosing import Choice, Trial, choose
from mintage_generators.tabular.auto.clock import Clock
from mintage_generators.tabular.auto.config import AutoConfig
from mintage_generators.tabular.auto.judging import judge
from mintage_generators.tabular.auto.trial_rows import TrialRows, part_rows

SHORTEST_TRIAL = 4.0
"""Seconds for fit and judgement of one candidate below which a trial says nothing."""
_JUDGING = 0.3
"""Part of a trial's time that its codec and judgement are taken to need before any was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who is to be fitted in full, the best first, why, and the trials that led to it."""

    choice: Choice
    trials: tuple[Trial, ...] = ()
    rows: tuple[int, int] | None = None
    """Rows that trials learned from, and rows held out from them."""
    overhead: float = 0.0
    """Seconds that the chosen one's trial took beyond its training: for the codec."""

    def to_json(self) -> dict[str, JsonValue]:
        """What the fit record tells; no seconds but the limits, so that equal fits give equal bytes."""
        told: dict[str, JsonValue] = {"reason": self.choice.reason}
        if self.rows:
            told["rows_learned"], told["rows_held_out"] = self.rows
        told["trials"] = [trial.to_json() for trial in self.trials]
        return told


def attempt(work: Callable[[], Model]) -> Model | str:
    """The model, or why there is none. Only the end of the whole fit is passed on.

    Arithmetic and memory errors of a library are a candidate's failures like any other.
    """
    try:
        return work()
    except (CancelledError, ClusterError):
        raise
    except (MintageError, RuntimeError, MemoryError, ValueError) as exc:
        return _first_line(exc)


def _first_line(exc: Exception) -> str:
    text = exc.message if isinstance(exc, MintageError) else f"{type(exc).__name__}: {exc}"
    return (text.splitlines() or [type(exc).__name__])[0][:300]


@dataclass(slots=True, kw_only=True)
class Contest:
    """One choice among the candidates of a config."""

    config: AutoConfig
    context: FitContext
    clock: Clock
    _overheads: dict[int, float] = field(default_factory=dict)

    def decide(self, source: Source) -> Decision:
        """Hold trials where they can say something; else take the candidates as they are named."""
        candidates = self.config.candidates
        if len(candidates) == 1:
            return self._as_named("it is the only candidate")
        left = self.clock.left()
        if left is not None and (slot := left * self.config.trial_share / len(candidates)) < SHORTEST_TRIAL:
            return self._as_named(
                f"{slot:.1f} seconds for each of {len(candidates)} trials are too few, and it is named first"
            )
        rng = self.context.rng().spawn(1)[0]
        rows = self._rows(source, rng)
        if isinstance(rows, str):
            return self._as_named(f"{rows}; it is named first")
        return self._hold(rows)

    def _as_named(self, reason: str) -> Decision:
        candidates = self.config.candidates
        self._tell(f"no trials, {candidates[0].kind} is taken: {reason}")
        return Decision(choice=Choice(order=tuple(range(len(candidates))), reason=reason))

    def _rows(self, source: Source, rng: np.random.Generator) -> TrialRows | str:
        rows = part_rows(source, self.config, rng)
        return rows if isinstance(rows, str) or not (why := _nothing_to_compare(rows)) else why

    def _hold(self, rows: TrialRows) -> Decision:
        # Those that take the time they need go first, so that the others share what is really left.
        order = sorted(range(len(self.config.candidates)), key=lambda i: runs_by_a_clock(self._candidate(i)))
        held = {i: self._trial(i, rows, len(order) - place) for place, i in enumerate(order)}
        trials = [held[i] for i in sorted(held)]
        choice = choose(trials)
        self._tell(f"{self.config.candidates[choice.order[0]].kind} is chosen: {choice.reason}")
        return Decision(
            choice=choice,
            trials=tuple(trials),
            rows=(rows.learned.num_rows, rows.held_out.num_rows),
            overhead=self._overheads.get(choice.order[0], 0.0) * max(1.0, rows.seen / rows.learned.num_rows),
        )

    def _candidate(self, i: int) -> Candidate:
        return self.config.candidates[i]

    def _trial(self, i: int, rows: TrialRows, to_come: int) -> Trial:
        candidate = self._candidate(i)
        limits = self._limits(to_come)
        if limits is None:
            return self._told(i, Trial(candidate=candidate, failure="not tried: no time was left for trials"))
        told = limits.to_json()
        started = self.clock.left()
        model = attempt(lambda: self._fit(candidate, limits, rows.source, f"trial {self._place(i)}"))
        if isinstance(model, str):
            return self._told(i, Trial(candidate=candidate, failure=model, limit=told))
        if started is not None and limits.seconds is not None:
            self._overheads[i] = max(0.0, started - (self.clock.left() or 0.0) - limits.seconds)
        return self._told(i, self._judged(candidate, model, rows, told))

    def _judged(
        self, candidate: Candidate, model: Model, rows: TrialRows, limit: dict[str, JsonValue]
    ) -> Trial:
        try:
            found = judge(model, rows, seed=self.context.seed, threads=self.context.threads)
        except (CancelledError, ClusterError):
            raise
        except (MintageError, RuntimeError, MemoryError) as exc:
            return Trial(candidate=candidate, failure=f"not judged: {_first_line(exc)}", limit=limit)
        return Trial(candidate=candidate, judgement=found, limit=limit)

    def _fit(self, candidate: Candidate, limits: Limits, source: Source, stage: str) -> Model:
        generator = make_generator(candidate, self.config.shared(), limits)
        context = replace(
            self.context, report=self._relay(f"{candidate.kind}, {stage}"), checkpoints=NoCheckpoints()
        )
        return generator.fit(source, context)

    def _limits(self, to_come: int) -> Limits | None:
        """What a trial may take: a part of what is left for those to come; None when nothing is."""
        count = len(self.config.candidates)
        steps = self.config.max_steps
        steps = share_of_steps(steps, self.config.trial_share, count) if steps else None
        left, whole = self.clock.left(), self.config.max_seconds
        if left is None or whole is None:
            return Limits(steps=steps)
        slot = (left - whole * (1 - self.config.trial_share)) / to_come
        if slot < SHORTEST_TRIAL / 2:
            return None
        return Limits(seconds=slot * (1 - _JUDGING), steps=steps)

    def _place(self, i: int) -> str:
        return f"{i + 1} of {len(self.config.candidates)}"

    def _told(self, i: int, trial: Trial) -> Trial:
        what = trial.judgement.describe() if trial.judgement else trial.failure
        self._tell(f"{trial.candidate.describe()}, trial {self._place(i)}: {what}")
        return trial

    def _tell(self, note: str) -> None:
        self.context.report(FitProgress(0, 0, note))

    def _relay(self, prefix: str) -> Callable[[FitProgress], None]:
        return relay(self.context, prefix)


def relay(context: FitContext, prefix: str) -> Callable[[FitProgress], None]:
    """Progress of a candidate, with its name before it."""
    return lambda told: context.report(FitProgress(told.step, told.steps, f"{prefix}: {told.note}"))


def _nothing_to_compare(rows: TrialRows) -> str:
    """Why held-out rows could not tell candidates apart; empty when they could."""
    if rows.learned.num_columns < 2:
        return "with one column there is nothing that hangs together"
    try:
        tables = align(rows.learned, rows.held_out, rows.held_out, Options(kinds=rows.kinds))
    except SpecError as exc:
        return f"the judge cannot measure these columns ({exc.message})"
    varying = _varying(tables)
    return "" if varying > 1 else f"columns that vary and can be measured: {varying} of {len(tables.columns)}"


def _varying(tables: Tables) -> int:
    values = [column.values[~column.missing] for column in tables.real.columns]
    missing = [bool(column.missing.any()) for column in tables.real.columns]
    return sum(
        len(held) > 0 and (gaps or bool(held.min() < held.max()))
        for held, gaps in zip(values, missing, strict=True)
    )
