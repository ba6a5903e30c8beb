"""Sources larger than memory: what a scan holds does not grow with the file."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.unit.connectors.tables import part

ROWS = 65_536
MARGIN_BYTES = 24 << 20
"""What the allocator may keep; ten times the file would be some hundred MB."""

_SCAN = r"""
import re, sys
from pathlib import Path
from mintage import plugins
kind, path = sys.argv[1:]
connector = plugins.load_connector(plugins.connector(kind))
reader = connector(connector.Config()).read(path)
rows = sum(batch.num_rows for batch in reader.scan())
reader.digest()
# Not ru_maxrss, which a process inherits from the one that started it.
peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
print(rows, int(peak[1]) * 1024)
"""


def _table() -> pa.Table:
    draw = np.random.default_rng(5)
    columns = {f"n{number}": draw.integers(0, 10**9, ROWS) for number in range(6)}
    return pa.table({**columns, "s": [f"text {number}, quoted" for number in range(ROWS)]})


def _write(folder: Path, kind: str, times: int) -> Path:
    """A file of `times` equal pieces."""
    path = folder / f"{times}.{kind}"
    table = _table()
    if kind in ("csv", "csv.gz", "jsonl"):
        piece = part(kind.removesuffix(".gz"), table)
        start = piece.index(b"\n") + 1 if kind != "jsonl" else 0
        data = piece[:start] + piece[start:] * times
        path.write_bytes(gzip.compress(data, 1) if kind.endswith("gz") else data)
    else:
        path.write_bytes(part(kind, pa.concat_tables([table] * times)))
    return path


def _peak_bytes(kind: str, path: Path) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", _SCAN, kind.removesuffix(".gz"), str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    rows, peak = done.stdout.split()
    return int(rows), int(peak)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "csv.gz", "jsonl", "parquet", "ipc"])
def test_ten_times_the_rows_take_no_more_memory(tmp_path: Path, kind: str) -> None:
    small_rows, small = _peak_bytes(kind, _write(tmp_path, kind, 2))
    large_rows, large = _peak_bytes(kind, _write(tmp_path, kind, 20))
    assert (small_rows, large_rows) == (2 * ROWS, 20 * ROWS)
    assert large - small < MARGIN_BYTES


@pytest.mark.slow
def test_a_row_group_is_not_held_whole(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    table = pa.table({f"n{number}": draw.integers(0, 2**62, 1 << 20) for number in range(8)})
    one, many = tmp_path / "one.parquet", tmp_path / "many.parquet"
    one.write_bytes(part("parquet", table.combine_chunks()))
    many.write_bytes(part("parquet", pa.Table.from_batches(table.to_batches(max_chunksize=ROWS))))
    peaks = [_peak_bytes("parquet", path)[1] for path in (one, many)]
    assert peaks[0] - peaks[1] < MARGIN_BYTES


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bad.csv", b"a,b\n" + b"1,2\n" * 2_000_000 + b"1,2,3\n"),
        ("bad.jsonl", b'{"a": 1}\n' * 100_000 + b"{\n"),
        ("bad.arrow", b"ARROW1\0\0" + b"\xff" * 100_000),
        ("bad.parquet", b"PAR1" + b"\xff" * 100_000 + b"PAR1"),
    ],
)
def test_a_process_that_ends_on_an_error_ends_cleanly(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    kind = {"arrow": "ipc"}.get(name.split(".")[1], name.split(".")[1])
    done = subprocess.run(
        [sys.executable, "-c", _SCAN, kind, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "SourceError" in done.stderr
