"""Options of the generator that chooses."""

from __future__ import annotations

from pydantic import Field, JsonValue, field_validator, model_validator

from mintage_generators.tabular.auto.candidates import Candidate, runs_by_a_clock, what_is_wrong
from mintage_generators.tabular.codec import CodecConfig

DEFAULT_CANDIDATES = (
    Candidate(kind="tabular.autoregressive"),
    # Large tables that are hard to learn need every unit; which ones those are shows only in a trial.
    Candidate.model_validate({"kind": "tabular.autoregressive", "dropout": 0.05}),
)
DEFAULT_SECONDS = 150.0


class AutoConfig(CodecConfig):
    """Who may be chosen, and how long all of it may take."""

    max_seconds: float | None = Field(
        default=DEFAULT_SECONDS,
        gt=0,
        description="Seconds for everything: trials, their judgement, the fit of the chosen one; null: no "
        "limit, as when steps are given. A choice under a limit cannot be repeated exactly.",
    )
    max_steps: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Training steps of the chosen one at most; null: as its own options say.",
    )
    candidates: tuple[Candidate, ...] = Field(
        default=DEFAULT_CANDIDATES,
        min_length=1,
        max_length=20,
        description="Generators to choose from, each with its kind and its own options. The first is taken "
        "where nothing can be compared, and where the others are not measurably better.",
    )
    trial_share: float = Field(
        default=0.3,
        gt=0.0,
        lt=1.0,
        description="Share of the seconds (or steps) that the trials of all candidates take together.",
    )
    trial_rows: int = Field(
        default=50_000,
        ge=1000,
        le=1_000_000,
        description="Rows of a trial, those held out among them; of a longer source, a uniform sample.",
    )
    trial_holdout: float = Field(
        default=0.2,
        gt=0.0,
        le=0.5,
        description="Share of a trial's rows that only the judge sees: at least 100 rows, at most 5,000. "
        "The chosen one learns from all rows in the end.",
    )

    @field_validator("candidates")
    @classmethod
    def _candidates_can_be_made(cls, value: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        for candidate in value:
            if wrong := what_is_wrong(candidate):
                raise ValueError(wrong)
        return value

    @model_validator(mode="before")
    @classmethod
    def _fixed_steps_ask_for_no_clock(cls, values: object) -> object:
        """Whoever fixes the steps wants the same model again: then no default brings in a clock."""
        if isinstance(values, dict) and "max_seconds" not in values and _steps_are_fixed(values):
            return {**values, "max_seconds": None}
        return values

    def shared(self) -> dict[str, JsonValue]:
        """Options of the codec that were given here, for all candidates."""
        given = self.model_dump(mode="json", include=set(CodecConfig.model_fields) & self.model_fields_set)
        return dict(given)


def _steps_are_fixed(values: dict[str, object]) -> bool:
    """Whether the steps of all candidates that could run by a clock are given, here or beside them."""
    if values.get("max_steps") is not None:
        return True
    candidates = values.get("candidates")
    if not isinstance(candidates, list | tuple) or not candidates:
        return False
    return all(_needs_no_clock(candidate) for candidate in candidates)


def _needs_no_clock(candidate: object) -> bool:
    try:
        known = Candidate.model_validate(candidate)
        limited = runs_by_a_clock(known)
    except (ValueError, KeyError):
        return False  # the field's own validator says what is wrong with it
    return not limited or ("max_steps" in known.options and known.options.get("max_seconds") is None)
