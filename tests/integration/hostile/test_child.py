"""The limits under which everything else in this folder runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.hostile.conftest import Child


def test_a_sound_data_set_is_verified_within_the_limits(child: Child, dataset: Path, key: Path) -> None:
    done = child.mintage("verify", dataset, "--key", key)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"ok: {dataset} is what was signed")


def test_a_child_that_takes_too_much_memory_is_stopped(child: Child) -> None:
    done = child.python("bytes(8 * 2**30)")
    assert done.code == 1
    assert "MemoryError" in done.err


def test_a_child_that_never_ends_is_stopped(child: Child) -> None:
    done = replace(child, cpu_seconds=1).python("while True: pass")
    assert done.code < 0
