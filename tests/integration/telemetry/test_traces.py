"""One trace from submit to the steps of a shard, over three kinds of processes."""

from __future__ import annotations

import platform

import pytest

from mintage import __version__
from tests.integration.otlp_receiver import ReceivedSpan
from tests.integration.telemetry.conftest import SECRET, SHARDS, ObservedRun

pytestmark = pytest.mark.ray
STEPS = ("sample", "validate", "write")


def parent(run: ObservedRun, span: ReceivedSpan) -> str:
    return next(other.name for other in run.received.spans if other.id == span.parent)


def test_one_trace_goes_from_submit_to_every_step(observed_run: ObservedRun) -> None:
    assert len({span.trace for span in observed_run.received.spans}) == 1
    spans = [span for span in observed_run.received.spans if span.parent]
    assert {(parent(observed_run, span), span.name) for span in spans} == {
        ("mintage.submit", "mintage.run"),
        *(("mintage.run", f"mintage.{phase}") for phase in ("read", "fit", "mint", "audit", "attest")),
        # The phase, and in it the fit itself, in an actor of its own.
        ("mintage.fit", "mintage.fit"),
        ("mintage.mint", "mintage.shard"),
        ("mintage.audit", "mintage.probe"),
        ("mintage.probe", "mintage.regenerate"),
        *((f"mintage.{whole}", f"mintage.{step}") for whole in ("shard", "regenerate") for step in STEPS),
        ("mintage.shard", "mintage.commit"),
    }


def test_every_shard_has_one_span_by_a_worker_that_says_what_it_did(observed_run: ObservedRun) -> None:
    shards = observed_run.received.named("mintage.shard")
    assert sorted(int(str(span.attributes["mintage.shard"])) for span in shards) == list(range(SHARDS))
    for span in shards:
        assert span.resource["mintage.role"] == "worker"
        assert span.attributes["mintage.run"] == observed_run.summary["run_id"]
        assert span.attributes["mintage.job"] == "seen"
        assert span.attributes["team"] == "risk"
        assert str(span.attributes["mintage.worker"]).startswith(platform.node())
        assert str(span.attributes["mintage.plan"]).startswith("sha256:")
        assert span.attributes["mintage.attempt"]
    steps = [span for span in observed_run.received.named("mintage.commit") if not span.failed]
    assert len(steps) == SHARDS
    assert len({span.resource["service.instance.id"] for span in shards}) == 2


def test_a_process_says_what_it_is(observed_run: ObservedRun) -> None:
    for span in observed_run.received.spans:
        assert span.resource["service.name"] == "mintage"
        assert span.resource["service.version"] == __version__
        assert span.resource["host.name"] == platform.node()
        assert span.resource["deployment.environment"] == "test"


def test_nothing_that_is_sent_or_logged_holds_a_secret(observed_run: ObservedRun) -> None:
    assert observed_run.received.headers["driver"]["api-key"] == SECRET
    assert "api-key" not in observed_run.received.headers["worker"]
    assert not any(SECRET.encode() in request for request in observed_run.received.raw)
    assert SECRET not in observed_run.log + observed_run.prometheus
