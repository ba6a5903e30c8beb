"""Models from a stranger: pickles are never loaded, and safetensors files that lie are told so."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_of, sha256_hex

if TYPE_CHECKING:
    from tests.integration.hostile.conftest import Child

SPEC = """
name: again
seed: 1
model: {{uri: {model}}}
rows: 10
sink: {{uri: out}}
resources: {{executor: inline}}
evaluation: {{metrics: []}}
"""


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.mark), "w")


@pytest.fixture
def mark(child: Child) -> Path:
    """A file that is there when a pickle was loaded."""
    return child.folder / "executed"


@pytest.fixture
def trap(mark: Path) -> bytes:
    """A pickle that shows when it is loaded."""
    data = pickle.dumps(Trap(mark))
    pickle.loads(data).close()
    assert mark.exists()
    mark.unlink()
    return data


def mint(child: Child, model: str) -> tuple[str, ...]:
    """The arguments that mint from a model."""
    (child.folder / "again.yaml").write_text(SPEC.format(model=model))
    return "run", "again.yaml"


@pytest.mark.parametrize("name", ["model.pt", "model.joblib"])
def test_a_pickle_is_no_model(child: Child, trap: bytes, mark: Path, name: str) -> None:
    (child.folder / name).write_bytes(trap)
    child.mintage(*mint(child, name)).refused(
        f"{name} is a file, and models are not read from files",
        "pickles (.pt, .pkl, .joblib) are never",
        code=2,
    )
    assert not mark.exists()


def test_a_checkpoint_of_torch_is_no_model(child: Child, mark: Path) -> None:
    torch.save({"weights": torch.zeros(2), "trap": Trap(mark)}, child.folder / "model.pt")
    child.mintage(*mint(child, "model.pt")).refused("models are not read from files", code=2)
    assert not mark.exists()


def test_a_folder_of_pickles_holds_no_model(child: Child, trap: bytes, mark: Path) -> None:
    folder = child.folder / "checkpoint"
    (folder / "_mintage/model").mkdir(parents=True)
    for name in ("model.pt", "pytorch_model.bin", "_mintage/model/model.pkl"):
        (folder / name).write_bytes(trap)
    child.mintage(*mint(child, "checkpoint")).refused("checkpoint holds no model", code=2)
    assert not mark.exists()


def replaced(dataset: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Path:
    """The data set as a stranger's who made all digests of its model anew, without its signed versions."""
    folder = dataset / "_mintage/model"
    pointer = json.loads((folder / "model.json").read_bytes())
    [old] = [path for path in folder.iterdir() if path.is_dir()]
    files = change({path.name: path.read_bytes() for path in old.iterdir()})
    pointer["files"] = {name: sha256_hex(data) for name, data in sorted(files.items())}
    named = {"generator": pointer["generator"]["name"], "files": pointer["files"]}
    pointer["digest"] = digest_of(canonical_json(named))
    shutil.rmtree(old)
    new = folder / pointer["digest"].removeprefix("sha256:")[:16]
    new.mkdir()
    for name, data in files.items():
        (new / name).write_bytes(data)
    (folder / "model.json").write_bytes(canonical_json(pointer))
    for gone in ("versions", "heads"):
        shutil.rmtree(dataset / "_mintage" / gone)
    return dataset


def test_a_model_whose_files_are_pickles_is_refused(
    child: Child, dataset: Path, trap: bytes, mark: Path
) -> None:
    replaced(dataset, lambda files: {**files, "model.safetensors": trap})
    child.mintage(*mint(child, "people")).refused("the files are not a model that this generator saved")
    assert not mark.exists()


def test_a_model_that_names_a_pickle_beside_its_files_is_refused(
    child: Child, dataset: Path, trap: bytes, mark: Path
) -> None:
    replaced(dataset, lambda files: {**files, "model.pt": trap})
    child.mintage(*mint(child, "people")).refused("the files are not a model that this generator saved")
    assert not mark.exists()


def tensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file with any header, and any claim of how long it is."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def one(**changes: object) -> dict[str, object]:
    """The header of a file with one tensor of two numbers."""
    return {"a": {"dtype": "F64", "shape": [2], "data_offsets": [0, 16], **changes}}


LIES: dict[str, bytes] = {
    "nothing": b"",
    "a header that would fill all memory": tensors(b"{}", length=2**63),
    "a header that goes on behind the end": tensors(b"{}", length=1000),
    "a header of 128 MiB": tensors(b'{"a":"' + b" " * 2**27 + b'"}'),
    "a header that is no JSON": tensors(b"{]"),
    "a header nested a hundred thousand deep": tensors(b"[" * 100_000),
    "a header that is not UTF-8": tensors(b'{"\xff":1}'),
    "a type that there is not": tensors(one(dtype="F65"), bytes(16)),
    "a type that is too wide for the bytes": tensors(one(dtype="F64", shape=[4]), bytes(16)),
    "a type that is too narrow for the bytes": tensors(one(dtype="U8"), bytes(16)),
    "a shape that overflows": tensors(one(shape=[2**62, 2**62]), bytes(16)),
    "a negative shape": tensors(one(shape=[-2]), bytes(16)),
    "offsets behind the end": tensors(one(data_offsets=[0, 2**40], shape=[2**37]), bytes(16)),
    "offsets that go backwards": tensors(one(data_offsets=[16, 0]), bytes(16)),
    "offsets that overlap": tensors(
        {**one(), "b": {"dtype": "F64", "shape": [2], "data_offsets": [8, 24]}}, bytes(24)
    ),
    "bytes that no tensor owns": tensors(one(), bytes(32)),
    "a tensor of another type than the model needs": tensors(one(dtype="I64"), bytes(16)),
}


def test_safetensors_that_lie_are_refused(child: Child) -> None:
    for number, data in enumerate(LIES.values()):
        (child.folder / f"{number}.safetensors").write_bytes(data)
    done = child.python(LOAD, str(len(LIES)))
    assert (done.code, done.err) == (0, ""), done.told[-4000:]
    told = dict(zip(LIES, done.out.splitlines(), strict=True))
    refused = "FitError: the files are not a model that this generator saved: "
    assert [lie for lie, line in told.items() if not line.startswith(refused)] == [], told


LOAD = """
import sys
from pathlib import Path
import pyarrow as pa
from mintage.contracts import FitContext
from mintage.errors import FitError
from mintage.testing import memory_source
from mintage_generators.tabular.marginals.config import MarginalsConfig
from mintage_generators.tabular.marginals.generator import MarginalsGenerator

table = pa.table({"n": list(range(60)), "x": [i / 7 for i in range(60)]})
files = MarginalsGenerator(MarginalsConfig()).fit(memory_source(table), FitContext(seed=1)).save()
MarginalsGenerator.load(files)
for number in range(int(sys.argv[1])):
    try:
        MarginalsGenerator.load({**files, "model.safetensors": Path(f"{number}.safetensors").read_bytes()})
        print("taken", flush=True)
    except FitError as error:
        print("FitError:", str(error).replace("\\n", " "), flush=True)
"""
