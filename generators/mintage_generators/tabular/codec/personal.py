"""Which columns hold personal identifiers: by what their values look like and what they are called.

A value is looked at as a whole, so that a pattern has to cover all of it, and check digits have to
be right where a kind has them (IBAN: ISO 13616, cards: the Luhn formula of ISO/IEC 7812). Where
values alone do not tell (a first name is a word), the name of the column has to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage_generators.tabular.codec.checksums import iban_holds, luhn_holds
from mintage_generators.tabular.codec.keys import UUID
from mintage_generators.tabular.codec.physical import is_text
from mintage_generators.tabular.codec.pools import known_first_names

SAMPLE = 1000
"""Distinct values of a column that are looked at."""

SHARE = 0.8
"""Share of the values looked at that must be of a kind."""

KNOWN_SHARE = 0.3
"""Share of the values of a column called "name" that must contain a common first name."""

_REPEATED = 0.05
"""Distinct values per row, at least, of kinds that also serve as categories: URLs, UUIDs, bare names."""


class PersonalKind(StrEnum):
    """What a personal identifier is."""

    EMAIL_ADDRESS = "email_address"
    PHONE_NUMBER = "phone_number"
    PERSON_NAME = "person_name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    STREET_ADDRESS = "street_address"
    CITY = "city"
    POSTAL_CODE = "postal_code"
    IP_ADDRESS = "ip_address"
    MAC_ADDRESS = "mac_address"
    IBAN = "iban"
    CREDIT_CARD = "credit_card"
    NATIONAL_ID = "national_id"
    URL = "url"
    USER_NAME = "user_name"
    UUID = "uuid"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sign:
    """How a kind is recognised: a pattern of whole values, names of columns (None: any), a check.

    `many`: only where values differ from row to row, as categories do not. `known`: only where some
    values contain a common first name, as names of products do not.
    """

    kind: PersonalKind
    pattern: str
    called: str | None = None
    holds: Callable[[pa.Array], np.ndarray] | None = None
    many: bool = False
    known: bool = False


_WORD = r"[\p{L}\p{M}'’.\-]+"
_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_PHONE_NAMES = r"phone|phones|mobile|telephone|tel|telefon|handy|cell|cellphone|fax|msisdn"
_PERSONS = "person|customer|patient|employee|client|contact|user|member|student|guest|passenger|owner|holder"

_SIGNS = (
    _Sign(kind=PersonalKind.EMAIL_ADDRESS, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s.]{2,}$"),
    _Sign(kind=PersonalKind.UUID, pattern=UUID, many=True),
    _Sign(kind=PersonalKind.URL, pattern=r"^(?i:https?|ftp)://\S+$", many=True),
    _Sign(kind=PersonalKind.MAC_ADDRESS, pattern=r"^([0-9A-Fa-f]{2}([:-])){5}[0-9A-Fa-f]{2}$"),
    _Sign(kind=PersonalKind.IP_ADDRESS, pattern=rf"^{_OCTET}(\.{_OCTET}){{3}}$"),
    _Sign(
        kind=PersonalKind.IP_ADDRESS,
        pattern=r"^([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}$|^[0-9A-Fa-f:]*::[0-9A-Fa-f:]*$",
    ),
    _Sign(kind=PersonalKind.IBAN, pattern=r"^[A-Z]{2}[0-9]{2}( ?[A-Z0-9]){11,30}$", holds=iban_holds),
    _Sign(kind=PersonalKind.CREDIT_CARD, pattern=r"^[1-9]([ -]?[0-9]){12,18}$", holds=luhn_holds, many=True),
    _Sign(kind=PersonalKind.NATIONAL_ID, pattern=r"^[0-9]{3}-[0-9]{2}-[0-9]{4}$"),
    _Sign(
        kind=PersonalKind.NATIONAL_ID,
        pattern=r"^[0-9A-Za-z][0-9A-Za-z ./-]{4,19}$",
        called=r"ssn|sin|nino|pesel|nif|nie|cpf|dni|passport|social (security|insurance)"
        r"|national (id|insurance)|(tax|taxpayer) (id|number|no|nr)|identity (card|number)"
        r"|(driver|drivers|driving) licen[cs]e|aadhaar|personnummer",
    ),
    _Sign(
        kind=PersonalKind.CREDIT_CARD,
        pattern=r"^[0-9]([ -]?[0-9]){11,18}$",
        called=r"(card|cc) (number|no|nr|num)|credit card|pan",
    ),
    _Sign(kind=PersonalKind.PHONE_NUMBER, pattern=r"^\+[1-9][0-9 ().\-/]{6,20}$"),
    _Sign(
        kind=PersonalKind.PHONE_NUMBER,
        pattern=r"^(1[-. ])?\(?[2-9][0-9]{2}\)?[-. ]?[2-9][0-9]{2}[-.][0-9]{4}"
        r"( ?x[0-9]{1,5})?$",
    ),
    _Sign(
        kind=PersonalKind.PHONE_NUMBER,
        pattern=r"^[+(0-9][0-9 ().\-/]{5,20}( ?x[0-9]{1,5})?$",
        called=_PHONE_NAMES,
    ),
    _Sign(
        kind=PersonalKind.FIRST_NAME,
        pattern=rf"^{_WORD}( {_WORD})*$",
        called=r"first name|firstname|given name|givenname|forename|fname|vorname|prenom|middle name",
    ),
    _Sign(
        kind=PersonalKind.LAST_NAME,
        pattern=rf"^{_WORD}( {_WORD})*$",
        called=r"last name|lastname|surname|family name|familyname|lname|nachname|nom de famille",
    ),
    _Sign(
        kind=PersonalKind.PERSON_NAME,
        pattern=rf"^{_WORD}(,? [(\"]?{_WORD}[)\"]?)+$",
        called=rf"full ?name|fullname|({_PERSONS}) name|name of ({_PERSONS})|cardholder|account holder",
    ),
    _Sign(
        kind=PersonalKind.PERSON_NAME,
        pattern=r"^\p{Lu}[\p{L}'’.\-]*(,? [(\"]?[\p{L}'’.\-]+[)\"]?){1,6}$",
        called=r"^name$",
        many=True,
        known=True,
    ),
    _Sign(
        kind=PersonalKind.USER_NAME,
        pattern=r"^\S{2,64}$",
        called=r"user ?name|username|login|login name|user handle|screen name|nickname|twitter|handle",
    ),
    _Sign(
        kind=PersonalKind.STREET_ADDRESS,
        pattern=r"^.*\p{L}.*$",
        called=r"street|street (address|line)|address line ?[12]|address ?[12]?|home address|strasse|adresse"
        r"|mailing address|(billing|shipping|delivery) (address|street)",
    ),
    _Sign(
        kind=PersonalKind.POSTAL_CODE,
        pattern=r"^[0-9A-Za-z][0-9A-Za-z \-]{2,9}$",
        called=r"zip|zipcode|zip ?code|postcode|post ?code|postal ?code|postal|plz",
    ),
)

_DIGITS = frozenset(
    {PersonalKind.PHONE_NUMBER, PersonalKind.NATIONAL_ID, PersonalKind.CREDIT_CARD, PersonalKind.POSTAL_CODE}
)
"""Kinds that are also stored as integers."""

_NEVER_FROM_INTEGERS = frozenset({PersonalKind.POSTAL_CODE})


def personal_kind(name: str, array: pa.Array, locale: str = "en_US") -> PersonalKind | None:
    """The kind of identifier that a column holds, or None.

    Integers are looked at only where the column is called a telephone, card or identity number.
    """
    called = words(name)
    signs = [sign for sign in _SIGNS if _is_called(sign, called)]
    if not is_text(array.type):
        allowed = _DIGITS - _NEVER_FROM_INTEGERS if pa.types.is_integer(array.type) else frozenset()
        signs = [sign for sign in signs if sign.called is not None and sign.kind in allowed]
    distinct = array.unique().drop_null() if signs else array[:0]
    if not len(distinct):
        return None
    sample = distinct[:SAMPLE].cast(pa.string())
    many = len(distinct) >= max(20, _REPEATED * (len(array) - array.null_count))
    for sign in signs:
        if (many or not sign.many) and _share(sign, sample) >= SHARE:
            if sign.known and _known_share(sample, locale) < KNOWN_SHARE:
                continue
            return sign.kind
    return None


def _known_share(sample: pa.Array, locale: str) -> float:
    parts = pc.list_flatten(pc.split_pattern_regex(pc.utf8_lower(sample), r"[\s,.()\"]+"))
    rows = pc.list_parent_indices(pc.split_pattern_regex(pc.utf8_lower(sample), r"[\s,.()\"]+"))
    names = pa.array(sorted(known_first_names(("en_US", locale))), pa.string())
    known = pc.is_in(parts, value_set=names)
    return len(rows.filter(known).unique()) / len(sample)


def can_be(kind: PersonalKind, type_: pa.DataType) -> bool:
    """Whether a column of that type can hold that kind."""
    return is_text(type_) or (pa.types.is_integer(type_) and kind in _DIGITS)


def words(name: str) -> str:
    """The words of a column's name in lower case: `customerFirst_name` is "customer first name"."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return " ".join(re.sub(r"[\W_]+", " ", parted).lower().split())


def _is_called(sign: _Sign, called: str) -> bool:
    return sign.called is None or re.search(rf"(^|\s)({sign.called})(\s|$)", called) is not None


def _share(sign: _Sign, sample: pa.Array) -> float:
    matches = pc.match_substring_regex(sample, sign.pattern).to_numpy(zero_copy_only=False)
    if sign.holds is not None and matches.any():
        matches[matches] = sign.holds(sample.filter(pa.array(matches)))
    return float(matches.mean())
