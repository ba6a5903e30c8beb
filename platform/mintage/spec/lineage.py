"""Which lineages a job accepts, and whose word counts. Changes no row."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mintage.spec._base import Flag, Real, SpecModel, Uri, Whole

MAX_TRUSTED = 1000


class LineageSpec(SpecModel):
    """Limits on what is learned from, checked before anything is fitted; none by default."""

    trust: tuple[Uri, ...] = Field(
        default=(),
        max_length=MAX_TRUSTED,
        description="Files with the public keys whose word on sources and data sets is believed; the local "
        "identity's when not given.",
    )
    max_generation: Whole | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Generations away from real rows, at most; 1 is learned from real rows alone.",
    )
    min_real_fraction: Real | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of real rows in what is learned from, in [0, 1], at least.",
    )
    forbid_roots: tuple[Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")], ...] = Field(
        default=(),
        max_length=1000,
        description="Digests of real sources that nothing may come from, such as evaluation sets; "
        "`mintage attest` prints them.",
    )
    require_attested: Flag = Field(
        default=False, description="Whether all that is learned from must have a statement that is trusted."
    )
    mode: Literal["accumulate", "replace"] | None = Field(
        default=None,
        description="How synthetic rows may be learned from: accumulate, beside real ones; replace, without.",
    )
    waive: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
        default=None,
        description="Why the job is done although it does not keep these limits; signed with the data set.",
    )
