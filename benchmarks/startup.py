"""How long a person waits before anything happens."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

from environment import Setting, seconds_of


def measure(setting: Setting) -> dict[str, object]:
    """Seconds of `import mintage` and `mintage --help`, in fresh processes; beside them, bare Python."""
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "import_mintage": [sys.executable, "-c", "import mintage"],
        "mintage_help": [str(Path(sys.executable).parent / "mintage"), "--help"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(setting.runs * 3):
        for name, command in commands.items():
            run = lambda command=command: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: E731
            seconds[name].append(seconds_of(run))
    return {f"{name}_seconds": round(statistics.median(values), 3) for name, values in seconds.items()}
