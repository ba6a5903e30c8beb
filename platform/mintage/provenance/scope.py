"""How much of a data set is verified: all of it, a random share of its shards, or one of them."""

from __future__ import annotations

import math
import random
import secrets
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from mintage.errors import SpecError

MAX_SEED = 2**64 - 1
SHARES = (Fraction(1, 1000), Fraction(1, 100), Fraction(1, 10))
"""Shares of bad shards whose chance to escape is told."""

_EXAMPLE = "such as 1%, 0.05% or 200"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is looked at. Everything that is looked at is checked down to its bytes."""

    version: int | None = None
    """The version; the newest by default."""
    sample: str | None = None
    """Shards chosen at random: a share such as `1%`, or a number. None: all."""
    seed: int | None = None
    """Chooses the same shards again; by default nobody can foresee which."""
    shard: int | None = None
    """One shard, by its number."""
    strict: bool = False
    """Whether anything that the version does not explain is a failure, wherever it lies in the folder."""
    journal: Path | None = None
    """File that keeps which shards were found sound, to go on from there."""

    def __post_init__(self) -> None:
        chosen = [name for name in ("sample", "shard") if getattr(self, name) is not None]
        whole = [name for name, given in (("strict", self.strict), ("resume", self.journal)) if given]
        if len(chosen) == 2 or (chosen and whole):
            raise SpecError(
                f"--{chosen[0]} does not go with --{(chosen[1:] + whole)[0]}",
                "verify a sample, one shard, or the whole data set",
            )
        if self.seed is not None and (self.sample is None or not 0 <= self.seed <= MAX_SEED):
            raise SpecError(
                f"--seed {self.seed} means nothing here", f"give 0 to {MAX_SEED} together with --sample"
            )
        if self.sample is not None:
            read_size(self.sample, 1)

    @property
    def is_partial(self) -> bool:
        """Whether only some shards are looked at."""
        return self.sample is not None or self.shard is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Shards that were chosen at random, by their places in the tree."""

    places: tuple[int, ...]
    """In order."""
    size: int
    """Shards of the version."""
    seed: int

    @classmethod
    def draw(cls, size: int, asked: str, seed: int | None) -> Sample:
        """Choose from `size` shards. Without a seed nobody can foresee which."""
        chosen = secrets.randbits(64) if seed is None else seed
        count = read_size(asked, size)
        generator = random.Random(chosen)  # noqa: S311  # 64 secret bits are hard enough to foresee
        return cls(places=tuple(sorted(generator.sample(range(size), count))), size=size, seed=chosen)

    def escapes(self, share: Fraction) -> float:
        """The chance that bad shards, that share of all and at least one, are all outside the sample."""
        return chance_to_escape(self.size, max(1, math.ceil(share * self.size)), len(self.places))

    def to_json(self) -> dict[str, object]:
        """The sample as plain JSON values."""
        escapes = {f"{float(share):g}": self.escapes(share) for share in SHARES}
        return {
            "shards": len(self.places),
            "of": self.size,
            "seed": str(self.seed),
            "escapes": escapes,
        }


def read_size(asked: str, size: int) -> int:
    """How many of `size` shards `1%` or `200` are: at least one, at most all.

    >>> read_size("1%", 250), read_size("200", 150)
    (3, 150)

    Raises `SpecError` for anything else.
    """
    text = asked.strip()
    digits = text.removesuffix("%")
    plain = digits.isascii() and len(digits) <= 20 and digits.replace(".", "", 1).isdigit()
    if not plain or ("." in digits and digits == text):
        raise SpecError(f"--sample {asked[:40]!r} is neither a share nor a number", _EXAMPLE)
    share = Fraction(digits) / 100 if digits != text else None
    if Fraction(digits) == 0 or (share is not None and share > 1):
        raise SpecError(f"--sample {asked[:40]!r} is not more than nothing and at most all", _EXAMPLE)
    return min(size, math.ceil(share * size) if share is not None else int(digits))


def chance_to_escape(size: int, bad: int, drawn: int) -> float:
    """The chance that none of `bad` things is among `drawn` of `size`, drawn without putting back.

    >>> chance_to_escape(10, 1, 4), round(chance_to_escape(1000, 10, 100), 3)
    (0.6, 0.347)
    """
    if bad + drawn > size:
        return 0.0
    fewer, more = sorted((bad, drawn))
    # Exact: C(size - bad, drawn) / C(size, drawn), which is the same with the two numbers exchanged.
    logarithm = math.fsum(math.log1p(-more / (size - step)) for step in range(fewer))
    return math.exp(logarithm)
