"""What a session of a run has taken, what of it is billed, and what that costs where prices are known.

A cluster bills what is reserved. But a worker may use more processors than it has reserved (Ray's CPUs
are book-keeping), a fit reserves none, and in a process of one's own nothing is reserved. So the money
is of the larger of the two, reserved and used, and it is said which.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from mintage.engine.tally import Tally
from mintage.engine.usage import NOTHING, Usage, processor_seconds
from mintage.prices import Money, Prices

MILLION = 10**6

Basis = Literal["reserved", "used"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a session is billed for so far, and its price; `money` is None where no prices are set."""

    used: Usage
    reserved: Usage
    money: Money | None

    @classmethod
    def of(cls, used: Usage, reserved: Usage, prices: Prices | None) -> Bill:
        """The bill for what was used and what was reserved."""
        bill = cls(used=used, reserved=reserved, money=None)
        if prices is None:
            return bill
        money = prices.cost(
            cpu_seconds=bill.cpu_seconds, gpu_seconds=bill.gpu_seconds, written_bytes=used.bytes
        )
        return replace(bill, money=money)

    @property
    def cpu_basis(self) -> Basis:
        """Whether processor seconds are billed as they were reserved, or as they were used."""
        return "reserved" if self.reserved.cpu_seconds > self.used.cpu_seconds else "used"

    @property
    def gpu_basis(self) -> Basis:
        """The same for GPU seconds."""
        return "reserved" if self.reserved.gpu_seconds > self.used.gpu_seconds else "used"

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds that are billed."""
        return max(self.used.cpu_seconds, self.reserved.cpu_seconds)

    @property
    def gpu_seconds(self) -> float:
        """GPU seconds that are billed."""
        return max(self.used.gpu_seconds, self.reserved.gpu_seconds)


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The account of one session, begun with it; `apart` when fits and attempts run in other processes."""

    prices: Prices | None
    apart: bool
    fit: Usage = NOTHING
    _begun: float = field(default_factory=processor_seconds)

    def bill(self, tally: Tally) -> Bill:
        """The bill so far: fit, attempts, and whatever else this process did."""
        used = self.fit + tally.used + tally.wasted + self.other(tally)
        # Ray reserves GPUs for a fit as long as it lasts, but no CPUs.
        reserved = tally.reserved + Usage(gpu_seconds=self.fit.gpu_seconds if self.apart else 0.0)
        return Bill.of(used, reserved, self.prices)

    def other(self, tally: Tally) -> Usage:
        """What this process did besides fit and attempts: reading, driving, measuring, signing."""
        worked = processor_seconds() - self._begun
        if not self.apart:
            worked -= self.fit.cpu_seconds + tally.used.cpu_seconds + tally.wasted.cpu_seconds
        return Usage(cpu_seconds=max(0.0, worked))

    def to_json(self, tally: Tally) -> dict[str, object]:
        """The account as plain values, for the summary of a run; `per_million_rows` are those minted here."""
        bill, rows = self.bill(tally), tally.minted
        return {
            "rows": rows,
            "used": bill.used.to_json(),
            "fit": self.fit.to_json(),
            "mint": tally.used.to_json(),
            "wasted": tally.wasted.to_json(),
            "other": self.other(tally).to_json(),
            "reserved": bill.reserved.to_json(),
            "lost_attempts": tally.lost,
            "billed": {
                "cpu_seconds": round(bill.cpu_seconds, 3),
                "cpu_basis": bill.cpu_basis,
                "gpu_seconds": round(bill.gpu_seconds, 3),
                "gpu_basis": bill.gpu_basis,
                "bytes": bill.used.bytes,
            },
            "earlier_rows": tally.rows - rows,
            "cost": _cost_json(bill.money, rows),
        }


def _cost_json(money: Money | None, rows: int) -> dict[str, object] | None:
    if money is None:
        return None
    return {
        "currency": money.currency,
        "amount": money.amount,
        "cpu": money.cpu,
        "gpu": money.gpu,
        "bytes": money.bytes,
        "per_million_rows": money.amount / rows * MILLION if rows else None,
    }
