"""A run says what it took, and what that costs where prices are set."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mintage
from mintage.cli.summary import run_summary
from mintage.engine import events
from mintage.errors import CancelledError, SpecError
from mintage.jobs.progress import ProgressLine, progress_text

Job = Callable[..., dict[str, Any]]


def usage_of(result: mintage.Result) -> dict[str, Any]:
    value = result.summary["usage"]
    assert isinstance(value, dict)
    return value


@pytest.fixture
def priced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("CPU_HOUR", "3600"), ("GPU_HOUR", "1"), ("GB", "1000000000")):
        monkeypatch.setenv(f"MINTAGE_PRICE_{name}", value)
    monkeypatch.setenv("MINTAGE_CURRENCY", "EUR")


def test_a_run_counts_the_bytes_of_its_parts_exactly_and_its_time_at_all(job: Job) -> None:
    result = mintage.run(job())
    usage = usage_of(result)
    sketches = sum(
        path.stat().st_size for path in (Path(result.store.uri) / "_mintage/sketches").rglob("*.bin")
    )
    assert usage["mint"]["bytes"] == usage["used"]["bytes"] == result.summary["bytes"] + sketches  # type: ignore[operator]  # JSON
    assert usage["rows"] == 2000
    for part in ("fit", "mint", "other"):
        assert usage[part]["cpu_seconds"] > 0
    total = sum(usage[part]["cpu_seconds"] for part in ("fit", "mint", "wasted", "other"))
    assert usage["used"]["cpu_seconds"] == pytest.approx(total, abs=0.01)
    assert usage["reserved"]["cpu_seconds"] == usage["lost_attempts"] == 0
    assert usage["cost"] is None
    text = run_summary(result.summary)
    assert "CPU-seconds" in text
    assert "per million rows" not in text


@pytest.mark.usefixtures("priced")
def test_with_prices_a_run_says_its_cost_while_and_after_it_runs(job: Job) -> None:
    seen: list[events.Progress] = []
    result = mintage.run(
        job(), on_event=lambda event: seen.append(event) if isinstance(event, events.Progress) else None
    )
    usage = usage_of(result)
    cost = usage["cost"]
    assert cost["bytes"] == usage["used"]["bytes"]
    assert cost["cpu"] == pytest.approx(usage["billed"]["cpu_seconds"], abs=0.001)
    assert cost["amount"] == cost["cpu"] + cost["gpu"] + cost["bytes"]
    assert cost["per_million_rows"] == pytest.approx(cost["amount"] * 500)
    assert "EUR per million rows" in run_summary(result.summary)
    last = seen[-1]
    assert last.cost is not None
    assert cost["bytes"] < last.cost <= cost["amount"]
    assert "EUR" in progress_text(last)


def test_without_prices_the_progress_line_shows_no_money(job: Job) -> None:
    stream = io.StringIO()
    mintage.run(job(), on_event=ProgressLine(stream))
    assert "mint: 100%" in stream.getvalue()
    assert "EUR" not in stream.getvalue()


@pytest.mark.usefixtures("priced")
def test_a_run_that_goes_on_bills_its_own_rows_and_says_how_many_were_there(job: Job) -> None:
    done: list[int] = []

    def note(event: events.Event) -> None:
        if isinstance(event, events.ShardCommitted):
            done.append(event.shard)

    with pytest.raises(CancelledError):
        mintage.run(job(), on_event=note, cancelled=lambda: len(done) == 1)
    usage = usage_of(mintage.run(job()))
    assert (usage["rows"], usage["earlier_rows"]) == (1500, 500)
    again = usage_of(mintage.run(job()))
    assert (again["rows"], again["earlier_rows"]) == (0, 2000)
    assert again["cost"]["per_million_rows"] is None


def test_a_wrong_price_stops_a_run_before_any_work(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINTAGE_PRICE_CPU_HOUR", "cheap")
    with pytest.raises(SpecError, match="cheap"):
        mintage.run(job())
