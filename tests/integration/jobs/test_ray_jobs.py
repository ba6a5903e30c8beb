"""Jobs on a real Ray cluster through its Jobs API, with token authentication."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import mintage
from mintage.cli import main
from mintage.engine.events import Progress, RunStarted
from mintage.errors import (
    AccessError,
    CancelledError,
    ClusterError,
    JobEndedError,
    JobExistsError,
    JobMissingError,
    PluginError,
    SourceError,
    SpecError,
)
from mintage.jobs.client.addresses import Access, open_backend
from mintage.jobs.client.backend import Submission
from mintage.jobs.client.event_lines import RunFinished
from mintage.jobs.client.luggage import VARIABLE
from mintage.jobs.client.request import ENTRYPOINT
from tests.integration.fault_proxy import FaultProxy
from tests.integration.ray_head import RayHead
from tests.integration.tls_front import tls_front

pytestmark = pytest.mark.ray

Spec = Callable[..., dict[str, Any]]

# Whoever runs the tests in the background has them ignore Ctrl-C, and what they start too.
_MINTAGE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from mintage.cli import main; main()"
)


def until(holds: Callable[[], object], seconds: float = 120.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def commits(folder: Path) -> dict[str, bytes]:
    """The commit records of a data set."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("_mintage/commits/**/*.json"))}


@pytest.fixture(scope="module")
def done(ray_head: RayHead, tmp_path_factory: pytest.TempPathFactory) -> Iterator[mintage.Job]:
    """A job on two workers that is done; its spec is nearly as large as one may be."""
    folder = tmp_path_factory.mktemp("done")
    (folder / "people.csv").write_text("age,sex\n" + "".join(f"{20 + i % 50},F\n" for i in range(200)))
    # Random text cannot be packed tighter: the variable is more than 90 KiB then.
    words = ["F", *(os.urandom(32).hex() for _ in range(1800))]
    spec = {
        "name": "Done_People",
        "rows": 600,
        "source": {"uri": str(folder / "people.csv")},
        "generator": {"kind": "tabular.marginals"},
        "validate": [{"kind": "allowed", "column": "sex", "values": words}],
        "sink": {"uri": str(folder / "out"), "shard_rows": 200},
        "evaluation": {"metrics": []},
        "resources": {"workers": 1, "executor": "ray", "address": "ray://another-cluster:10001"},
    }
    with mintage.Client(ray_head.address, token=ray_head.token) as client:
        job = client.submit(spec)
        job.wait(240)
        yield job


def test_a_job_joins_the_cluster_that_it_runs_on(done: mintage.Job) -> None:
    status = done.status()
    assert status.state == mintage.JobState.SUCCEEDED
    assert isinstance(status.progress, Progress)
    assert status.progress.shards_done == 3
    assert status.summary is not None
    assert status.summary["workers"] == 1
    assert status.started is not None
    assert status.ended is not None
    assert done.result().scan().collect().height == 600


def test_its_log_is_told_line_by_line(done: mintage.Job) -> None:
    events = list(done.events())
    assert list(done.lines()) == done.logs().splitlines()
    assert isinstance(events[-1], RunFinished)
    started = next(event for event in events if isinstance(event, RunStarted))
    assert started.run_id == events[-1].summary["run_id"]


def test_a_job_that_is_done_can_be_found_but_not_cancelled(client: mintage.Client, done: mintage.Job) -> None:
    assert client.get(done.id).attempt == 1
    assert client.get(f"{done.id}-1").id == done.id
    assert done.id.startswith("done-people-")
    assert done.id in [job.id for job in client.list()]
    with pytest.raises(JobEndedError, match="attempt 1 succeeded"):
        client.get(done.id).cancel()
    with pytest.raises(JobMissingError):
        client.get("people-0123456789ab")


def test_a_job_whose_driver_is_killed_goes_on_with_its_next_attempt(
    client: mintage.Client, ray_head: RayHead, spec: Spec, tmp_path: Path
) -> None:
    asked = spec("killed", rows=120_000)
    asked["sink"]["shard_rows"] = 1000
    first = client.submit(asked)
    until(lambda: len(commits(tmp_path / "killed")) >= 3)
    [driver] = ray_head.drivers()
    driver.kill()
    with pytest.raises(ClusterError, match="ended without saying why") as caught:
        first.wait(120)
    assert caught.value.retryable
    before = commits(tmp_path / "killed")
    assert 3 <= len(before) < 120

    second = client.submit(asked)
    assert (second.id, second.attempt) == (first.id, 2)
    second.wait(240)
    assert second.status().run_id == first.status().run_id
    after = commits(tmp_path / "killed")
    assert len(after) == 120
    assert {name: after[name] for name in before} == before
    undisturbed = mintage.run({**asked, "sink": {**asked["sink"], "uri": str(tmp_path / "undisturbed")}})
    assert second.result().summary["root"] == undisturbed.summary["root"]
    assert second.result().summary["resumed_shards"] == len(before)


def test_two_submits_at_the_same_time_are_one_job(ray_head: RayHead, endless: Spec) -> None:
    asked = endless("twice")
    together = threading.Barrier(3)

    def submit(_: int) -> mintage.Job:
        with mintage.Client(ray_head.address, token=ray_head.token) as client:
            together.wait()
            return client.submit(asked)

    with ThreadPoolExecutor(3) as pool:
        jobs = list(pool.map(submit, range(3)))
    with mintage.Client(ray_head.address, token=ray_head.token) as client:
        assert {(job.id, job.attempt) for job in jobs} == {(jobs[0].id, 1)}
        assert client.submit(asked).attempt == 1
        with pytest.raises(JobExistsError, match="differs in: signing"):
            client.submit({**asked, "signing": {"key": "/another/key.pem"}})
        job = client.get(jobs[0].id)
        until(lambda: job.status().phase == "mint")
        job.cancel()
        assert job.status().state == mintage.JobState.CANCELLED
        with pytest.raises(CancelledError):
            job.wait()
        assert ray_head.drivers() == []


@pytest.mark.slow
def test_following_goes_on_over_lost_connections(
    ray_head: RayHead, client: mintage.Client, spec: Spec
) -> None:
    asked = spec("followed", rows=200_000)
    asked["sink"]["shard_rows"] = 1000
    with (
        FaultProxy(ray_head.address) as proxy,
        mintage.Client(proxy.endpoint, token=ray_head.token) as far,
    ):
        job = far.submit(asked)
        proxy.order("cut-answer", rb"GET /api/jobs/[^ ]+/logs/tail", times=1)
        lines = []
        for line in job.lines():
            lines.append(line)
            if len(lines) in {3, 5}:
                proxy.drop()
        assert proxy.faults == 1
        assert lines == client.get(job.id).logs().splitlines()
        assert job.status().state == mintage.JobState.SUCCEEDED


def test_a_job_fails_with_its_own_error_and_one_without_a_plugin_names_it(
    client: mintage.Client, spec: Spec, tmp_path: Path
) -> None:
    lost = client.submit(spec("lost", source={"uri": str(tmp_path / "nowhere.csv")}))
    strange = client.submit(spec("strange", generator={"kind": "tabular.nobody_has_it"}))
    newer = _submit_as_a_newer_version(client, spec("newer", colour="blue"))
    with pytest.raises(SourceError, match=r"nowhere\.csv"):
        lost.wait(240)
    with pytest.raises(PluginError, match=r"tabular\.nobody_has_it"):
        strange.result()
    with pytest.raises(SpecError, match=r"(?s)colour.*Mintage 99\.1, here is ") as caught:
        newer.wait(240)
    assert "install Mintage 99.1 on the cluster" in caught.value.hint
    assert client.submit(spec("lost", source={"uri": str(tmp_path / "nowhere.csv")})).attempt == 2


def _submit_as_a_newer_version(client: mintage.Client, spec: dict[str, Any]) -> mintage.Job:
    import base64
    import zlib

    text = json.dumps({"version": "99.1", "spec": spec}).encode()
    environment = {VARIABLE: base64.b64encode(zlib.compress(text)).decode()}
    backend = client._backend
    backend.submit(
        Submission(
            id="newer-1",
            spec=mintage.JobSpec.model_validate({key: spec[key] for key in spec if key != "colour"}),
            entrypoint=ENTRYPOINT,
            environment=environment,
            metadata={"mintage.job": "newer", "mintage.attempt": "1"},
        )
    )
    return client.get("newer")


@pytest.mark.parametrize("token", [None, "wrong"])
def test_without_the_token_nothing_is_told(
    ray_head: RayHead, spec: Spec, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    with mintage.Client(ray_head.address, token=token) as client:
        for call in (client.list, lambda: client.get("x"), lambda: client.submit(spec("denied"))):
            with pytest.raises(AccessError) as caught:
                call()
            assert "wrong" not in str(caught.value)
            assert "MINTAGE_RAY_TOKEN" in caught.value.hint
    backend = open_backend(ray_head.address, Access(token=token))
    with pytest.raises(AccessError):
        next(iter(backend.follow("x")))
    backend.close()


def test_behind_tls_the_certificate_must_be_trusted(
    ray_head: RayHead, done: mintage.Job, tmp_path: Path
) -> None:
    port = int(ray_head.address.rpartition(":")[2])
    with tls_front(port, tmp_path) as (address, certificate):
        with mintage.Client(address, token=ray_head.token, ca=certificate) as client:
            assert list(client.get(done.id).lines()) == done.logs().splitlines()
        with (
            mintage.Client(address, token=ray_head.token) as client,
            pytest.raises(AccessError, match="cannot be trusted") as caught,
        ):
            client.list()
        assert "ca=" in caught.value.hint
    (tmp_path / "no.pem").write_text("no certificate")
    for wrong in ("no.pem", "nowhere.pem"):
        with pytest.raises(AccessError, match="certificates"):
            mintage.Client(address, ca=tmp_path / wrong)


def test_the_command_line_has_the_same_calls(
    ray_head: RayHead, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINTAGE_ADDRESS", ray_head.address)
    monkeypatch.setenv("MINTAGE_RAY_TOKEN", ray_head.token)
    (tmp_path / "people.json").write_text(json.dumps(spec("line", rows=10**9)))

    def call(*arguments: str) -> dict[str, Any]:
        result = CliRunner().invoke(main, [*arguments, "--json"])
        assert result.exit_code == 0, result.output
        values = json.loads(result.stdout)
        assert isinstance(values, dict)
        return values

    submitted = call("submit", str(tmp_path / "people.json"))
    id = submitted["id"]
    assert submitted["address"] == ray_head.address
    assert call("submit", str(tmp_path / "people.json"))["attempt"] == submitted["attempt"] == 1
    until(lambda: call("status", id)["phase"] == "mint")
    assert id in [job["id"] for job in call("list")["jobs"]]
    assert '"PhaseStarted"' in call("logs", id)["logs"]

    watching = subprocess.Popen(
        [sys.executable, "-c", _MINTAGE, "follow", id],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stderr is not None
    assert watching.stderr.readline() == "read: people\n"
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=30)
    assert watching.returncode == 130
    assert f"the job goes on: `mintage follow {id}` watches it" in said
    assert call("status", id)["state"] == "running"
    assert call("cancel", id)["state"] == "cancelled"
    ended = CliRunner().invoke(main, ["follow", id, "--json"])
    assert ended.exit_code == 1
    assert json.loads(ended.stdout)["error"]["type"] == "CancelledError"
