"""Options of the generator that fits a model for each segment."""

from __future__ import annotations

from pydantic import Field, field_validator

from mintage.contracts import GeneratorConfig
from mintage_generators.tabular.auto.candidates import Candidate, what_is_wrong


class SegmentsConfig(GeneratorConfig):
    """By which column rows are told apart, and what learns each part."""

    column: str = Field(min_length=1, description="Column whose values tell the segments apart.")
    generator: Candidate = Field(
        default=Candidate(kind="tabular.autoregressive"),
        description="What learns each segment: the kind of a tabular generator, and its options.",
    )
    min_rows: int = Field(
        default=1000,
        ge=20,
        le=10**9,
        description="Rows that a segment must have to get a model of its own; the others share one.",
    )
    max_segments: int = Field(
        default=100,
        ge=1,
        le=1000,
        description="Models at most beside the shared one; the longest segments get them.",
    )
    max_seconds: float | None = Field(
        default=300.0,
        gt=0,
        description="Seconds of all trainings together, shared out by rows, where the generator's own "
        "max_seconds and max_steps are not given; null: no limit.",
    )

    @field_validator("generator")
    @classmethod
    def _can_learn_a_segment(cls, candidate: Candidate) -> Candidate:
        if wrong := what_is_wrong(candidate):
            raise ValueError(wrong)
        return candidate
