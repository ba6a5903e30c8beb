from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from mintage.jobs.dependencies import _packages

COMMIT = "0123456789abcdef0123456789abcdef01234567"
URL = "https://example.org/x"


@pytest.mark.parametrize(
    ("origin", "digest", "annotations"),
    [
        (None, {}, {"mutable": True}),
        ("{", {}, {"mutable": True}),
        ("[]", {}, {"mutable": True}),
        ({"url": URL, "archive_info": {"hashes": {"sha256": "ab" * 32}}}, {"sha256": "ab" * 32}, {}),
        ({"url": URL, "archive_info": {"hash": "sha256=" + "cd" * 32}}, {"sha256": "cd" * 32}, {}),
        ({"url": URL, "archive_info": {"hashes": {"sha256": "ab"}}}, {}, {"mutable": True}),
        ({"url": URL, "archive_info": None}, {}, {"mutable": True}),
        ({"url": URL, "vcs_info": {"vcs": "git", "commit_id": COMMIT}}, {"gitCommit": COMMIT}, {}),
        ({"url": URL, "vcs_info": {"vcs": "git", "commit_id": "main"}}, {}, {"mutable": True}),
        ({"url": URL, "dir_info": {"editable": True}}, {}, {"editable": True, "mutable": True}),
    ],
    ids=["index", "broken", "list", "wheel", "old-wheel", "short", "null", "git", "branch", "editable"],
)
def test_a_package_has_a_digest_only_where_its_installer_wrote_one_down(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    origin: object,
    digest: dict[str, str],
    annotations: dict[str, object],
) -> None:
    info = tmp_path / "Some_Package-1.0+cpu.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: Some_Package\nVersion: 1.0+cpu\n\nName: no\nVersion: 3\n"
    )
    if origin is not None:
        text = origin if isinstance(origin, str) else json.dumps(origin)
        (info / "direct_url.json").write_text(text)
    (tmp_path / "broken-2.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    found = {package.name: package.to_json() for package in _packages.__wrapped__()}
    made = found["some-package"]
    assert (made.get("digest", {}), made.get("annotations", {})) == (digest, annotations)
    assert made["uri"] == "pkg:pypi/some-package@1.0%2Bcpu"
    assert "broken" not in found
    assert found["polars"]["uri"] == f"pkg:pypi/polars@{version('polars')}"
