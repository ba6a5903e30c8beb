"""Rows that are made in a Python of its own, and come back through a pipe.

A process that was forked has the memory of its parent but none of its threads, so polars and torch wait
for ever for theirs. A `DataLoader` forks its workers unless it is told to spawn them.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import pyarrow as pa

from mintage import errors
from mintage.engine.stream.chunks import ChunkTaker
from mintage.engine.stream.keys import Ask, Chunk
from mintage.engine.stream.rows import PlanRows, Rows, VersionRows
from mintage.engine.worker import WorkerSetup
from mintage.errors import ClusterError, GenerationError, MintageError
from mintage.store import ObjectStore

_PROGRAM = (
    "import json, sys; job = json.loads(sys.stdin.readline()); sys.path[:] = job['path'];"
    "from mintage.engine.stream.process_link import serve; serve(job)"
)
_KIND = {b"m": False, b"l": True}
"""First byte of an answer with rows: whether more rows follow, or these are the last. Errors have `e`."""
_LENGTH_BYTES = 8
_MAX_ANSWER_BYTES = 2**33
_STOP_SECONDS = 5.0


class ProcessLink:
    """Asks another process of this machine, which ends with this object, or with this process."""

    def __init__(self, rows: Rows) -> None:
        self._errors = TemporaryFile()  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._write({"path": sys.path, **_to_json(rows)})

    def send(self, ask: Ask) -> None:
        """Write an ask to the pipe; the process reads it when it has answered those before."""
        self._write({name: getattr(ask, name) for name in Ask.__slots__})

    def receive(self) -> Chunk:
        """Read an answer from the pipe. Raises `ClusterError` when the process died."""
        assert self._process.stdout is not None
        length = int.from_bytes(self._read(self._process.stdout, _LENGTH_BYTES))
        if not 0 < length <= _MAX_ANSWER_BYTES:
            raise GenerationError(f"the process that makes rows sent an answer of {length} bytes")
        kind, data = self._read(self._process.stdout, 1), self._read(self._process.stdout, length - 1)
        if kind not in _KIND:
            value = json.loads(data)
            error: MintageError = getattr(errors, value["error"], MintageError)(
                value["message"], value["hint"]
            )
            raise error
        with pa.ipc.open_stream(data) as reader:
            return Chunk(batch=reader.read_next_batch(), last=_KIND[kind])

    def close(self) -> None:
        """End the process, whatever it does."""
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                assert stream is not None
                stream.close()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def _write(self, value: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(value).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as exc:
            raise self._died() from exc

    def _read(self, stream: BinaryIO | Any, count: int) -> bytes:  # noqa: ANN401  # typeshed's IO[bytes]
        data: bytes = stream.read(count)
        if len(data) < count:
            raise self._died()
        return data

    def _died(self) -> ClusterError:
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")[-2000:]
        return ClusterError(
            f"the process that makes rows ended with {code}: {said}", "look for a crash or for memory"
        )


def serve(job: Mapping[str, Any]) -> None:
    """What the other process does: answer asks until nobody asks any more."""
    # Whatever a library prints must not get between the answers.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        taker: ChunkTaker | None = None
        for line in sys.stdin:
            try:
                taker = taker or ChunkTaker(_from_json(job).start())
                answer = _encode(taker.take(Ask(**json.loads(line))))
            except MintageError as exc:
                value = {"error": type(exc).__name__, "message": exc.message, "hint": exc.hint}
                answer = b"e" + json.dumps(value).encode()
            try:
                answers.write(len(answer).to_bytes(_LENGTH_BYTES) + answer)
                answers.flush()
            except BrokenPipeError:
                os._exit(0)


def _encode(chunk: Chunk) -> bytes:
    sink = io.BytesIO(b"l" if chunk.last else b"m")
    sink.seek(1)
    with pa.ipc.new_stream(sink, chunk.batch.schema) as writer:
        writer.write_batch(chunk.batch)
    return sink.getvalue()


def _to_json(rows: Rows) -> dict[str, Any]:
    if isinstance(rows, VersionRows):
        return {**_store_to_json(rows.store), "table": rows.table, "version": rows.version}
    return {
        **_store_to_json(rows.setup.store),
        "table": rows.table,
        "plan": rows.setup.plan_digest,
        "first_shard": rows.setup.first_shard,
        "keep_rejects": rows.setup.keep_rejects,
        "tee": rows.tee,
        "fresh": rows.fresh,
    }


def _store_to_json(store: ObjectStore) -> dict[str, Any]:
    return {"uri": store.uri, "options": dict(store.options)}


def _from_json(job: Mapping[str, Any]) -> Rows:
    store = ObjectStore.open(job["uri"], options=job["options"])
    if "version" in job:
        return VersionRows(store=store, version=job["version"], table=job["table"])
    setup = WorkerSetup(
        store=store,
        plan_digest=job["plan"],
        first_shard=job["first_shard"],
        keep_rejects=job["keep_rejects"],
    )
    return PlanRows(setup=setup, table=job["table"], tee=job["tee"], fresh=job["fresh"])
