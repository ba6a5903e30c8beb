from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mintage
from mintage.errors import SpecError
from mintage.jobs.client import luggage
from mintage.jobs.client.backend import JobRecord, JobState
from mintage.jobs.client.luggage import check_travels, pack_spec, unpack_spec
from mintage.jobs.client.request import JobRequest, submission_id
from mintage.spec import JobSpec

VALUES: dict[str, Any] = {
    "name": "flights",
    "rows": 100,
    "source": {"uri": "/data/flights.parquet"},
    "sink": {"uri": "s3://bucket/out"},
}


def spec(**replaced: object) -> JobSpec:
    return JobSpec.model_validate({**VALUES, **replaced})


@pytest.mark.parametrize(
    "replaced",
    [
        {"resources": {"workers": 7, "executor": "ray"}},
        {"signing": {"key": "/keys/me.pem"}},
        {"gates": {"trend_error": {"max": 2.0}}},
        {"telemetry": {"attributes": {"team": "risk"}}},
        {"audit": {"shards": 3}},
        {"evaluation": {"metrics": []}},
        {"seed": 0},
    ],
    ids=lambda replaced: next(iter(replaced)),
)
def test_what_makes_the_same_rows_is_the_same_job(replaced: dict[str, Any]) -> None:
    assert JobRequest.make(spec(**replaced)).id == JobRequest.make(spec()).id


@pytest.mark.parametrize(
    "replaced",
    [
        {"seed": 1},
        {"rows": 101},
        {"name": "flights2"},
        {"sink": {"uri": "s3://bucket/other"}},
        {"sink": {"uri": "s3://bucket/out", "shard_rows": 10}},
        {"source": {"uri": "/data/other.parquet"}},
        {"evaluation": {"holdout": {"share": 0.2}}},
        {"generator": {"kind": "tabular.marginals"}},
    ],
    ids=str,
)
def test_what_makes_other_rows_is_another_job(replaced: dict[str, Any]) -> None:
    assert JobRequest.make(spec(**replaced)).id != JobRequest.make(spec()).id


def test_a_seed_of_64_bits_has_an_id() -> None:
    assert JobRequest.make(spec(seed=2**64 - 1)).id != JobRequest.make(spec(seed=2**64 - 2)).id


@given(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}\Z"), st.integers(1, 999))
def test_a_submission_id_is_a_dns_label_that_kuberay_takes(name: str, attempt: int) -> None:
    id = submission_id(JobRequest.make(spec(name=name)).id, attempt)
    assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", id)
    assert len(id) <= 47


def test_two_requests_for_one_job_are_told_apart_by_the_keys_that_differ() -> None:
    first = JobRequest.make(spec())
    record = JobRecord(id="x", state=JobState.RUNNING, metadata=first.submission(1).metadata)
    other = JobRequest.make(spec(resources={"workers": 3}, gates={"trend_error": {"max": 2}}))
    assert first.is_asked_by(record)
    assert not other.is_asked_by(record)
    assert other.differences(record) == ["gates", "resources"]


def test_a_submission_carries_the_spec_and_no_more_than_is_needed() -> None:
    submission = JobRequest.make(spec()).submission(3)
    assert set(submission.environment) <= {"MINTAGE_SPEC", "TRACEPARENT", "TRACESTATE"}
    assert unpack_spec(submission.environment["MINTAGE_SPEC"]) == spec()
    assert submission.metadata["mintage.attempt"] == "3"
    assert submission.metadata["mintage.dataset"] == "s3://bucket/out"


def test_a_spec_that_is_too_large_to_travel_is_refused() -> None:
    import random

    words = [f"{random.Random(number).getrandbits(256):x}" for number in range(3000)]
    rule = {"kind": "allowed", "column": "carrier", "values": words}
    with pytest.raises(SpecError, match=r"too large to travel with a job: .* at most 98,304"):
        pack_spec(spec(validate=[rule]))


@pytest.mark.parametrize(
    "packed", ["", "%%%", "aGVsbG8=", "eJyrrgUAAXUA+Q=="], ids=["empty", "no base64", "no zlib", "no spec"]
)
def test_a_variable_without_a_spec_is_refused(packed: str) -> None:
    with pytest.raises(SpecError, match="MINTAGE_SPEC holds no spec"):
        unpack_spec(packed)


def test_a_spec_of_a_newer_version_names_its_keys_and_both_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    class Newer:
        def to_json(self) -> dict[str, Any]:
            return {**VALUES, "colour": "blue"}

    with monkeypatch.context() as patched:
        patched.setattr(luggage, "__version__", "99.1")
        packed = pack_spec(Newer())  # type: ignore[arg-type]  # what a newer version would write
    with pytest.raises(SpecError) as caught:
        unpack_spec(packed)
    assert "colour" in caught.value.message
    assert "99.1" in caught.value.message
    assert mintage.__version__ in caught.value.message
    assert "install Mintage 99.1 on the cluster" in caught.value.hint


@pytest.mark.parametrize(
    ("replaced", "key"),
    [
        ({"sink": {"uri": "out"}}, "sink.uri"),
        ({"sink": {"uri": "memory://out"}}, "sink.uri"),
        ({"sink": {"uri": "file:out"}}, "sink.uri"),
        ({"source": {"uri": "flights.csv"}}, "source.uri"),
        ({"source": {"kind": "frame"}}, "source.kind"),
        ({"source": {"tables": {"a": "/data/a.csv", "b": "b.csv"}, "root": "a"}}, "source.tables.b.uri"),
        (
            {"source": {"uri": "/data/a.csv", "accumulate": ["b.csv"]}},
            "source.accumulate[0].uri",
        ),
        ({"source": {"uri": "/data/a.csv", "attestation": "a.json"}}, "source.attestation"),
        ({"generator": None, "source": None, "model": {"uri": "old"}}, "model.uri"),
        ({"evaluation": {"holdout": {"uri": "test.csv"}}}, "evaluation.holdout.uri"),
        ({"signing": {"key": "me.pem"}}, "signing.key"),
        ({"signing": {"keys": ["/me.pem", "you.pem"]}}, "signing.keys[1]"),
        ({"sink": {"uri": "s3://b/o", "trust": ["you.pub"]}}, "sink.trust[0]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_place_that_only_this_machine_has_does_not_travel(replaced: dict[str, Any], key: str) -> None:
    with pytest.raises(SpecError, match="where these places are not") as caught:
        check_travels(spec(**replaced), "http://head:8265")
    assert f"{key}: " in caught.value.message


def test_shared_places_travel() -> None:
    check_travels(
        spec(signing={"key": "awskms:alias/mint"}, sink={"uri": "file:///shared/out"}), "http://head:8265"
    )
