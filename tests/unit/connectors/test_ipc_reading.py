"""Arrow IPC: files and streams are read, crafted ones are refused without harm to the process."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from mintage.errors import SourceError
from tests.unit.connectors.tables import read, reader, write

TABLE = pa.table({"a": [1, 2, None], "s": ["x", "", None], "l": [[1.5], [], None]})


def _ipc(table: pa.Table, *, stream: bool = False, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"], ids=str)
@pytest.mark.parametrize("stream", [False, True], ids=["file", "stream"])
def test_files_and_streams_are_read(tmp_path: Path, stream: bool, compression: str | None) -> None:
    path = write(tmp_path / "t.arrow", _ipc(TABLE, stream=stream, compression=compression))
    assert read("ipc", path) == TABLE
    assert [batch.num_rows for batch in reader("ipc", path).scan(["s"], 2)] == [2, 1]


def test_dictionaries_are_read_as_their_values(tmp_path: Path) -> None:
    table = pa.table({"c": pa.array(["x", None, "x"]).dictionary_encode()})
    assert read("ipc", write(tmp_path / "t.arrow", _ipc(table)))["c"].to_pylist() == ["x", None, "x"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"a,b\n1,2\n", "cannot be read"),
        (b"ARROW1\0\0", "cannot be read"),
        (_ipc(TABLE)[:-30], "cannot be read"),
        (_ipc(TABLE, stream=True)[:-300], "cannot be read"),
        (_ipc(pa.table({"x": [{"y": 1}]})), "the column 'x' is of the type struct"),
    ],
    ids=["empty", "csv", "nothing but the magic", "file cut off", "stream cut off", "struct"],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = write(tmp_path / "t.arrow", content)
    with pytest.raises(SourceError, match=message) as caught:
        read("ipc", path)
    assert str(path) in caught.value.message


def _crafted_offsets(stream: bool) -> bytes:
    """A file whose text points far beyond its bytes."""
    good = struct.pack("<4i", 0, 4, 8, 12)
    data = _ipc(pa.table({"s": ["abcd", "efgh", "ijkl"]}), stream=stream)
    assert data.count(good) == 1
    return data.replace(good, struct.pack("<4i", 0, 4, 2_000_000_000, 2_000_000_004))


def _crafted_index(stream: bool) -> bytes:
    """A file whose dictionary indices point far beyond the dictionary."""
    table = pa.table({"c": pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int32()), ["x", "y"])})
    good = struct.pack("<3i", 0, 1, 0) + bytes(4)
    data = _ipc(table, stream=stream)
    return data.replace(good, struct.pack("<3i", 0, 2_000_000_000, 0) + bytes(4))


@pytest.mark.parametrize("stream", [False, True], ids=["file", "stream"])
@pytest.mark.parametrize("craft", [_crafted_offsets, _crafted_index], ids=["offsets", "dictionary index"])
def test_a_crafted_file_is_refused_and_the_process_lives(
    tmp_path: Path, craft: Callable[[bool], bytes], stream: bool
) -> None:
    path = write(tmp_path / "t.arrow", craft(stream))
    code = (
        "import sys\n"
        "from mintage.errors import SourceError\n"
        "from mintage_connectors.ipc import IpcConnector, IpcConfig\n"
        "try:\n"
        "    for batch in IpcConnector(IpcConfig()).read(sys.argv[1]).scan():\n"
        "        print(batch.to_pylist())\n"
        "except SourceError as exc:\n"
        "    print(exc)\n"
        "    sys.exit(7)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 7, done.stderr
    assert "t.arrow cannot be read" in done.stdout


def test_bytes_changed_anywhere_never_crash_the_process(tmp_path: Path) -> None:
    code = (
        "import sys, random\n"
        "from pathlib import Path\n"
        "from mintage.errors import MintageError\n"
        "from mintage_connectors.ipc import IpcConnector, IpcConfig\n"
        "path, draw = Path(sys.argv[1]), random.Random(7)\n"
        "good = path.read_bytes()\n"
        "for _ in range(400):\n"
        "    bad = bytearray(good)\n"
        "    for _ in range(draw.randint(1, 4)):\n"
        "        bad[draw.randrange(8, len(bad))] = draw.randrange(256)\n"
        "    path.write_bytes(bytes(bad))\n"
        "    try:\n"
        "        [batch.to_pylist() for batch in IpcConnector(IpcConfig()).read(str(path)).scan()]\n"
        "    except MintageError:\n"
        "        pass\n"
    )
    path = write(tmp_path / "t.arrow", _ipc(TABLE))
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
