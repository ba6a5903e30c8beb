"""Check digits of identifiers, a place at a time for all rows: IBAN (ISO 13616) and cards (ISO/IEC 7812)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def luhn_holds(texts: pa.Array) -> np.ndarray:
    """Whether the digits of each text pass the Luhn formula; bool, shape (texts,).

    >>> luhn_holds(pa.array(["4111 1111 1111 1111", "4111-1111-1111-1112"])).tolist()
    [True, False]
    """
    digits, used = _codes(pc.replace_substring_regex(texts, "[^0-9]", ""), right=True)
    values = np.where(used, digits - 48, 0)
    return np.asarray(_luhn_sum(values) % 10 == 0)


def luhn_digit(digits: np.ndarray) -> np.ndarray:
    """The check digit to put after digits, int64, shape (rows, digits)."""
    return np.asarray(-_luhn_sum(np.concatenate([digits, np.zeros((len(digits), 1), np.int64)], axis=1)) % 10)


def _luhn_sum(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    doubled = values[:, -2::-2] * 2
    values[:, -2::-2] = doubled - 9 * (doubled > 9)
    return np.asarray(values.sum(axis=1))


def iban_holds(texts: pa.Array) -> np.ndarray:
    """Whether each text is an IBAN with the right check digits; bool, shape (texts,).

    >>> iban_holds(pa.array(["DE89 3704 0044 0532 0130 00", "DE88370400440532013000"])).tolist()
    [True, False]
    """
    plain = pc.replace_substring(texts, " ", "")
    moved = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(plain, 4), pc.utf8_slice_codeunits(plain, 0, 4), ""
    )
    codes, used = _codes(moved, right=False)
    return np.asarray(remainder_97(codes, used) == 1)


def iban_digits(country: np.ndarray, account: np.ndarray) -> np.ndarray:
    """The two check digits, 2 to 98, of ASCII codes: country (rows, 2) and account (rows, places)."""
    zeros = np.full((len(account), 2), ord("0"), np.uint8)
    codes = np.concatenate([account, country, zeros], axis=1)
    return np.asarray(98 - remainder_97(codes, np.ones(codes.shape, np.bool_)))


def remainder_97(codes: np.ndarray, used: np.ndarray) -> np.ndarray:
    """The number that digits and letters (A is 10) spell, modulo 97; int64, shape (rows,)."""
    rest = np.zeros(len(codes), np.int64)
    for place in range(codes.shape[1]):
        code = codes[:, place].astype(np.int64)
        letter = code >= ord("A")
        value = np.where(letter, code - ord("A") + 10, code - ord("0"))
        rest = np.where(used[:, place], (rest * np.where(letter, 100, 10) + value) % 97, rest)
    return rest


def _codes(texts: pa.Array, *, right: bool) -> tuple[np.ndarray, np.ndarray]:
    """ASCII codes, int64, shape (texts, longest), aligned to the right or left, and which are used."""
    width = max(1, pc.max(pc.binary_length(texts)).as_py())
    padded = (pc.utf8_lpad if right else pc.utf8_rpad)(texts, width, " ")
    codes = np.frombuffer("".join(padded.to_pylist()).encode(), np.uint8).reshape(len(texts), width)
    return codes.astype(np.int64), codes != ord(" ")
