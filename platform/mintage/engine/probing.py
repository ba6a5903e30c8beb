"""Probes: committed shards that are minted again by another worker, before anybody signs for them."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel, ConfigDict

from mintage import errors
from mintage.engine.bench import Bench
from mintage.engine.commits import find_commit
from mintage.engine.equality import Committed, ShardEquality
from mintage.engine.regeneration import compare_with_signed, mint_again, scratch_store
from mintage.errors import ClusterError, MintageError, ProvenanceError
from mintage.provenance.commits import check_paths
from mintage.provenance.committed import find_damage
from mintage.store import ObjectStore

_MAX_HOST = 100
# -R: another order of sets and dicts of strings than here, so that no row may follow from it.
_PYTHON = (sys.executable, "-R", "-c")
_PROGRAM = (
    "import json, sys; job = json.load(sys.stdin); sys.path[:] = job['path'];"
    "from mintage.engine.probing import answer; answer(job)"
)


class Probed(BaseModel):
    """What came of a probe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    found: ShardEquality
    damaged: tuple[str, ...]
    """Committed parts that are missing, or not what their commit says."""
    worker: str
    """Who minted the shard again."""
    committed_by: str
    """Whose attempt was committed."""


def worker_identity() -> str:
    """This process among all workers of a run: its machine and its number."""
    return f"{platform.node()[:_MAX_HOST]}/{os.getpid()}"


def probe(store: ObjectStore, bench: Bench, index: int) -> Probed:
    """Mint a committed shard again, and compare; also look whether its parts are still what was written."""
    commit = find_commit(store, bench.plan, index)
    if commit is None:
        raise ProvenanceError(f"shard {index} is not committed", "run the job again to finish it")
    check_paths(commit)
    with scratch_store() as output:
        again = mint_again(bench, index, output)
        committed = Committed(store=store, paths=commit.parts)
        found = compare_with_signed(bench, commit.record, committed, again)
    tables = commit.record.tables
    damaged = [
        path for name, path in commit.parts.items() if find_damage(store, path, tables[name]) != "intact"
    ]
    return Probed(found=found, damaged=tuple(damaged), worker=worker_identity(), committed_by=commit.worker)


def probe_in_a_fresh_process(
    store: ObjectStore, plan_digest: str, first_shard: int, shards: Sequence[int]
) -> list[Probed | MintageError]:
    """The same in a Python of its own, which has no state of this one: neither rows nor hash seeds.

    Errors are those of the other process; `ClusterError` for all shards when it died.
    """
    with TemporaryDirectory(prefix="mintage-") as folder:
        results = Path(folder) / "results.json"
        job = {
            "path": sys.path,
            "uri": store.uri,
            "options": dict(store.options),
            "plan": plan_digest,
            "first_shard": first_shard,
            "shards": list(shards),
            "results": str(results),
        }
        done = subprocess.run(
            [*_PYTHON, _PROGRAM], input=json.dumps(job), capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return [_read(value) for value in json.loads(results.read_text(encoding="utf-8"))]
        message = f"the process that minted shards again ended with {done.returncode}: {done.stderr[-2000:]}"
        return [ClusterError(message, "look for a crash or for memory, then run it again")] * len(shards)


def answer(job: Mapping[str, Any]) -> None:
    """What the other process does: probe, and leave the results, or errors, in a file."""
    store = ObjectStore.open(job["uri"], options=job["options"])
    bench: Bench | None = None
    results: list[object] = []
    for shard in job["shards"]:
        try:
            bench = bench or Bench.load(store, job["plan"], job["first_shard"])
            results.append(probe(store, bench, shard).model_dump(mode="json"))
        except MintageError as exc:
            results.append({"error": type(exc).__name__, "message": exc.message, "hint": exc.hint})
    Path(job["results"]).write_text(json.dumps(results), encoding="utf-8")


def _read(value: Mapping[str, Any]) -> Probed | MintageError:
    if "error" not in value:
        return Probed.model_validate(value)
    kind = getattr(errors, value["error"], MintageError)
    error: MintageError = kind(value["message"], value["hint"])
    return error
