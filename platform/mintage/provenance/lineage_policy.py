"""Which lineages are accepted: limits on depth, on the share of real rows, on what they come from.

Unknown meets no limit that it cannot be shown to meet: whoever sets one is refused what nobody attested.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mintage.provenance.digests import Digest
from mintage.provenance.lineage import MAX_ROOTS, Lineage

_HOW = "attest the real sources with `mintage attest`, trust their signers, or waive it with a reason"


def _exact(value: object) -> object:
    """A number as it is written: 0.3 is three tenths, not the binary fraction beside it."""
    return Decimal(str(value)) if isinstance(value, float | int) and not isinstance(value, bool) else value


class LineagePolicy(BaseModel):
    """Limits on the lineage of a data set; none by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_generation: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    """Generations from real rows, at most; 1 is learned from real rows alone."""
    min_real_fraction: Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=1)] | None = None
    forbid_roots: Annotated[frozenset[Digest], Field(max_length=MAX_ROOTS)] = frozenset()
    """Digests of real sources that nothing may come from, such as evaluation sets."""
    require_attested: bool = False
    """Whether everything that was learned from must have a statement that is trusted."""
    mode: Literal["accumulate", "replace"] | None = None
    """How synthetic rows must have been learned from, where they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageProblem:
    """A limit that a lineage does not keep: which, what was found, what to do."""

    limit: str
    message: str
    todo: str

    def __str__(self) -> str:
        return f"{self.limit}: {self.message}"


def check_lineage(lineage: Lineage, policy: LineagePolicy) -> list[LineageProblem]:
    """Every limit of the policy that the lineage does not keep, or cannot be shown to keep.

    >>> from mintage.provenance.lineage import derive
    >>> policy = LineagePolicy(max_generation=2, min_real_fraction=0.3)
    >>> [str(problem) for problem in check_lineage(derive([]), policy)]
    ['min_real_fraction: the real fraction is 0, and must be 0.3 or more']
    """
    found = [
        _generation(lineage, policy.max_generation),
        _fraction(lineage, policy.min_real_fraction),
        _mode(lineage, policy.mode),
        _attested(lineage) if policy.require_attested else None,
    ]
    return [problem for problem in found if problem] + _roots(lineage, policy.forbid_roots)


def _generation(lineage: Lineage, most: int | None) -> LineageProblem | None:
    if most is None or (lineage.generation is not None and lineage.generation <= most):
        return None
    if lineage.at_least > most:
        found = f"{lineage.at_least}" if lineage.generation else f"at least {lineage.at_least}"
        todo = "learn from earlier generations or from real rows"
    else:
        found = f"unknown (at least {lineage.at_least}), because of {_unattested(lineage)}"
        todo = _HOW
    return LineageProblem(
        limit="max_generation", message=f"the generation is {found}, and must be {most} or less", todo=todo
    )


def _fraction(lineage: Lineage, least: Decimal | None) -> LineageProblem | None:
    if not least or (lineage.real_fraction is not None and lineage.real_fraction >= least):
        return None
    if lineage.real_fraction is None:
        found, todo = f"unknown, because of {_unattested(lineage)}", _HOW
    else:
        found, todo = f"{lineage.real_fraction:f}", "add real rows with source.accumulate"
    return LineageProblem(
        limit="min_real_fraction",
        message=f"the real fraction is {found}, and must be {least:f} or more",
        todo=todo,
    )


def _mode(lineage: Lineage, mode: str | None) -> LineageProblem | None:
    if mode is None or lineage.mode in (None, mode):
        return None
    todo = "keep the real rows in with source.accumulate" if mode == "accumulate" else "leave out real rows"
    return LineageProblem(
        limit="mode",
        message=f"the mode is {lineage.mode}, and must be {mode}",
        todo=_HOW if lineage.mode == "unknown" else todo,
    )


def _attested(lineage: Lineage) -> LineageProblem | None:
    if lineage.is_attested and lineage.generation is not None:
        return None
    return LineageProblem(
        limit="require_attested",
        message=f"no trusted statement says what {_unattested(lineage)} is",
        todo=_HOW,
    )


def _roots(lineage: Lineage, forbidden: frozenset[str]) -> list[LineageProblem]:
    # What nobody attested has a digest too: a forbidden source is one, whether it was attested or not.
    behind = {*lineage.roots, *(parent.digest for parent in lineage.parents if parent.digest)}
    problems = [
        LineageProblem(
            limit="forbid_roots",
            message=f"the rows come from {root}, which is forbidden",
            todo="learn from other rows; a set that others are judged by must teach nothing",
        )
        for root in sorted(behind & forbidden)
    ]
    if not problems and forbidden and lineage.generation is None:
        problems.append(
            LineageProblem(
                limit="forbid_roots",
                message=f"what {_unattested(lineage)} comes from is unknown, and so may be forbidden",
                todo=_HOW,
            )
        )
    return problems


def _unattested(lineage: Lineage) -> str:
    """The parents that are not known, by name."""
    names = [parent.name for parent in lineage.parents if parent.generation is None]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(repr(name[:100]) for name in names[:5]) + more or "what was learned from"
