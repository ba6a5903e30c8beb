"""The generators that can be chosen, and how a candidate becomes one under given limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from mintage.contracts import Generator

KINDS: dict[str, str] = {
    "tabular.autoregressive": "mintage_generators.tabular.autoregressive.generator:AutoregressiveGenerator",
    "tabular.copula": "mintage_generators.tabular.copula.generator:CopulaGenerator",
    "tabular.diffusion": "mintage_generators.tabular.diffusion.generator:DiffusionGenerator",
    "tabular.gan": "mintage_generators.tabular.gan.generator:GanGenerator",
    "tabular.marginals": "mintage_generators.tabular.marginals.generator:MarginalsGenerator",
    "tabular.vae": "mintage_generators.tabular.vae.generator:VaeGenerator",
}
"""Kind -> module and class. Generators with a privacy claim are not among them: a choice is made by
looking at real rows without noise, and would break the claim."""

_SHORTEST_SECONDS = 0.1


class Candidate(BaseModel):
    """A generator's kind, and beside it the options of that generator."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: str = Field(description="Kind of a tabular generator, such as tabular.autoregressive.")

    @property
    def options(self) -> dict[str, JsonValue]:
        """The options that were given."""
        return dict(self.model_extra or {})

    def describe(self) -> str:
        """Kind and options as a reader tells candidates apart.

        >>> Candidate.model_validate({"kind": "tabular.autoregressive", "hidden": 64}).describe()
        'tabular.autoregressive (hidden=64)'
        """
        given = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.kind} ({given})" if given else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a fit may last; None: as the candidate's own options say."""

    seconds: float | None = None
    steps: int | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """The limits that there are, for the fit record."""
        seconds = None if self.seconds is None else round(self.seconds, 1)
        given: dict[str, JsonValue] = {"seconds": seconds, "steps": self.steps}
        return {name: value for name, value in given.items() if value is not None}


def generator_class(kind: str) -> type[Generator]:
    """The class of a kind of `KINDS`; raises `KeyError` for another."""
    module, name = KINDS[kind].split(":")
    found: type[Generator] = getattr(import_module(module), name)
    return found


def make_generator(candidate: Candidate, shared: Mapping[str, JsonValue], limits: Limits) -> Generator:
    """The candidate's generator: its own options, shared ones where it gives none, and the tighter limits.

    Raises `pydantic.ValidationError` for options that the generator refuses.
    """
    kind = generator_class(candidate.kind)
    known = kind.Config.model_fields
    options = {**shared, **candidate.options}
    if limits.steps is not None and "max_steps" in known:
        own = candidate.options.get("max_steps")
        options["max_steps"] = min(limits.steps, own) if isinstance(own, int) else limits.steps
    if "max_seconds" in known and (limits.seconds is not None or limits.steps is not None):
        options["max_seconds"] = _tighter(candidate.options.get("max_seconds"), limits.seconds)
    return kind(kind.Config.model_validate(options))


def _tighter(own: JsonValue, limit: float | None) -> float | None:
    given = [value for value in (own, limit) if isinstance(value, int | float)]
    return max(_SHORTEST_SECONDS, min(given)) if given else None


def share_of_steps(steps: int, share: float, candidates: int) -> int:
    """Steps of one trial: its part of the share of the whole.

    >>> share_of_steps(900, 0.3, 2)
    135
    """
    return max(1, math.ceil(round(steps * share / candidates, 6)))


def what_is_wrong(candidate: Candidate) -> str | None:
    """Why a candidate cannot be one; None when it can."""
    if candidate.kind not in KINDS:
        return f"{candidate.kind!r} is not one of {', '.join(sorted(KINDS))}"
    try:
        config = make_generator(candidate, {}, Limits()).config
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{candidate.kind}: {where}: {first['msg']}"
    if _has_epsilon(config.model_dump(mode="json")):
        return (
            f"{candidate.kind} with an epsilon cannot be chosen among others: the choice looks at real rows "
            "without noise and would break the claim; name that generator itself"
        )
    return None


def runs_by_a_clock(candidate: Candidate) -> bool:
    """Whether more time lets it learn more."""
    return "max_seconds" in generator_class(candidate.kind).Config.model_fields


def _has_epsilon(value: JsonValue) -> bool:
    """Whether options, at any depth, ask for differential privacy."""
    if isinstance(value, dict):
        return value.get("epsilon") is not None or any(_has_epsilon(part) for part in value.values())
    return False
