"""Whether a worker's memory grows with its rows: one shard of n rows, and one of 10 n."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from environment import Setting

_MINT = """
import json, pathlib, sys
import mintage
mintage.run(json.loads(sys.argv[1]))
# Not ru_maxrss, which a child process inherits from its parent.
lines = pathlib.Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


def measure(setting: Setting) -> dict[str, object]:
    """Peak resident MiB of a process that mints one shard, at both sizes, and their ratio."""
    small = 20_000 if setting.quick else 100_000
    peaks: dict[int, list[float]] = {small: [], 10 * small: []}
    for turn in range(setting.runs):
        for rows in peaks:
            spec = setting.spec(f"memory-{turn}-{rows}", rows, workers=1, shard_rows=10 * small)
            command = [sys.executable, "-c", _MINT, json.dumps(spec)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            peaks[rows].append(int(done.stdout.split()[-1]) / 1024)
    medians = {rows: statistics.median(values) for rows, values in peaks.items()}
    return {
        **{f"peak_mib_at_{rows}_rows": round(value, 1) for rows, value in medians.items()},
        "ratio": round(medians[10 * small] / medians[small], 3),
    }
