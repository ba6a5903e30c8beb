"""Shards are minted again before anything is signed: what does not repeat is found, and not signed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mintage
from mintage.engine import events
from mintage.errors import AuditFailedError, CancelledError

Job = Callable[..., dict[str, Any]]


def probes(result: mintage.Result) -> list[dict[str, str]]:
    """The probes that were signed."""
    predicate = result.manifest.statement.json["predicate"]
    assert isinstance(predicate, dict)
    found: list[dict[str, str]] = predicate["determinism"]["probes"]
    return found


def is_signed(out: Path) -> bool:
    """Whether a data set has a head, or statements."""
    return any(out.glob("_mintage/heads/*")) or any(out.glob("_mintage/versions/*/statements.jsonl"))


def test_a_fresh_process_mints_the_shard_again_and_the_statement_says_so(faulty_job: Job) -> None:
    told: list[events.Event] = []
    result = mintage.run(faulty_job("faulty.sound"), on_event=told.append)
    [probe] = probes(result)
    assert (probe["result"], probe["class"]) == ("confirmed", "bytes")
    assert probe["worker"] != probe["committedBy"]
    assert [event.phase for event in told if isinstance(event, events.PhaseStarted)] == [
        "read", "fit", "mint", "audit", "attest",
    ]  # fmt: skip
    [audited] = [event for event in told if isinstance(event, events.ShardAudited)]
    assert (str(audited.shard), audited.equality) == (probe["shard"], "bytes")
    assert mintage.verify(result.store.uri).ok


@pytest.mark.parametrize("kind", ["faulty.counts", "faulty.set"])
def test_a_generator_with_hidden_state_is_found_in_a_fresh_process(
    faulty_job: Job, tmp_path: Path, kind: str
) -> None:
    with pytest.raises(
        AuditFailedError, match=r"when .* minted it again, but its model claims bytes"
    ) as caught:
        mintage.run(faulty_job(kind))
    assert "nothing was signed" in caught.value.hint
    assert not is_signed(tmp_path / "out")


def test_a_worker_that_computed_wrongly_is_outvoted_and_nothing_is_signed(
    faulty_job: Job, tmp_path: Path
) -> None:
    spec = faulty_job("sick.machine")
    with pytest.raises(AuditFailedError, match=r"a third minting by .* agrees with") as caught:
        mintage.run(spec)
    assert "came out with the equality close" in caught.value.message
    assert not is_signed(tmp_path / "out")
    # The same command meets the same shard: nothing can be signed by trying again.
    with pytest.raises(AuditFailedError) as again:
        mintage.run(spec)
    assert again.value.message.split(",")[0] == caught.value.message.split(",")[0]


def test_a_generator_that_follows_the_clock_agrees_with_nobody(faulty_job: Job) -> None:
    sink = {"uri": "memory://audit/clock", "shard_rows": 100}
    with pytest.raises(AuditFailedError, match=r"a third minting by .* agrees with neither"):
        mintage.run(faulty_job("faulty.clock", sink=sink))


@pytest.mark.parametrize(
    ("kind", "result", "equality"),
    [("faulty.never", "confirmed", ("statistical", "none")), ("sick.close", "confirmed", ("close",))],
    ids=["claims nothing", "claims that numbers are close"],
)
def test_a_model_that_claims_less_is_reported_as_it_is(
    faulty_job: Job, kind: str, result: str, equality: tuple[str, ...]
) -> None:
    [probe] = probes(mintage.run(faulty_job(kind)))
    assert probe["result"] == result
    assert probe["class"] in equality


def test_a_part_that_was_altered_after_its_commit_is_found_before_it_is_signed(
    faulty_job: Job, tmp_path: Path
) -> None:
    spec = faulty_job("faulty.sound", audit={"shards": 6})

    def alter(event: events.Event) -> None:
        if isinstance(event, events.PhaseStarted) and event.phase == "audit":
            part = next((tmp_path / "out/data/children").glob("part-000002-*"))
            part.write_bytes(part.read_bytes()[:-1] + b"\0")

    with pytest.raises(AuditFailedError, match=r"data/children/part-000002-\S+ is missing or altered"):
        mintage.run(spec, on_event=alter)
    assert not is_signed(tmp_path / "out")


def test_a_run_that_was_stopped_before_its_audit_chooses_the_same_shards(
    faulty_job: Job, tmp_path: Path
) -> None:
    def sink(name: str) -> dict[str, object]:
        return {"uri": f"memory://audit/{tmp_path.name}-{name}", "shard_rows": 100}

    whole = mintage.run(faulty_job("faulty.sound", sink=sink("whole"), audit={"shards": 3}))
    done: list[int] = []

    def note(event: events.Event) -> None:
        if isinstance(event, events.ShardCommitted):
            done.append(event.shard)

    spec = faulty_job("faulty.sound", sink=sink("stopped"), audit={"shards": 3})
    with pytest.raises(CancelledError):
        mintage.run(spec, on_event=note, cancelled=lambda: len(done) >= 4)
    resumed = mintage.run(spec)
    assert [probe["shard"] for probe in probes(resumed)] == [probe["shard"] for probe in probes(whole)]
    assert len(probes(whole)) == 3


@pytest.mark.parametrize(
    ("kind", "rows", "audit", "expected"),
    [
        ("faulty.sound", 1900, None, 0),
        ("faulty.sound", 2000, None, 1),
        ("faulty.never", 2000, None, 0),
        ("faulty.sound", 2000, 0, 0),
        ("faulty.sound", 300, 9, 3),
    ],
    ids=["few shards", "many", "no claim", "switched off", "more than there are"],
)
def test_how_many_shards_are_audited(
    faulty_job: Job, kind: str, rows: int, audit: int | None, expected: int
) -> None:
    sink = {"uri": f"memory://audit/{kind}-{rows}-{audit}", "shard_rows": 100}
    result = mintage.run(faulty_job(kind, rows=rows, sink=sink, audit={"shards": audit}))
    assert len(probes(result)) == expected


def test_the_audit_changes_neither_the_run_id_nor_the_root(faulty_job: Job, tmp_path: Path) -> None:
    results = [
        mintage.run(
            faulty_job(
                "faulty.sound", sink={"uri": f"memory://audit/{tmp_path.name}{n}"}, audit={"shards": n}
            )
        )
        for n in (0, 1)
    ]
    assert len({(result.summary["run_id"], result.summary["root"]) for result in results}) == 1


@pytest.mark.ray
def test_on_ray_another_worker_finds_the_one_that_computes_wrongly(
    faulty_site: Path, faulty_job: Job, tmp_path: Path
) -> None:
    # All six shards are asked for, so that one of the sick worker's is; a Ray of its own sees the generators.
    spec = faulty_job("sick.machine", resources={"executor": "ray", "workers": 2}, audit={"shards": 6})
    (tmp_path / "faulty.json").write_text(json.dumps(spec))
    command = [sys.executable, "-c", "from mintage.cli import main; main()", "run", "faulty.json"]
    path = os.pathsep.join([str(faulty_site), *filter(None, sys.path)])
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "came out with the equality close" in done.stderr
    assert "nothing was signed" in done.stderr
    assert not is_signed(tmp_path / "out")
