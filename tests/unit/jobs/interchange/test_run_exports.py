"""A run leaves croissant.json and datacard.md beside its version, bound by digest."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mintage
from mintage.errors import StoreUnavailableError
from mintage.store import ObjectStore

Job = Callable[..., dict[str, Any]]

SHEET = {
    "title": "People",
    "license": "https://spdx.org/licenses/CC0-1.0.html",
    "creators": [{"name": "Ann"}],
}


def test_the_files_are_signed_and_say_what_the_version_holds(job: Job, tmp_path: Path) -> None:
    result = mintage.run(job(datasheet=SHEET))
    assert result.manifest.attachments == ("croissant.json", "datacard.md")
    assert mintage.verify(result.store.uri).ok
    croissant = json.loads(result.manifest.read_attachment("croissant.json"))
    assert (croissant["name"], croissant["license"]) == ("People", SHEET["license"])
    named = {one["@id"]: one for one in croissant["distribution"]}
    checksums = tmp_path / "out/_mintage/versions/1/manifest-sha256.txt"
    signed = named["_mintage/versions/1/manifest-sha256.txt"]
    assert signed["sha256"] == hashlib.sha256(checksums.read_bytes()).hexdigest()
    assert named["parts/people"]["includes"] == [part.path for part in result.manifest.parts("people")]
    assert b"2,000" in result.manifest.read_attachment("datacard.md")


def test_the_datasheet_changes_no_row_and_no_run(job: Job, tmp_path: Path) -> None:
    first = mintage.run(job())
    other = mintage.run(job(datasheet=SHEET, sink={"uri": str(tmp_path / "other"), "shard_rows": 500}))
    assert first.manifest.head.root == other.manifest.head.root
    assert first.summary["run_id"] == other.summary["run_id"]


def test_an_altered_card_is_noticed(job: Job, tmp_path: Path) -> None:
    mintage.run(job())
    card = tmp_path / "out/_mintage/versions/1/datacard.md"
    card.write_bytes(card.read_bytes().replace(b"2,000", b"9,000"))
    report = mintage.verify(str(tmp_path / "out"))
    assert [failure.code for failure in report.failures] == ["changed-attachment"]


def test_a_run_that_stopped_while_signing_goes_on_with_the_same_files(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = ObjectStore.create

    def stop(store: ObjectStore, path: str, data: bytes) -> None:
        if path.endswith("datacard.md"):
            raise StoreUnavailableError("stopped here")
        create(store, path, data)

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "create", stop)
        with pytest.raises(StoreUnavailableError, match="stopped here"):
            mintage.run(job())
    statements = tmp_path / "out/_mintage/versions/1/statements.jsonl"
    before = statements.read_bytes()
    result = mintage.run(job())
    assert (result.manifest.head.version, statements.read_bytes()) == (1, before)
    assert mintage.verify(result.store.uri).ok


def test_checksums_are_checked_by_sha256sum(job: Job, tmp_path: Path) -> None:
    mintage.run(job())
    program = shutil.which("sha256sum")
    assert program is not None
    command = [program, "-c", "--strict", "_mintage/versions/1/manifest-sha256.txt"]
    done = subprocess.run(command, cwd=tmp_path / "out", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count(": OK\n")) == (0, 4)
    part = next((tmp_path / "out/data/people").iterdir())
    part.write_bytes(part.read_bytes()[:-1] + b"\0")
    done = subprocess.run(command, cwd=tmp_path / "out", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count(": FAILED\n")) == (1, 1)
