"""How far rows are from real ones: what was learned from, and what follows from that.

    generation    0 is real; what learns is 1 + the highest of what it learns from
    real fraction share of real rows among all rows that were learned from
    roots         the real sources that everything came from, by digest

A parent that nobody trusted has signed is unknown, never real. Unknown spreads to what depends on it
and no further: that a lineage is of unknown generation does not hide that it is at least the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from mintage.errors import ProvenanceError
from mintage.provenance.digests import Digest
from mintage.provenance.records import Count

MAX_PARENTS = 1000
MAX_ROOTS = 1000
MAX_WAIVED = MAX_ROOTS + 10
MAX_GENERATION = 1_000_000
FRACTION_DIGITS = 12
"""Decimal places of a real fraction; what does not fit is cut off, so that it never says too much."""

UNKNOWN: Literal["unknown"] = "unknown"

Kind = Literal["real", "synthetic", "model", "unknown"]
Mode = Literal["replace", "accumulate", "unknown"]


def _known(value: object) -> object:
    return None if value == UNKNOWN else value


def _decimal(value: object) -> object:
    value = _known(value)
    if isinstance(value, str) and (len(value) > FRACTION_DIGITS + 2 or not _is_decimal(value)):
        raise ValueError(f"a fraction is decimal text from 0 to 1, such as 0.25, not {value[:40]!r}")
    return Decimal(value) if isinstance(value, str) else value


def _is_decimal(text: str) -> bool:
    whole, point, digits = text.partition(".")
    ends_well = not point or (digits.isdigit() and not digits.endswith("0"))
    return text.isascii() and whole in ("0", "1") and ends_well


def _text(value: object) -> str:
    return UNKNOWN if value is None else format(value, "f") if isinstance(value, Decimal) else str(value)


_Text = PlainSerializer(_text, return_type=str)
Generation = Annotated[Annotated[Count, Field(le=MAX_GENERATION)] | None, BeforeValidator(_known), _Text]
Share = Annotated[Annotated[Decimal, Field(ge=0, le=1)] | None, BeforeValidator(_decimal), _Text]
Weight = Annotated[Count | None, BeforeValidator(_known), _Text]


class _Aged(BaseModel):
    """What has a generation; as in-toto asks, unknown keys are left alone."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    generation: Generation
    """None: unknown."""
    at_least: Annotated[Count, Field(le=MAX_GENERATION)] = Field(
        default=0, validation_alias="generationAtLeast", serialization_alias="generationAtLeast"
    )
    """What the generation is, or when it is unknown, the least that it can be."""
    real_fraction: Share = Field(validation_alias="realFraction", serialization_alias="realFraction")
    """Share of real rows among those learned from, in [0, 1]; 1 for a real source; None: unknown."""

    @model_validator(mode="before")
    @classmethod
    def _is_at_least_itself(cls, value: Any) -> Any:  # noqa: ANN401  # pydantic's signature
        if isinstance(value, dict) and value.get("generation") not in (None, UNKNOWN):
            return {**value, "generationAtLeast": value["generation"]}
        return value

    def to_json(self) -> dict[str, object]:
        """The JSON values that stand in plans and statements."""
        value = self.model_dump(mode="json", by_alias=True)
        if self.generation is not None:
            del value["generationAtLeast"]
        return value


class Parent(_Aged):
    """Something that was learned from, or the data set whose model was used."""

    name: Annotated[str, Field(min_length=1, max_length=1024)]
    kind: Kind
    digest: Digest | None
    """Of what it is: a real source, the root of a data set, a model."""
    statement: Digest | None
    """Of the statement that says so; None when there is none that is trusted."""
    weight: Weight = None
    """Its rows; None: unknown."""


class Waiver(BaseModel):
    """Limits that were waived, and why; signed with the rest."""

    model_config = ConfigDict(frozen=True)

    reason: Annotated[str, Field(min_length=1, max_length=2000)]
    problems: Annotated[tuple[Annotated[str, Field(max_length=2000)], ...], Field(max_length=MAX_WAIVED)]
    """What the policy would have refused."""


class Lineage(_Aged):
    """Where the rows of a data set come from."""

    mode: Mode | None = None
    """Whether real rows stayed in beside synthetic ones; None where no synthetic rows were learned from."""
    roots: Annotated[tuple[Digest, ...], Field(max_length=MAX_ROOTS)] = ()
    """Real sources that are known, in order of their digests."""
    parents: Annotated[tuple[Parent, ...], Field(max_length=MAX_PARENTS)] = ()
    waiver: Waiver | None = None

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The lineage in a plan or statement; raises `ProvenanceError` when it is malformed."""
        try:
            return cls.model_validate(value)
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ProvenanceError(
                f"the lineage is malformed at {place or 'its root'}: {first['msg']}"
            ) from exc

    def to_json(self) -> dict[str, object]:
        """The JSON values that stand in plans and statements."""
        value = {**super().to_json(), "parents": [parent.to_json() for parent in self.parents]}
        if self.waiver is None:
            del value["waiver"]
        return value

    @property
    def is_attested(self) -> bool:
        """Whether everything that was learned from has a statement that is trusted."""
        return all(parent.statement is not None for parent in self.parents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """A parent, and what it hands on: the real sources behind it, and its mode when it is a model."""

    parent: Parent
    roots: tuple[str, ...] = ()
    mode: Mode | None = None


def derive(ancestors: Sequence[Ancestor], waiver: Waiver | None = None) -> Lineage:
    """The lineage of what is made from these; from none, rows of the first generation that nothing taught.

    >>> people = Parent(name="people", kind="real", digest=None, statement=None, generation=0,
    ...                 real_fraction=Decimal(1), weight=30)
    >>> minted = Parent(name="minted", kind="synthetic", digest=None, statement=None, generation=1,
    ...                 real_fraction=Decimal("0.5"), weight=10)
    >>> made = derive([Ancestor(parent=people), Ancestor(parent=minted)])
    >>> made.generation, str(made.real_fraction), made.mode
    (2, '0.75', 'accumulate')

    Raises `ProvenanceError` for more than `MAX_PARENTS` parents or `MAX_ROOTS` roots, and for a
    generation beyond `MAX_GENERATION`.
    """
    parents = [ancestor.parent for ancestor in ancestors]
    roots = sorted({root for ancestor in ancestors for root in ancestor.roots})
    if len(parents) > MAX_PARENTS or len(roots) > MAX_ROOTS:
        raise ProvenanceError(
            f"{len(parents)} parents with {len(roots)} real roots are more than the {MAX_PARENTS} and "
            f"{MAX_ROOTS} that a statement lists",
            "put sources together in one folder, and attest the folder",
        )
    generation, at_least = _age(parents)
    if at_least > MAX_GENERATION:
        raise ProvenanceError(f"a parent is of generation {at_least - 1}: nothing is that far from real rows")
    inherited: list[Mode | None] = [
        ancestor.mode for ancestor in ancestors if ancestor.parent.kind == "model"
    ]
    return Lineage(
        generation=generation,
        at_least=at_least,
        real_fraction=_real_fraction(parents),
        mode=inherited[0] if inherited else _mode(parents),
        roots=tuple(roots),
        parents=tuple(parents),
        waiver=waiver,
    )


def join(older: Lineage, newer: Lineage) -> Lineage:
    """The lineage of rows that were made in two runs: all that either of them learned from."""
    parents = tuple(dict.fromkeys([*older.parents, *newer.parents]))
    roots = tuple(sorted({*older.roots, *newer.roots}))
    if len(parents) > MAX_PARENTS or len(roots) > MAX_ROOTS:
        raise ProvenanceError(
            f"together the runs have {len(parents)} parents and {len(roots)} roots, more than {MAX_PARENTS}",
            "write to a new data set",
        )
    generation, at_least = _age(parents)
    modes: tuple[Mode | None, ...] = (UNKNOWN, "replace", "accumulate", None)
    worst = min((older.mode, newer.mode), key=modes.index)
    return Lineage(
        generation=generation,
        at_least=at_least,
        real_fraction=_real_fraction(parents),
        mode=worst if _inherits(parents) else _mode(parents),
        roots=roots,
        parents=parents,
        waiver=_join_waivers(older.waiver, newer.waiver),
    )


def _join_waivers(older: Waiver | None, newer: Waiver | None) -> Waiver | None:
    if older is None or newer is None or older == newer:
        return newer or older
    problems = tuple(dict.fromkeys([*older.problems, *newer.problems]))[:MAX_WAIVED]
    return Waiver(reason=f"{older.reason[:990]}; {newer.reason[:990]}", problems=problems)


def unattested(source: str | None, name: str = "source") -> Lineage:
    """The lineage of what learns from a source of which only the digest is known; None: from no source."""
    return derive([] if source is None else [unknown_ancestor(name, source)])


def unknown_ancestor(
    name: str, digest: str | None, *, kind: Kind = "unknown", at_least: int = 0, weight: int | None = None
) -> Ancestor:
    """A parent that no trusted statement speaks for; `at_least` is what it says of itself."""
    return Ancestor(
        parent=Parent(
            name=name[:1024],
            kind=kind,
            digest=digest,
            statement=None,
            generation=None,
            at_least=at_least,
            real_fraction=None,
            weight=weight,
        )
    )


def find_flaws(lineage: Lineage) -> list[str]:
    """What a lineage says that does not follow from the parents that it lists; nothing when all does."""
    parents, flaws = lineage.parents, []
    generation, at_least = _age(parents)
    fraction = _real_fraction(parents)
    if (lineage.generation, lineage.at_least) != (generation, at_least):
        flaws.append(
            f"the generation is {_age_text(lineage)}, but follows as {_text(generation)} "
            f"(at least {at_least}) from its parents"
        )
    if lineage.real_fraction != fraction:
        flaws.append(
            f"the real fraction is {_text(lineage.real_fraction)}, but follows as {_text(fraction)} from its "
            "parents"
        )
    if not _inherits(parents) and lineage.mode != _mode(parents):
        flaws.append(f"the mode is {lineage.mode}, but follows as {_mode(parents)} from its parents")
    flaws += [flaw for parent in parents for flaw in _flaws_of(parent, lineage.roots)]
    return flaws


def _flaws_of(parent: Parent, roots: Sequence[str | None]) -> list[str]:
    flaws = []
    if parent.statement is None and (parent.generation, parent.real_fraction) != (None, None):
        flaws.append(f"{parent.name} is told as known, but no statement says so")
    if parent.kind == "real" and not (parent.generation == 0 and parent.real_fraction == 1):
        flaws.append(f"{parent.name} is told as real, but not as generation 0")
    if parent.kind == "real" and parent.digest not in roots:
        flaws.append(f"{parent.name} is told as real, but is not among the roots")
    if parent.kind in ("synthetic", "model") and parent.at_least < 1:
        flaws.append(f"{parent.name} is synthetic, but told as generation 0")
    return flaws


def _age(parents: Sequence[Parent]) -> tuple[int | None, int]:
    """The generation of what comes from these, None when unknown, and the least that it can be.

    What learns from rows is one generation further; what a model draws is of the model's own.
    """
    at_least = max((parent.at_least + (parent.kind != "model") for parent in parents), default=1)
    known = all(parent.generation is not None for parent in parents)
    return (at_least if known else None), at_least


def _real_fraction(parents: Sequence[Parent]) -> Decimal | None:
    """The share of real rows among all that were learned from; that of a model is its data set's."""
    shares = [_share(parent) for parent in parents]
    if not shares:
        return Decimal(0)
    if len(set(shares)) == 1:
        return shares[0]
    weights = [parent.weight for parent in parents]
    pairs = zip(shares, weights, strict=True)
    known = [(Fraction(share), rows) for share, rows in pairs if share is not None and rows is not None]
    rows = sum(weight for _, weight in known)
    if len(known) < len(parents) or not rows:
        return None
    return _cut(sum((share * weight for share, weight in known), Fraction(0)) / rows)


def _share(parent: Parent) -> Decimal | None:
    """The share of real rows among those of a parent: what a model made is not real, whatever taught it."""
    if parent.kind == "model":
        return parent.real_fraction
    return {"real": Decimal(1), "synthetic": Decimal(0)}.get(parent.kind)


def _cut(exact: Fraction) -> Decimal:
    """The fraction as a decimal number, cut after `FRACTION_DIGITS` places."""
    cut = exact.numerator * 10**FRACTION_DIGITS // exact.denominator
    return Decimal(cut).scaleb(-FRACTION_DIGITS).normalize()


def _mode(parents: Sequence[Parent]) -> Mode | None:
    kinds = {parent.kind for parent in parents}
    if "synthetic" not in kinds:
        return UNKNOWN if "unknown" in kinds else None
    if "real" in kinds:
        return "accumulate"
    return UNKNOWN if "unknown" in kinds else "replace"


def _inherits(parents: Sequence[Parent]) -> bool:
    return any(parent.kind == "model" for parent in parents)


def _age_text(lineage: Lineage) -> str:
    return f"{_text(lineage.generation)} (at least {lineage.at_least})"
