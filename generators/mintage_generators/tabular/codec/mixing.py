"""Numbers that look random and are not: one-to-one, so that what is unique stays unique."""

from __future__ import annotations

import numpy as np

_HALF = np.uint64(31)


def mixed(numbers: np.ndarray) -> np.ndarray:
    """A bijection of uint64 whose every output bit depends on every input bit.

    The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
    generators", OOPSLA 2014).

    >>> len(np.unique(mixed(np.arange(1000, dtype=np.uint64))))
    1000
    """
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(numbers ^ (numbers >> _HALF))


def scrambled(numbers: np.ndarray, size: int) -> np.ndarray:
    """A bijection of 0 … size - 1 to itself; uint64; size at most 2**62.

    The low part is multiplied by a number that has no common factor with its range, the high part
    is turned by an amount that the low part decides.

    >>> sorted(scrambled(np.arange(10, dtype=np.uint64), 10).tolist()) == list(range(10))
    True
    """
    low = _low_part(size)
    high = size // low
    factor = _coprime(low)
    bottom = (numbers % np.uint64(low)) * np.uint64(factor) % np.uint64(low)
    turn = mixed(bottom) % np.uint64(high)
    top = (numbers // np.uint64(low) + turn) % np.uint64(high)
    return np.asarray(top * np.uint64(low) + bottom)


def _low_part(size: int) -> int:
    """The largest divisor of `size` that is a power of its base and at most 2**31, or `size` itself."""
    if size <= 2**31:
        return size
    low = 1
    for base in (10, 16, 26, 36, 62, 64, 2):
        power = 1
        while size % (power * base) == 0 and power * base <= 2**31:
            power *= base
        low = max(low, power)
    return low


def _coprime(size: int) -> int:
    """A number near the golden share of `size` without a common factor with it."""
    factor = max(1, int(size * 0.6180339887498949))
    while np.gcd(factor, size) != 1:
        factor += 1
    return factor
