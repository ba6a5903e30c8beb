"""Columns of personal identifiers: made up for each row, one person the same in all columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage_generators.tabular.codec.checksums import iban_digits, luhn_digit
from mintage_generators.tabular.codec.keys import uuids
from mintage_generators.tabular.codec.made import MadeColumn, Owners
from mintage_generators.tabular.codec.mixing import mixed
from mintage_generators.tabular.codec.pattern import ALPHABETS, Pattern, texts_of
from mintage_generators.tabular.codec.people import People
from mintage_generators.tabular.codec.personal import PersonalKind

WITH_PATTERN = frozenset(
    {PersonalKind.PHONE_NUMBER, PersonalKind.IBAN, PersonalKind.CREDIT_CARD, PersonalKind.NATIONAL_ID}
)
"""Kinds that are spelled into a pattern."""

WITH_LEVELS = frozenset({PersonalKind.STREET_ADDRESS, PersonalKind.CITY, PersonalKind.POSTAL_CODE})
"""Kinds that come from a pool."""

WITH_PEOPLE = frozenset(
    {
        PersonalKind.EMAIL_ADDRESS,
        PersonalKind.PERSON_NAME,
        PersonalKind.FIRST_NAME,
        PersonalKind.LAST_NAME,
        PersonalKind.USER_NAME,
    }
)
"""Kinds that are or contain a person's name."""

_BASE_36 = np.frombuffer(ALPHABETS["x"].encode(), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeColumn(MadeColumn):
    """Fakes of one kind: from `people`, from a pool of `levels`, or spelled into a `pattern`.

    `mark` is what tells fakes from the values of the source, by kind: a domain, a host, a network, the
    sign between the parts of a user name. For names it is what stands between their two parts.
    """

    kind: PersonalKind
    people: People | None = None
    levels: pa.Array | None = None
    pattern: Pattern | None = None
    mark: str = ""

    def values(self, owners: Owners) -> pa.Array:
        """The identifier of each owner."""
        return _WRITERS[self.kind](self, owners).cast(self.type)

    def describe(self) -> str:
        """What is made."""
        return f"it holds personal identifiers ({self.kind}), which are made up for each row"


def _email(column: FakeColumn, owners: Owners) -> pa.Array:
    first, last = _people(column).plain_parts(_person(column, owners))
    name = pc.binary_join_element_wise(first, last, counted(owners.number), ".")
    return pc.binary_join_element_wise(name, column.mark, "@")


def _user_name(column: FakeColumn, owners: Owners) -> pa.Array:
    first, _ = _people(column).plain_parts(_person(column, owners))
    return pc.binary_join_element_wise(first, counted(owners.number), column.mark)


def _person_name(column: FakeColumn, owners: Owners) -> pa.Array:
    first, last = _people(column).parts(_person(column, owners))
    parts = (last, first) if column.mark.startswith(",") else (first, last)
    return pc.binary_join_element_wise(*parts, column.mark)


def _first_name(column: FakeColumn, owners: Owners) -> pa.Array:
    return _people(column).parts(_person(column, owners))[0]


def _last_name(column: FakeColumn, owners: Owners) -> pa.Array:
    return _people(column).parts(_person(column, owners))[1]


def _pooled(column: FakeColumn, owners: Owners) -> pa.Array:
    assert column.levels is not None
    place = _salted(column, owners) % np.uint64(len(column.levels))
    return column.levels.take(pa.array(place))


def _patterned(column: FakeColumn, owners: Owners) -> pa.Array:
    assert column.pattern is not None
    block = column.pattern.block
    numbers = _salted(column, owners) % np.uint64(block) if block else owners.number
    return column.pattern.spelled(numbers)


def _card(column: FakeColumn, owners: Owners) -> pa.Array:
    codes = _same_length(_patterned(column, owners))
    digits = np.flatnonzero((codes[0] >= ord("0")) & (codes[0] <= ord("9")))
    codes[:, digits[-1]] = ord("0") + luhn_digit(codes[:, digits[:-1]].astype(np.int64) - ord("0"))
    return texts_of(codes, np.ones(codes.shape, np.bool_))


def _iban(column: FakeColumn, owners: Owners) -> pa.Array:
    codes = _same_length(_patterned(column, owners))
    written = np.flatnonzero(codes[0] != ord(" "))
    check = iban_digits(codes[:, written[:2]], codes[:, written[4:]])
    codes[:, written[2]], codes[:, written[3]] = ord("0") + check // 10, ord("0") + check % 10
    return texts_of(codes, np.ones(codes.shape, np.bool_))


def _ip_address(column: FakeColumn, owners: Owners) -> pa.Array:
    salted = _salted(column, owners)
    sign, shifts = (":", (48, 32, 16, 0)) if ":" in column.mark else (".", (8, 0))
    write = _hex_words if sign == ":" else _octets
    parts = [write(salted >> np.uint64(shift)) for shift in shifts]
    return pc.binary_join_element_wise(column.mark, *parts, sign)


def _mac_address(column: FakeColumn, owners: Owners) -> pa.Array:
    salted, sign = _salted(column, owners), column.mark[2]
    letters = ALPHABETS["H" if column.mark.isupper() else "h"]
    octets = pa.array([a + b for a in letters for b in letters])
    parts = [octets.take(pa.array((salted >> np.uint64(shift)) % np.uint64(256))) for shift in (24, 16, 8, 0)]
    return pc.binary_join_element_wise(column.mark, *parts, sign)


def _url(column: FakeColumn, owners: Owners) -> pa.Array:
    return pc.binary_join_element_wise(column.mark, counted(owners.number), "/")


def _uuid(column: FakeColumn, owners: Owners) -> pa.Array:
    del column
    return uuids(owners)


_WRITERS: dict[PersonalKind, Callable[[FakeColumn, Owners], pa.Array]] = {
    PersonalKind.EMAIL_ADDRESS: _email,
    PersonalKind.PHONE_NUMBER: _patterned,
    PersonalKind.PERSON_NAME: _person_name,
    PersonalKind.FIRST_NAME: _first_name,
    PersonalKind.LAST_NAME: _last_name,
    PersonalKind.STREET_ADDRESS: _pooled,
    PersonalKind.CITY: _pooled,
    PersonalKind.POSTAL_CODE: _pooled,
    PersonalKind.IP_ADDRESS: _ip_address,
    PersonalKind.MAC_ADDRESS: _mac_address,
    PersonalKind.IBAN: _iban,
    PersonalKind.CREDIT_CARD: _card,
    PersonalKind.NATIONAL_ID: _patterned,
    PersonalKind.URL: _url,
    PersonalKind.USER_NAME: _user_name,
    PersonalKind.UUID: _uuid,
}


def counted(numbers: np.ndarray) -> pa.Array:
    """Numbers, uint64, in base 36, without leading zeros.

    >>> counted(np.array([0, 35, 36], np.uint64)).to_pylist()
    ['0', 'z', '10']
    """
    width = 1
    while 36**width <= int(numbers.max(initial=0)):
        width += 1
    powers = np.array([36**place for place in range(width - 1, -1, -1)], np.uint64)
    codes = _BASE_36[(numbers[:, None] // powers % np.uint64(36)).astype(np.int64)]
    used = numbers[:, None] >= powers
    used[:, -1] = True
    return texts_of(codes, used)


def _people(column: FakeColumn) -> People:
    assert column.people is not None
    return column.people


def _person(column: FakeColumn, owners: Owners) -> np.ndarray:
    return (owners.mixed % np.uint64(len(_people(column).pairs))).astype(np.int64)


def _salted(column: FakeColumn, owners: Owners) -> np.ndarray:
    """A number for each owner that differs from kind to kind: a telephone must not tell the address."""
    salt = list(PersonalKind).index(column.kind) + 1
    return mixed(owners.mixed + np.uint64(salt))


def _octets(numbers: np.ndarray) -> pa.Array:
    return pa.array([str(octet) for octet in range(256)]).take(pa.array(numbers % np.uint64(256)))


def _hex_words(numbers: np.ndarray) -> pa.Array:
    shifts = np.array([12, 8, 4, 0], np.uint64)
    codes = _BASE_36[((numbers[:, None] >> shifts) % np.uint64(16)).astype(np.int64)]
    # Groups are written without leading zeros (RFC 5952).
    used = (numbers[:, None] % np.uint64(65536)) >> shifts > 0
    used[:, -1] = True
    return texts_of(codes, used)


def _same_length(texts: pa.Array) -> np.ndarray:
    """ASCII codes of texts of one length, uint8, shape (rows, length); can be written to."""
    length = len(texts[0].as_py())
    return np.frombuffer("".join(texts.to_pylist()).encode(), np.uint8).reshape(len(texts), length).copy()
