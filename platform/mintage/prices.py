"""What machines and storage cost, as the settings of a machine have it; no price is ever guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from mintage.errors import SpecError

PRICE_VARIABLES = ("MINTAGE_PRICE_CPU_HOUR", "MINTAGE_PRICE_GPU_HOUR", "MINTAGE_PRICE_GB")
CURRENCY_VARIABLE = "MINTAGE_CURRENCY"
HOUR_SECONDS = 3600.0
GB_BYTES = 10**9

_CURRENCY = re.compile(r"[A-Z]{3}")
_MAX_PRICE = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What something costs, and for what."""

    currency: str
    cpu: float
    gpu: float
    bytes: float

    @property
    def amount(self) -> float:
        """All of it."""
        return self.cpu + self.gpu + self.bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices of an hour of one CPU, an hour of one GPU, and of 10^9 bytes that are written."""

    currency: str
    cpu_hour: float = 0.0
    gpu_hour: float = 0.0
    gb: float = 0.0

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Self | None:
        """The prices that variables of the environment say; None when they say none.

        Raises `SpecError` for what is no price, and for prices without a currency.
        """
        asked = {name: variables[name] for name in PRICE_VARIABLES if variables.get(name)}
        if not asked:
            return None
        cpu_hour, gpu_hour, gb = (_price(name, asked.get(name, "0")) for name in PRICE_VARIABLES)
        currency = variables.get(CURRENCY_VARIABLE, "")
        if not _CURRENCY.fullmatch(currency):
            raise SpecError(
                f"{CURRENCY_VARIABLE} is {currency!r}, but {next(iter(asked))} is set",
                "name the currency of the prices by its three letters, such as EUR or USD",
            )
        return cls(currency=currency, cpu_hour=cpu_hour, gpu_hour=gpu_hour, gb=gb)

    def cost(self, *, cpu_seconds: float, gpu_seconds: float, written_bytes: float) -> Money:
        """What so much costs.

        >>> prices = Prices(currency="EUR", cpu_hour=0.5, gpu_hour=2, gb=0.25)
        >>> prices.cost(cpu_seconds=3600, gpu_seconds=900, written_bytes=10**9).amount
        1.25
        """
        return Money(
            currency=self.currency,
            cpu=cpu_seconds / HOUR_SECONDS * self.cpu_hour,
            gpu=gpu_seconds / HOUR_SECONDS * self.gpu_hour,
            bytes=written_bytes / GB_BYTES * self.gb,
        )


def _price(name: str, text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if not 0 <= price <= _MAX_PRICE:
        raise SpecError(f"{name} is {text!r}, which is no price", "set it to a number, such as 0.04")
    return price
