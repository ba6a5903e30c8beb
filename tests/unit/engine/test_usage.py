"""What work takes is shared among what goes on at once, adds up exactly, and is priced by the larger sum."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from mintage.engine.executors import Attempt, Outcome
from mintage.engine.ledger import Bill, Ledger
from mintage.engine.tally import Tally
from mintage.engine.usage import METER, NOTHING, Measurement, Meter, Reservations, Usage
from mintage.engine.worker import Failure, Receipt
from mintage.errors import GenerationError, SpecError
from mintage.prices import Prices
from mintage.settings import Settings


class Clocks:
    """A wall and a processor that tests turn."""

    wall = 100.0
    cpu = 7.0

    def meter(self) -> Meter:
        return Meter(lambda: self.wall, lambda: self.cpu)

    def work(self, wall: float, cpu: float) -> None:
        self.wall += wall
        self.cpu += cpu


def receipt(*, usage: Usage, rows: int = 10, adopted: bool = False) -> Receipt:
    return Receipt(shard=0, rows=rows, bytes=4, rejected={}, adopted=adopted, usage=usage)


def test_one_measurement_takes_all_that_passes_in_it_and_nothing_before() -> None:
    clocks = Clocks()
    meter = clocks.meter()
    clocks.work(8, 8)
    with meter.measure(gpus=0.5) as taken:
        clocks.work(2, 3)
        taken.bytes = 5
    clocks.work(16, 16)
    assert taken.usage == Usage(seconds=2, cpu_seconds=3, gpu_seconds=1, bytes=5)


def test_what_overlaps_shares_processor_and_gpu_but_not_the_wall() -> None:
    clocks = Clocks()
    meter = clocks.meter()
    with meter.measure(gpus=1) as outer:
        clocks.work(1, 1)
        with meter.measure(gpus=1) as inner:
            clocks.work(4, 2)
        clocks.work(2, 0.5)
    assert inner.usage == Usage(seconds=4, cpu_seconds=1, gpu_seconds=2)
    assert outer.usage == Usage(seconds=7, cpu_seconds=2.5, gpu_seconds=5)
    assert inner.usage.cpu_seconds + outer.usage.cpu_seconds == 3.5
    assert inner.usage.gpu_seconds + outer.usage.gpu_seconds == 7


def test_a_measurement_that_ends_by_an_error_has_its_usage_too() -> None:
    clocks = Clocks()
    meter = clocks.meter()
    seen: list[Measurement] = []

    def fail() -> None:
        with meter.measure() as taken:
            seen.append(taken)
            clocks.work(1, 0.25)
            raise GenerationError("no")

    with pytest.raises(GenerationError):
        fail()
    assert seen[0].usage.cpu_seconds == 0.25
    with meter.measure() as after:
        clocks.work(1, 1)
    assert after.usage.cpu_seconds == 1


def test_the_meter_of_the_process_sees_its_processor_work() -> None:
    with METER.measure() as taken:
        sum(range(200_000))
    assert 0 < taken.usage.cpu_seconds < 60
    assert taken.usage.gpu_seconds == 0


def test_reservations_run_from_the_start_of_a_worker_to_its_end() -> None:
    clocks = Clocks()
    held = Reservations(0.5, 0.25, clock=lambda: clocks.wall)
    held.begin("a")
    clocks.work(4, 0)
    held.begin("a")
    held.begin("b")
    clocks.work(4, 0)
    held.end("a")
    held.end("a")
    held.end("never there")
    clocks.work(8, 0)
    assert held.total() == Usage(seconds=20, cpu_seconds=10, gpu_seconds=5)


def test_shards_that_stand_are_used_and_the_rest_is_wasted() -> None:
    tally = Tally()
    tally.count(receipt(usage=Usage(seconds=1, cpu_seconds=2, bytes=3)))
    tally.count(receipt(usage=Usage(seconds=4, cpu_seconds=8, bytes=16), adopted=True))
    assert (tally.rows, tally.minted, tally.shards_done) == (20, 10, 2)
    assert tally.used == Usage(seconds=1, cpu_seconds=2, bytes=3)
    assert tally.wasted == Usage(seconds=4, cpu_seconds=8, bytes=16)


def test_an_outcome_carries_what_a_failed_attempt_took() -> None:
    attempt, took = Attempt(shard=1, id="a"), Usage(cpu_seconds=2)
    failed = Outcome.of(attempt, Failure(error=GenerationError("no"), usage=took))
    assert failed.wasted == took
    assert failed.receipt is None
    done = Outcome.of(attempt, receipt(usage=took))
    assert done.wasted == NOTHING
    assert done.receipt is not None
    assert (done.receipt.seconds, done.receipt.cpu_seconds, done.receipt.gpu_seconds) == (0, 2, 0)


@pytest.mark.parametrize(
    ("used", "reserved", "cpu", "gpu"),
    [
        (Usage(cpu_seconds=2, gpu_seconds=1), Usage(cpu_seconds=8, gpu_seconds=4), 8, 4),
        (Usage(cpu_seconds=2, gpu_seconds=4), Usage(cpu_seconds=8, gpu_seconds=1), 8, 4),
        (Usage(cpu_seconds=2, gpu_seconds=1), NOTHING, 2, 1),
    ],
    ids=["reserved", "each", "used"],
)
def test_the_larger_of_used_and_reserved_is_billed(
    used: Usage, reserved: Usage, cpu: float, gpu: float
) -> None:
    bill = Bill.of(used, reserved, Prices(currency="EUR", cpu_hour=3600, gpu_hour=7200))
    assert (bill.cpu_seconds, bill.gpu_seconds) == (cpu, gpu)
    assert bill.cpu_basis == ("reserved" if reserved.cpu_seconds > used.cpu_seconds else "used")
    assert bill.gpu_basis == ("reserved" if reserved.gpu_seconds > used.gpu_seconds else "used")
    assert bill.money is not None
    assert bill.money.amount == cpu + 2 * gpu


def test_a_ledger_adds_fit_attempts_and_waste_and_prices_them() -> None:
    tally = Tally(rows=50, minted=40, lost=2, rejected=Counter())
    tally.used = Usage(seconds=8, cpu_seconds=16, bytes=10**9)
    tally.wasted = Usage(seconds=2, cpu_seconds=4, bytes=10**9)
    tally.reserved = Usage(seconds=2**20, cpu_seconds=2**20)
    ledger = Ledger(prices=Prices(currency="EUR", cpu_hour=3600, gpu_hour=3600, gb=2), apart=True)
    ledger.fit = Usage(seconds=2, cpu_seconds=2, gpu_seconds=32)
    account = json.loads(json.dumps(ledger.to_json(tally)))
    assert account["used"]["bytes"] == 2 * 10**9
    assert account["used"]["cpu_seconds"] >= 22
    assert account["reserved"]["gpu_seconds"] == account["billed"]["gpu_seconds"] == 32
    assert account["billed"]["cpu_basis"] == "reserved"
    assert (account["lost_attempts"], account["earlier_rows"], account["rows"]) == (2, 10, 40)
    cost = account["cost"]
    assert (cost["cpu"], cost["gpu"], cost["bytes"]) == (2**20, 32, 4)
    assert cost["amount"] == 2**20 + 36
    assert cost["per_million_rows"] == cost["amount"] / 40 * 1e6


def test_a_process_that_does_all_itself_counts_its_time_once() -> None:
    ledger = Ledger(prices=None, apart=False)
    with METER.measure() as taken:
        sum(range(200_000))
    tally = Tally(used=taken.usage)
    before = ledger.bill(tally).used.cpu_seconds
    apart = Ledger(prices=None, apart=True, _begun=ledger._begun)
    assert apart.bill(tally).used.cpu_seconds >= before + taken.usage.cpu_seconds
    assert ledger.to_json(tally)["cost"] is None


def test_no_prices_are_no_prices() -> None:
    assert Prices.of({}) is None
    assert Prices.of({"MINTAGE_CURRENCY": "EUR"}) is None


def test_prices_are_read_with_their_currency() -> None:
    prices = Prices.of({"MINTAGE_PRICE_GPU_HOUR": "2.5", "MINTAGE_CURRENCY": "USD"})
    assert prices == Prices(currency="USD", gpu_hour=2.5)


@pytest.mark.parametrize("price", ["free", "-1", "nan", "inf", "1e10", "0,04"])
def test_what_is_no_price_is_refused(price: str) -> None:
    with pytest.raises(SpecError, match=r"MINTAGE_PRICE_GB is .* no price"):
        Prices.of({"MINTAGE_PRICE_GB": price, "MINTAGE_CURRENCY": "EUR"})


@pytest.mark.parametrize("currency", ["", "euro", "€"])
def test_prices_without_a_currency_are_refused(currency: str) -> None:
    with pytest.raises(SpecError, match="MINTAGE_CURRENCY"):
        Prices.of({"MINTAGE_PRICE_GB": "0.02", "MINTAGE_CURRENCY": currency})


def test_bad_prices_hurt_only_whoever_asks_for_money(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MINTAGE_PRICE_GB", "much")
    monkeypatch.setenv("MINTAGE_HOME", str(tmp_path))
    settings = Settings.read()
    with pytest.raises(SpecError, match="much"):
        _ = settings.prices
