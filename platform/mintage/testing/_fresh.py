"""Sampling in a fresh process, as a worker does: load the saved model, answer one request."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from mintage.contracts import Generator, Model, SampleRequest
from mintage.testing._drawing import draw
from mintage.testing._tables import Rows
from mintage.testing.errors import ConformanceError, require

_CHECK = "repeats_in_a_fresh_process"
_TIMEOUT_SECONDS = 300

# -R: another order of sets and dicts of strings than here, so that no row may follow from it.
_PYTHON = (sys.executable, "-R", "-c")
_PROGRAM = (
    "import json, sys; job = json.load(sys.stdin); sys.path[:] = job['path'];"
    "from mintage.testing._fresh import answer; answer(job)"
)


def draw_in_a_fresh_process(generator: type[Generator], model: Model, request: SampleRequest) -> Rows:
    """The rows of the request, made by another Python from what the model saves."""
    module, name = generator.__module__, generator.__qualname__
    require(
        module != "__main__" and "<locals>" not in name,
        _CHECK,
        f"{module}:{name} cannot be imported by name; workers import plugins so",
    )
    with TemporaryDirectory() as folder:
        job = {
            "path": sys.path,
            "module": module,
            "name": name,
            "folder": folder,
            "files": _store(model.save(), Path(folder)),
            "request": _to_json(request),
        }
        _run(json.dumps(job))
        return _rows(model.schema.names, Path(folder))


def answer(job: Mapping[str, object]) -> None:
    """What the other process does: load the model of the job, sample, and leave the rows in its folder."""
    folder, files, request = Path(str(job["folder"])), job["files"], job["request"]
    assert isinstance(files, list)
    assert isinstance(request, dict)
    generator: object = import_module(str(job["module"]))
    for part in str(job["name"]).split("."):
        generator = getattr(generator, part)
    assert isinstance(generator, type)
    assert issubclass(generator, Generator)
    model = generator.load({name: (folder / f"{i}.model").read_bytes() for i, name in enumerate(files)})
    for index, table in enumerate(draw(model, SampleRequest(**request)).values()):
        with pa.ipc.new_file(folder / f"{index}.arrow", table.schema) as writer:
            writer.write_table(table)


def _store(files: Mapping[str, bytes], folder: Path) -> list[str]:
    # By number, because a model's file names may hold folders.
    for index, data in enumerate(files.values()):
        (folder / f"{index}.model").write_bytes(data)
    return list(files)


def _rows(names: tuple[str, ...], folder: Path) -> Rows:
    found = {}
    for index, name in enumerate(names):
        with pa.ipc.open_file(pa.BufferReader((folder / f"{index}.arrow").read_bytes())) as reader:
            found[name] = reader.read_all()
    return found


def _run(job: str) -> None:
    try:
        done = subprocess.run(
            [*_PYTHON, _PROGRAM],
            input=job,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise ConformanceError(_CHECK, f"a fresh process took more than {_TIMEOUT_SECONDS} s") from exc
    require(done.returncode == 0, _CHECK, f"a fresh process failed:\n{done.stderr[-2000:]}")


def _to_json(request: SampleRequest) -> dict[str, object]:
    return {
        "seed": request.seed,
        "shard": request.shard,
        "batch": request.batch,
        "rows": request.rows,
        "first_key": request.first_key,
    }
