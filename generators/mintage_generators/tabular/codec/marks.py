"""What sets fakes apart from every value of a column: free domains, networks, blocks of numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage.errors import SourceError
from mintage_generators.tabular.codec.pattern import Pattern
from mintage_generators.tabular.codec.personal import PersonalKind

_UNASSIGNED = {
    (PersonalKind.PHONE_NUMBER, "0" * 10): [f"{first}9" for first in range(2, 10)],
    (PersonalKind.PHONE_NUMBER, "0" * 11): [f"1{first}9" for first in range(2, 10)],
    (PersonalKind.NATIONAL_ID, "0" * 9): ["000", "666"],
    (PersonalKind.CREDIT_CARD, "0" * 16): ["99", "98", "97"],
}
"""First digits that nobody is given: area codes N9X (North American Numbering Plan), social security
numbers of the areas 000 and 666, cards of industry 9 (ISO/IEC 7812), by kind and free places."""


def mark_of(kind: PersonalKind, texts: pa.Array) -> str:
    """The mark of fakes of a kind, which none of these texts has; see `FakeColumn`."""
    lower = pc.utf8_lower(texts)
    match kind:
        case PersonalKind.EMAIL_ADDRESS:
            return _first_free(_domains(), lambda domain: pc.ends_with(lower, "@" + domain))
        case PersonalKind.URL:
            return _first_free(
                (f"https://{domain}" for domain in _domains()), lambda host: pc.starts_with(lower, host)
            )
        case PersonalKind.USER_NAME:
            return _first_free(_signs(), lambda sign: pc.match_substring(texts, sign))
        case PersonalKind.IP_ADDRESS:
            networks = _networks_6() if _mostly(texts, ":") else _networks_4()
            return _first_free(networks, lambda network: _within(lower, network))
        case PersonalKind.MAC_ADDRESS:
            return _first_free(_makers(texts), lambda maker: pc.starts_with(lower, maker.lower()))
        case PersonalKind.PERSON_NAME:
            return ", " if _mostly(texts, ",") else " "
        case _:
            return ""


def pattern_of(name: str, kind: PersonalKind, texts: pa.Array, rng: np.random.Generator) -> Pattern:
    """The commonest way in which these texts are written, with numbers that none of them has."""
    shapes = texts
    for character, place in (("[0-9]", "0"), ("[A-Z]", "A"), ("[a-z]", "a")):
        shapes = pc.replace_substring_regex(shapes, character, place)
    shape = pc.mode(shapes.dictionary_encode().indices)[0]["mode"].as_py()
    text = shapes.dictionary_encode().dictionary[shape].as_py()
    places = "".join(sign if sign in "0Aa" else "=" for sign in text)
    if kind is PersonalKind.IBAN:
        # The country stays; its check digits are worked out afterwards.
        country = texts.filter(pc.equal(shapes, text))[0].as_py()[:2]
        text, places = country + text[2:], "==" + places[2:]
    if not places.strip("=") or not text.isascii():
        raise SourceError(
            f"column {name!r} is called personal ({kind}), and its values have nothing to replace",
            "name another kind under personal.columns, or leave the column out",
        )
    free = "".join(place for place in places if place != "=")
    pattern = Pattern(text=text, places=places, start=0, block=0)
    real = _ends(texts, len(free), free)
    for first in _UNASSIGNED.get((kind, free), []):
        if not pc.any(pc.starts_with(real, first)).as_py():
            return pattern.beginning(first)
    return pattern.unused(_laid_out(pattern, real), rng) if len(real) else pattern.beginning("9")


def _ends(texts: pa.Array, length: int, free: str) -> pa.Array:
    """The last `length` digits and letters of those texts that fit the free places."""
    plain = pc.replace_substring_regex(texts, "[^0-9A-Za-z]", "")
    ends = pc.utf8_slice_codeunits(plain, -length)
    kinds = {"0": "[0-9]", "A": "[A-Z]", "a": "[a-z]"}
    fits = pc.match_substring_regex(ends, "^" + "".join(kinds[place] for place in free) + "$")
    return ends.filter(fits)


def _laid_out(pattern: Pattern, ends: pa.Array) -> np.ndarray:
    codes = np.frombuffer("".join(ends.to_pylist()).encode(), np.uint8).reshape(len(ends), -1)
    laid = np.repeat(np.frombuffer(pattern.text.encode(), np.uint8)[None], len(ends), axis=0)
    laid[:, [i for i, place in enumerate(pattern.places) if place != "="]] = codes
    return laid


def _first_free(marks: Iterable[str], held: Callable[[str], pa.BooleanArray]) -> str:
    return next(mark for mark in marks if not pc.any(held(mark)).as_py())


def _domains() -> Iterator[str]:
    """Names that RFC 2606 sets aside for examples."""
    yield from ("example.com", "example.org", "example.net")
    yield from (f"mail{number}.example" for number in itertools.count(1))


def _signs() -> Iterator[str]:
    for times in itertools.count(1):
        yield from ("_" * times, "." * times, "-" * times)


def _networks_4() -> Iterator[str]:
    """Networks that RFC 2544 and RFC 1918 keep out of the public network, then any."""
    yield from ("198.18", "198.19")
    yield from (f"{first}.{second}" for first in (10, *range(1, 255)) for second in range(256))


def _networks_6() -> Iterator[str]:
    """Networks for documentation (RFC 3849)."""
    return (f"2001:db8:{number:x}:0" for number in itertools.count(1))


def _makers(texts: pa.Array) -> Iterator[str]:
    """The first two bytes of addresses that are administered locally (IEEE 802), as the texts write them."""
    sign = "-" if _mostly(texts, "-") else ":"
    upper = len(texts) and pc.mean(pc.match_substring_regex(texts, "[A-F]")).as_py() > 0.5
    for first, second in itertools.product(range(2, 256, 4), range(256)):
        maker = f"{first:02x}{sign}{second:02x}"
        yield maker.upper() if upper else maker


def _within(texts: pa.Array, network: str) -> pa.BooleanArray:
    return pc.starts_with(texts, network + (":" if ":" in network else "."))


def _mostly(texts: pa.Array, part: str) -> bool:
    return bool(len(texts)) and pc.mean(pc.match_substring(texts, part)).as_py() > 0.5
