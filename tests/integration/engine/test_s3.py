"""A job whose source and sink are a real S3 server, in this process and on a Ray of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mintage
from mintage.errors import StoreError
from mintage.store import ObjectStore
from tests.integration.seaweed import S3Server

Job = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.s3


@pytest.fixture
def bucket(s3_server: S3Server, s3_env: S3Server) -> str:
    """A folder of its own in the server's bucket, which this process may use."""
    del s3_env
    return f"s3://{s3_server.bucket}/{uuid.uuid4().hex}"


def test_a_job_from_s3_to_s3_is_signed_verified_and_not_done_twice(
    job: Job, people_file: Path, bucket: str
) -> None:
    with ObjectStore.open(bucket).part("people/people.parquet") as part:
        part.write(people_file.read_bytes())
        part.commit()
    spec = job("", rows=6000, source={"uri": f"{bucket}/people/"})
    remote = mintage.run(spec | {"sink": {"uri": f"{bucket}/out", "shard_rows": 2000}})
    assert remote.scan().filter(pl.col("age") >= 25).collect().height == 6000
    assert mintage.verify(f"{bucket}/out").ok
    again = mintage.run(spec | {"sink": {"uri": f"{bucket}/out", "shard_rows": 2000}})
    assert again.summary["resumed_shards"] == 3
    assert again.summary["root"] == remote.summary["root"]


def test_the_same_rows_come_out_wherever_they_are_written(job: Job, bucket: str) -> None:
    local = mintage.run(job("local", rows=6000))
    remote = mintage.run(job("", rows=6000) | {"sink": {"uri": f"{bucket}/out", "shard_rows": 2000}})
    assert remote.summary["root"] == local.summary["root"]


def test_an_altered_part_on_s3_is_found(job: Job, bucket: str) -> None:
    result = mintage.run(job("", rows=6000) | {"sink": {"uri": f"{bucket}/out", "shard_rows": 2000}})
    part = result.manifest.parts("people")[1]
    filesystem, root = result.store.filesystem()
    data = bytearray(result.store.read(part.path, max_bytes=10**7))
    data[len(data) // 2] ^= 1
    filesystem.pipe_file(f"{root}/{part.path}", bytes(data))
    report = mintage.verify(f"{bucket}/out")
    assert [(failure.code, failure.path) for failure in report.failures] == [("changed-part", part.path)]


def test_workers_of_a_local_ray_write_to_s3(job: Job, bucket: str, tmp_path: Path) -> None:
    spec = job("", rows=20_000, resources={"workers": 2, "executor": "ray"})
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(spec | {"sink": {"uri": f"{bucket}/ray", "shard_rows": 2000}}))
    command = [str(Path(sys.executable).parent / "mintage"), "run", str(file), "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["root"] == mintage.run(job("local", rows=20_000)).summary["root"]
    assert mintage.verify(f"{bucket}/ray").ok


def test_wrong_credentials_are_found_before_anything_is_learned(
    job: Job, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    heard: list[object] = []
    with pytest.raises(StoreError) as caught:
        mintage.run(job("", rows=600) | {"sink": {"uri": f"{bucket}/out"}}, on_event=heard.append)
    assert "not-the-secret" not in str(caught.value)
    assert [getattr(event, "phase", "") for event in heard] == ["read"]
