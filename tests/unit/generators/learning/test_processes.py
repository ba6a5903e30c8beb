"""Two processes that train one model: equal weights, near to those of one process; a loss is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mintage.contracts import FitContext
from tests.unit.generators.learning.lines import fit, some_rows
from tests.unit.generators.learning.processes import CONFIG


def run_two(folder: Path, *options: str) -> None:
    command = [sys.executable, "-m", "tests.unit.generators.learning.processes"]
    running = [subprocess.Popen([*command, str(rank), str(folder), *options]) for rank in range(2)]
    for process in running:
        process.wait()


def test_two_processes_end_with_equal_weights_as_good_as_those_of_one(tmp_path: Path) -> None:
    run_two(tmp_path)
    files = [(tmp_path / f"{rank}.safetensors").read_bytes() for rank in range(2)]
    assert files[0] == files[1]
    told = [(tmp_path / f"{rank}.txt").read_text() for rank in range(2)]
    assert told[0] == told[1]
    alone: Any = fit(some_rows(), FitContext(seed=3), CONFIG).facts
    losses = [facts["learning_curve"]["held_out_loss"] for facts in (json.loads(told[0]), alone)]
    assert losses[0] != losses[1]
    assert losses[0][-1] == pytest.approx(losses[1][-1], rel=0.5)
    assert losses[0][-1] < 0.5 * losses[0][0]


@pytest.mark.slow
def test_a_process_whose_peer_is_gone_says_so_instead_of_blaming_the_model(tmp_path: Path) -> None:
    run_two(tmp_path, "leaves")
    assert "another process of this fit went away" in (tmp_path / "1.txt").read_text()
