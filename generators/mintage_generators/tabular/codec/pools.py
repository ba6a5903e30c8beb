"""Names and addresses that nobody in the source has, made by Faker once, when the codec is learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage.errors import SourceError
from mintage_generators.tabular.codec.people import People

if TYPE_CHECKING:
    from faker import Faker

PEOPLE = 20_000
"""People made for a table; a person's first and last name stay together in all columns."""

PLACES = 5_000
"""Streets, towns and postal codes of a pool, each."""

_NAMES = 2_000


def faker_of(locale: str, rng: np.random.Generator) -> Faker:
    """Faker of a locale; raises `SourceError` for one that it does not have."""
    # Loaded when there is something to make up: it takes half a second.
    from faker import Faker

    try:
        faker = Faker(locale)
    except (AttributeError, ValueError, ImportError) as exc:
        raise SourceError(
            f"there are no names and addresses for personal.locale {locale!r}",
            "give a locale that Faker has, such as en_US, en_GB, de_DE, fr_FR, es_ES or ja_JP",
        ) from exc
    faker.seed_instance(int(rng.integers(0, 2**63)))
    return faker


def make_people(faker: Faker, taken: Callable[[pa.Array, pa.Array], np.ndarray]) -> People:
    """People whose names are not `taken` (bool for each pair of first and last names) together."""
    first = sorted({faker.first_name() for _ in range(_NAMES)})
    last = sorted({faker.last_name() for _ in range(2 * _NAMES)})
    rng = np.random.default_rng(faker.random.getrandbits(63))
    drawn = np.stack([rng.integers(0, len(names), 2 * PEOPLE) for names in (first, last)], axis=1)
    drawn = np.unique(drawn, axis=0).astype(np.int32)
    pairs = rng.permutation(drawn)
    draft = People(first=tuple(first), last=tuple(last), pairs=pairs)
    free = pairs[~taken(*draft.parts(np.arange(len(pairs))))][:PEOPLE]
    if not len(free):
        raise SourceError(
            "the source holds every name that could be made up for a person",
            "choose another personal.locale",
        )
    return People(first=tuple(first), last=tuple(last), pairs=free)


def make_pool(name: str, write: Callable[[], str], real: pa.Array) -> pa.Array:
    """Different texts as `write` makes them, none of which is in `real` but for letter case."""
    made = pa.array(sorted({write() for _ in range(PLACES)}), pa.string())
    kept = made.filter(pc.invert(pc.is_in(folded(made), value_set=folded(real).unique())))
    if not len(kept):
        raise SourceError(
            f"the source holds every value that could be made up for column {name!r}",
            "choose another personal.locale, or name the column under personal.keep",
        )
    return kept


def folded(texts: pa.Array) -> pa.Array:
    """Texts in lower case with single spaces and none around them, to compare them."""
    spaced = pc.replace_substring_regex(pc.utf8_lower(texts.cast(pa.string())), r"[\s,.]+", " ")
    return pc.utf8_trim_whitespace(spaced)


def known_first_names(locales: Sequence[str]) -> frozenset[str]:
    """Common first names of these locales in lower case."""
    names = set()
    for locale in locales:
        faker = faker_of(locale, np.random.default_rng(0))
        names |= {faker.first_name().lower() for _ in range(_NAMES)}
    return frozenset(names)
